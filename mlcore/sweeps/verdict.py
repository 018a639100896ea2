"""What a sweep may say of the test set: its winner examined once, or how luck flattered it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from mlcore.core import DataUnavailableError, SweepStateError
from mlcore.runs.test_set import Opening, examine, opening_of, times_opened
from mlcore.sweeps.selection_bias import inflation
from mlcore.sweeps.trials import State

if TYPE_CHECKING:
    from mlcore.sweeps.recorded_sweep import Sweep

TEST = "test_accuracy"


def examine_winner(sweep: Sweep, *, person: str = "local") -> Opening:
    """Examine the run (first seed) of a sweep's best trial on the sealed test set.

    Args:
        sweep: Stopped or finished, of a config with a validation split.
        person: Who asks.

    Raises:
        SweepStateError: If the sweep runs, has no result, or its runs look at the test set.

    Example:
        >>> import mlcore
        >>> config = mlcore.MNISTConfig(train_size=300, validation_size=100, hidden=(8,), epochs=1)
        >>> sweep = mlcore.sweep(config, {"lr": [0.01, 0.1]})
        >>> opening = sweep.examine_winner(person="Ada")
        >>> print(opening.trials, opening.sweep_id == sweep.id)
        2 True
    """
    if not sweep.config.sealed():
        raise SweepStateError(
            f"Sweep {sweep.id} has no sealed test set: validation_size is 0, so its trials were "
            "chosen on test."
        )
    if sweep.running:
        raise SweepStateError(
            f"Sweep {sweep.id} still runs: wait or stop it, then examine its winner."
        )
    best = sweep.best
    if best is None:
        raise SweepStateError(f"Sweep {sweep.id} has no winner: no trial is complete.")
    return examine(best, person=person, sweep_id=sweep.id, trials=complete_trials(sweep))


def complete_trials(sweep: Sweep) -> int:
    """How many of a sweep's trials have a result to choose by."""
    return sum(trial.state is State.COMPLETE for trial in sweep.tried)


def opening(sweep: Sweep) -> Opening | None:
    """The opening of the test set by a run that won this sweep; None while it is sealed."""
    ids = [member.run_id for member in sweep.members if member.run_id is not None]
    mine = [one for one in opening_of(sweep.store, ids).values() if one.sweep_id == sweep.id]
    return max(mine, key=lambda one: one.opened, default=None)


def sentences(sweep: Sweep) -> list[str]:
    """What is to be said of a sweep and the test set, in whole sentences.

    Of a sealed one: what the opening found, how often this test set was opened in all, and what
    choosing by test accuracy would have added. Of one that chose by test accuracy: what it added.
    Empty where there is no test set to speak of.
    """
    config: Any = sweep.config
    if not config.sealed():
        if sweep.objectives[0].metric != TEST:
            return []
        share = _inflation(sweep, TEST, None)
        said = ["Chosen on test: each trial looked at the test set, and the best was taken by it."]
        if share is not None:
            said.append(
                f"Choosing among {complete_trials(sweep)} trials flatters the winner's test "
                f"accuracy by at most about {100 * share:.2f} points."
            )
        return said
    found = opening(sweep)
    said = [] if found is None else [found.sentence()]
    with suppress(DataUnavailableError):  # a folder that is gone
        said.append(opened_words(times_opened(sweep.store, config.data_checksum())))
    share = _inflation(sweep, "validation_accuracy", config.validation_images())
    if share is not None:
        said.append(
            f"Choosing among {complete_trials(sweep)} trials by test accuracy would have flattered "
            f"the winner by at most about {100 * share:.2f} points."
        )
    return said


def opened_words(times: int) -> str:
    """How often a test set was opened, as a sentence.

    Example:
        >>> from mlcore.sweeps.verdict import opened_words
        >>> opened_words(2)
        'This test set was opened 2 times in this store.'
    """
    if not times:
        return "The test set is sealed: no run in this store has opened it."
    return f"This test set was opened {times} {'time' if times == 1 else 'times'} in this store."


def _inflation(sweep: Sweep, metric: str, measured_on: int | None) -> float | None:
    """The inflation by the trials' spread in a metric; None if they do not log it."""
    try:
        images = sweep.config.test_images()
    except DataUnavailableError:
        return None
    values = [
        sum(m.last[metric] for m in trial.members) / len(trial.members)
        for trial in sweep.tried
        if trial.state is State.COMPLETE and all(metric in m.last for m in trial.members)
    ]
    if images is None or len(values) < 2:
        return None
    return inflation(values, measured_on or images, images)
