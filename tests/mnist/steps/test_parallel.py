"""One torch thread or several: what is quicker at the moment, and never at the cost of a bit."""

from __future__ import annotations

import pytest
import torch

from mlcore.mnist.batches import Batches
from mlcore.mnist.config import MNISTConfig
from mlcore.mnist.data.digits import load
from mlcore.mnist.models import build_model
from mlcore.mnist.steps.network import MOST_IMAGES, ManualNetwork, passes
from mlcore.mnist.steps.parallel import ALONE, LONGEST_PAUSE_S, Threads

pytestmark = pytest.mark.usefixtures("one_thread")


class Machine:
    """A clock that steps move on: by 4 ms with one thread, and by what it is told with two."""

    def __init__(self, *, same_bits: bool = True) -> None:
        self.now = 0.0
        self.two = 0.0025
        self.asked = 0
        self.threads = Threads(2, self._same_bits, lambda: self.now)
        self._same = same_bits

    def _same_bits(self, threads: int) -> bool:
        assert threads == 2
        self.asked += 1
        return self._same

    def steps(self, seconds: float) -> float:
        """Take steps for a while; returns the share that had two threads."""
        ends, used = self.now + seconds, []
        while self.now < ends:
            with self.threads.step():
                used.append(torch.get_num_threads())
                self.now += 0.004 if used[-1] == 1 else self.two
        assert torch.get_num_threads() == 1
        return used.count(2) / len(used)


@pytest.fixture
def machine() -> Machine:
    return Machine()


def test_it_begins_with_one_thread_and_goes_on_with_two_where_they_are_quicker(
    machine: Machine,
) -> None:
    assert machine.steps(ALONE * 0.004 - 0.001) == 0.0
    assert machine.steps(10.0) == 1.0
    assert machine.asked == 1


def test_beside_a_busy_core_it_tries_two_ever_more_rarely(machine: Machine) -> None:
    machine.two = 0.2
    machine.steps(60.0)

    assert machine.threads.now == 1
    assert machine.steps(60.0) < 0.001
    machine.two = 0.0025
    machine.steps(LONGEST_PAUSE_S + 1)
    assert machine.steps(1.0) == 1.0
    assert machine.asked == 1


def test_one_interruption_changes_nothing(machine: Machine) -> None:
    machine.steps(1.0)
    machine.two = 0.012
    machine.steps(0.001)
    machine.two = 0.0025

    assert machine.steps(1.0) == 1.0


def test_where_two_round_otherwise_there_is_one() -> None:
    machine = Machine(same_bits=False)

    assert machine.steps(60.0) == 0.0
    assert machine.asked == 1


def test_asking_for_the_bits_leaves_the_network_as_it_was(tiny: str) -> None:
    config = MNISTConfig(
        dataset="folder", data_dir=tiny, hidden=(16,), batch_size=16, normalization="batch"
    )
    model = build_model(config)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    network = ManualNetwork(config, model, "float32", ("blas", "blas"), 16)
    batches = Batches(config, load("folder", tiny), torch.device("cpu"))

    assert network.same_bits(batches, batches.microbatches(0, 1), 1)

    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name


@pytest.mark.parametrize(("batch_size", "groups"), [(512, [2]), (2048, [4, 4]), (65_536, [1] * 8)])
def test_microbatches_share_a_pass_as_long_as_its_memory_is_small(
    batch_size: int, groups: list[int]
) -> None:
    config = MNISTConfig(batch_size=batch_size, train_size=60_000)
    batches = Batches(config, load(), torch.device("cpu"))
    cut = batches.microbatches(0, sum(groups))

    assert [len(group) for group in passes(cut)] == groups
    assert [m for group in passes(cut) for m in group] == cut
    most = max(sum(len(m.chosen) for m in group) for group in passes(cut))
    assert most <= max(MOST_IMAGES, len(cut[0].chosen))
