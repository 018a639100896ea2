"""What a sweep may say of the test set: its winner examined once, or how luck flattered it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from mlcore.core import DataUnavailableError, SweepStateError
from mlcore.runs.test_set import Opening, examine, opened_words, opening_of, times_opened
from mlcore.sweeps.selection_bias import inflation
from mlcore.sweeps.trials import State

if TYPE_CHECKING:
    from mlcore.sweeps.recorded_sweep import Sweep

TEST = "test_accuracy"


def examine_winner(sweep: Sweep, *, person: str = "local") -> Opening:
    """Examine the run (first seed, first fold) of a sweep's best trial on the sealed test set.

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


def which_run(sweep: Sweep) -> str:
    """Which of the winner's runs the test set is for, as a sentence; empty where it has only one.

    A mean over runs judges a trial, but one run is examined: that of the first seed and fold.
    """
    spec, found = sweep.spec, opening(sweep)
    if spec.repeats == 1:
        return ""
    repeats = [m.repeat for m in sweep.members if found is not None and m.run_id == found.run_id]
    repeat = min(repeats, default=0)
    of = [f"fold {repeat % spec.folds + 1} of {spec.folds}"] * spec.cv
    of += [f"seed {spec.seed_of(repeat)}"] * (len(spec.seeds) > 1)
    run = "one is examined" if found is None else f"run {found.run_id} was examined"
    said = f"Of the winner's {spec.repeats} runs {run}, that of {' and '.join(of)}."
    if spec.cv:
        learned = "learns" if found is None else "learned"
        said += f" It {learned} from the other folds only, not from all images."
    return said


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

    Of a sealed one: what the opening found and by which run, how often this test set was opened in
    all, and what choosing by test accuracy would have added. Of one that chose by test accuracy:
    what it added. Empty where there is no test set to speak of.
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
    said = [] if found is None else [one for one in (found.sentence(), which_run(sweep)) if one]
    with suppress(DataUnavailableError):  # a folder that is gone
        said.append(opened_words(times_opened(sweep.store, config.data_checksum())))
    share = _inflation(sweep, "validation_accuracy", _validated_on(sweep))
    if share is not None:
        said.append(
            f"Choosing among {complete_trials(sweep)} trials by test accuracy would have flattered "
            f"the winner by at most about {100 * share:.2f} points."
        )
    return said


def _validated_on(sweep: Sweep) -> int | None:
    """How many samples a trial was validated on: with folds on those of all of them."""
    spec, images = sweep.spec, sweep.config.validation_images()
    return None if images is None else images * spec.folds


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
