"""The ledger of layers against torch's own counters."""

import itertools

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from mlcore.mnist import ledger
from mlcore.mnist.config import MNISTConfig

IMAGES = torch.zeros(512, 28, 28)


def test_the_courses_ledger_reads_as_the_course_writes_it() -> None:
    rows = {row.name: row for row in ledger(MNISTConfig().build_model(), IMAGES)}

    assert rows["flatten"].equation == "(512, 28, 28) → (512, 784)"
    assert rows["hidden1"].equation == "(512, 784) @ (784, 256) → (512, 256)"
    assert rows["hidden2"].equation == "(512, 256) @ (256, 64) → (512, 64)"
    assert rows["output"].equation == "(512, 64) @ (64, 10) → (512, 10)"
    assert rows["hidden1"].parameters == 784 * 256 + 256
    assert sum(row.parameters for row in rows.values()) == 218_058


@pytest.mark.parametrize("model", ["linear", "mlp", "cnn"])
@pytest.mark.parametrize("normalization", ["none", "batch", "layer", "group", "rms"])
def test_shapes_and_parameters_are_the_networks_own(model: str, normalization: str) -> None:
    config = MNISTConfig().replace(model=model, normalization=normalization)
    network = config.build_model()
    rows = ledger(network, IMAGES[:4])

    for before, after in itertools.pairwise(rows):
        assert before.output == after.input
    assert rows[-1].output == tuple(network(IMAGES[:4]).shape) == (4, 10)
    assert sum(row.parameters for row in rows) == sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize("preset", ["course", "99 % CNN", "linear baseline"])
def test_flops_of_products_are_those_torch_counts(preset: str) -> None:
    network = MNISTConfig.presets[preset].build_model()
    with FlopCounterMode(display=False) as counter:
        network(IMAGES[:3])

    rows = [row for row in ledger(network, IMAGES[:3]) if row.kind in ("Linear", "Conv2d")]
    biases = sum(torch.Size(row.output).numel() for row in rows)

    assert sum(row.flops for row in rows) == counter.get_total_flops() + biases


def test_the_ledger_leaves_the_network_as_it_was() -> None:
    network = MNISTConfig(normalization="batch").build_model()
    before = {name: value.clone() for name, value in network.state_dict().items()}

    ledger(network, torch.ones(4, 28, 28))

    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert not any(layer._forward_hooks for layer in network.modules())
