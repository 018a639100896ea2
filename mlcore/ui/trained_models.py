"""The networks of runs, at the end or after an epoch, loaded once for all tabs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from mlcore.core import MODEL_PREFIX, Config, MlcoreError, RunStateError, Snapshot
from mlcore.core.image_input import image_shape
from mlcore.experiments import config_class
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
        experiment: Its experiment.
        code: The code hash of an experiment of one's own.
    """

    url: str
    run_id: str
    step: int
    kept: bool
    config_json: str
    experiment: str = MNISTConfig.experiment
    code: str = ""

    @property
    def own(self) -> bool:
        """Whether an experiment of one's own trained it."""
        return self.experiment != MNISTConfig.experiment

    @property
    def config(self) -> MNISTConfig:
        """The config of a run on MNIST and similar data sets."""
        return MNISTConfig.from_json(self.config_json)

    @property
    def own_config(self) -> Config:
        """The config of a run of an experiment of one's own."""
        return config_class(self.experiment).from_json(self.config_json)

    @property
    def epoch(self) -> float:
        """Epochs trained; 0 is the network before its first step."""
        return self.step / self.config.steps_per_epoch()

    @property
    def label(self) -> str:
        """The moment as a heading: ``Epoch 3``; of an experiment of one's own, ``Step 60``."""
        return f"Step {self.step:,}" if self.own else f"Epoch {self.epoch:.3g}"

    @property
    def words(self) -> str:
        """The moment as the end of a sentence: ``after epoch 3``."""
        return f"after {self.label.lower()}" if self.step else "before the first step"

    def model(self) -> nn.Module:
        """The network in eval mode on the CPU. Shared by all tabs: do not change it.

        Of a run on MNIST and similar data sets it is an ``nn.Sequential``.

        Raises:
            RunStateError: If the run has saved no weights yet, or its experiment's code cannot
                build the network for them.
            SnapshotError: If the file with the weights is gone or damaged.
        """
        return _model(self)


def takes_images(config: Config) -> bool:
    """Whether an experiment of one's own builds a network for small images."""
    cls = type(config)
    if cls.build_model is Config.build_model or cls.example_input is Config.example_input:
        return False
    return _takes_images(config.experiment, config.to_json(), cls.code_hash())


@st.cache_data(max_entries=512, show_spinner=False)
def _takes_images(experiment: str, config_json: str, code: str) -> bool:  # noqa: ARG001 - new code is asked anew
    try:
        example = config_class(experiment).from_json(config_json).example_input()
    except Exception:  # noqa: BLE001 - code of one's own may raise anything; *Runs* shows it
        return False
    return image_shape(example) is not None


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
    config = run.config
    code = type(config).code_hash()
    return Moment(open_store().url, run.id, step, kept, config.to_json(), config.experiment, code)


def _has_weights(run: Run, step: int) -> bool:
    return _arrays_have_weights(open_store().url, run.id, step)


@st.cache_data(max_entries=512, show_spinner=False)
def _arrays_have_weights(url: str, run_id: str, step: int) -> bool:
    return any(name.startswith(MODEL_PREFIX) for name in open_store(url).get(run_id).arrays(step))


@st.cache_resource(max_entries=48, show_spinner=False)
@one_thread()
def _model(moment: Moment) -> nn.Module:
    from torch import nn

    from mlcore.mnist.models import load_weights

    run = open_store(moment.url).get(moment.run_id)
    if moment.kept:
        return load_weights(moment.config, Snapshot(run.arrays(moment.step)))
    if moment.own:
        return _own_model(moment, run)
    network = run.model()
    if not isinstance(network, nn.Sequential):
        raise RunStateError(
            f"Run {run.id} trained a {type(network).__name__}, whose layers have no order: choose "
            "a run of one of this app's networks."
        )
    return network


def _own_model(moment: Moment, run: Run) -> nn.Module:
    weights = run.state_dict()
    try:
        network = moment.own_config.build_model()
        network.load_state_dict(weights)
    except MlcoreError:
        raise
    except Exception as error:  # code of one's own may raise anything
        said = (str(error).strip().splitlines() or [""])[0]
        raise RunStateError(
            f"The network of run {run.id} cannot be built with its weights: "
            f"{type(error).__name__}: {said} If its code was changed since, train it again."
        ) from error
    return network.eval()
