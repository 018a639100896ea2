"""Tasks of the chapter on MNIST, checked on the learner's own runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mlcore.course.task import Task
from mlcore.runs.headline import held_out_accuracy

if TYPE_CHECKING:
    from mlcore.runs import Run


@dataclass(frozen=True, slots=True)
class State:
    """Runs of the experiment *mnist*, of which those count that were made here."""

    runs: Sequence[Run]


def _finished(state: State) -> list[Run]:
    return [run for run in state.runs if run.status == "finished" and run.source is None]


def _accuracy(run: Run) -> float:
    return held_out_accuracy(run.latest())


def _train(state: State) -> bool:
    return any(_accuracy(run) > 0.85 for run in _finished(state))


def _resume(state: State) -> bool:
    return any(
        run.started is not None and run.queued is not None and run.queued > run.started
        for run in _finished(state)
    )


def _linear(state: State) -> bool:
    return any(
        _accuracy(run) > 0.9 and run.config_fields.get("model") == "linear"
        for run in _finished(state)
    )


def _better(state: State) -> bool:
    return any(_accuracy(run) > 0.97 for run in _finished(state))


TASKS: Final = (
    Task(
        "train",
        "Train a network to a test or validation accuracy above 85 %.",
        "Both count images the network was never trained on; that is what matters.",
        _train,
    ),
    Task(
        "resume",
        "Stop a run while it trains, then resume it to its end.",
        "A checkpoint holds weights, optimizer and random state: the result is equal to the last "
        "bit.",
        _resume,
        "Give it more epochs, so that there is time to press Stop.",
    ),
    Task(
        "linear",
        "Reach 90 % with the linear model alone.",
        "One matrix without hidden layers reads nine of ten digits.",
        _linear,
        "Its loss and its learning rate matter most.",
    ),
    Task(
        "better",
        "Reach a test or validation accuracy above 97 %.",
        "Hidden layers, cross-entropy and a good learning rate gain more than more epochs.",
        _better,
    ),
)
