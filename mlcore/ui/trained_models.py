"""The networks of runs, at the end or after an epoch, loaded once for all tabs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from mlcore.core import MODEL_PREFIX, RunStateError, Snapshot
from mlcore.mnist.config import MNISTConfig
from mlcore.runs import Run, Status, open_store
from mlcore.ui.common.torch_threads import one_thread

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, slots=True)
class Moment:
    """A run at one step with saved weights; equal moments have equal weights.

    Attributes:
        url: Address of the store.
        run_id: The run.
        step: Optimizer steps taken.
        kept: Whether the weights are among the arrays of that step (else with the run's end).
        config_json: The run's config.
    """

    url: str
    run_id: str
    step: int
    kept: bool
    config_json: str

    @property
    def config(self) -> MNISTConfig:
        """The run's config."""
        return MNISTConfig.from_json(self.config_json)

    @property
    def epoch(self) -> float:
        """Epochs trained; 0 is the network before its first step."""
        return self.step / self.config.steps_per_epoch()

    @property
    def words(self) -> str:
        """The moment as the end of a sentence: ``after epoch 3``."""
        return f"after epoch {self.epoch:.3g}" if self.step else "before the first step"

    def model(self) -> nn.Sequential:
        """The network in eval mode on the CPU. Shared by all tabs: do not change it.

        Raises:
            RunStateError: If the run has saved no weights yet.
            SnapshotError: If the file with the weights is gone or damaged.
        """
        return _model(self)


def latest(run: Run) -> Moment:
    """The newest weights of a run: final, of the last saved epoch, or of its checkpoint."""
    steps = snapshot_steps(run)
    if run.status == Status.FINISHED or not steps:
        return _moment(run, _step_of_weights(run), kept=False)
    return _moment(run, steps[-1], kept=True)


def moments(run: Run) -> list[Moment]:
    """The steps of a run with saved weights, in order, the newest last.

    A run of an older version, or of a very large network, saved its final weights only.
    """
    kept = [_moment(run, step, kept=True) for step in snapshot_steps(run)]
    last = _step_of_weights(run)
    if run.status == Status.FINISHED and all(moment.step != last for moment in kept):
        kept.append(_moment(run, last, kept=False))
    return sorted(kept, key=lambda moment: moment.step)


def snapshot_steps(run: Run) -> list[int]:
    """The steps at which weights were saved with the other arrays, in order."""
    from mlcore.mnist.weight_snapshots import keeps

    steps = run.array_steps()
    config = run.config
    if not steps or not isinstance(config, MNISTConfig) or not _has_weights(run, steps[0]):
        return []
    return [step for step in steps if keeps(config, step)]


def _step_of_weights(run: Run) -> int:
    """The step of the weights that are the run's: of its best epoch where it keeps those."""
    epoch = run.latest().get("best_epoch")
    per_epoch = run.config.steps_per_epoch()
    return run.step if epoch is None or per_epoch is None else int(epoch) * per_epoch


def _moment(run: Run, step: int, *, kept: bool) -> Moment:
    return Moment(open_store().url, run.id, step, kept, run.config.to_json())


def _has_weights(run: Run, step: int) -> bool:
    return _arrays_have_weights(open_store().url, run.id, step)


@st.cache_data(max_entries=512, show_spinner=False)
def _arrays_have_weights(url: str, run_id: str, step: int) -> bool:
    return any(name.startswith(MODEL_PREFIX) for name in open_store(url).get(run_id).arrays(step))


@st.cache_resource(max_entries=48, show_spinner=False)
@one_thread()
def _model(moment: Moment) -> nn.Sequential:
    from torch import nn

    from mlcore.mnist.models import load_weights

    run = open_store(moment.url).get(moment.run_id)
    if moment.kept:
        return load_weights(moment.config, Snapshot(run.arrays(moment.step)))
    network = run.model()
    if not isinstance(network, nn.Sequential):
        raise RunStateError(
            f"Run {run.id} trained a {type(network).__name__}, whose layers have no order: choose "
            "a run of one of this app's networks."
        )
    return network
