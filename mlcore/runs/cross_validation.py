"""Cross-validation from a script: the folds are runs, queued together and waited for."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from mlcore.core import Config, RunStateError
from mlcore.runs.analysis.fold_scores import (
    ConfigType,
    CrossValidation,
    check_repeats,
    fold_configs,
    folds_of,
    result_of,
    score_metric,
)
from mlcore.runs.execution.supervisor import check, retries, slots, tend
from mlcore.runs.status import Status
from mlcore.runs.store.store import Store, open_store
from mlcore.runs.waiting_bar import waiting_bar

if TYPE_CHECKING:
    from mlcore.runs.recorded_run import Run

USUAL_FOLDS: Final = 5
_LOOK_EVERY = 0.1  # s


def cross_validate(
    config: Config,
    folds: int | None = None,
    repeats: int = 1,
    *,
    metric: str | None = None,
    force: bool = False,
    wait: bool = True,
    progress: bool = True,
) -> CrossValidation:
    """Train a config once for each fold, and score each run on the fold that it did not see.

    The runs go to the background workers, as one ensemble where that is faster. Those that are
    finished already are not trained again; unfinished ones go on from their last checkpoint. The
    test set stays sealed. Ctrl-C stops the runs and saves their state.

    Args:
        config: What to train; its ``fold`` does not matter.
        folds: Into how many parts to divide the training data, from 2 to 100; by default the
            config's own number, else 5.
        repeats: How often to divide the data anew, by the next ``fold_seed``, from 1 to 100.
        metric: The score of a run, by its last value; by default the validation accuracy (of the
            weights that are kept), else the validation loss.
        force: Train again even what is finished.
        wait: Wait until it is done; else return at once, with the scores that there are.
        progress: Show a progress bar on the terminal while waiting, and in a notebook the curves.

    Returns:
        See ``CrossValidation``.

    Raises:
        ConfigError: If the folds do not fit the config or its data, such as a class with fewer
            images than folds.
        ValueError: If the experiment has no folds, or another argument is not allowed.
        RunStateError: If a fold's run did not finish, with the reason.
        EngineError: If no engine could execute the runs.
        KeyboardInterrupt: After Ctrl-C, once the runs are asked to stop.

    Example:
        >>> import mlcore
        >>> config = mlcore.MNISTConfig(train_size=200, hidden=(8,), epochs=1)
        >>> result = mlcore.cross_validate(config, folds=2)
        >>> print(len(result.runs), int(result.confusion().sum()))
        2 200
    """
    check_repeats(repeats)
    wanted = with_folds(config, folds)
    score_metric(wanted, metric)
    store = open_store()
    runs, queued = submit_folds(store, wanted, repeats, force=force)
    if wait:
        runs = _watched(store, runs, queued, progress)
        _check_finished(runs)
    return result_of(wanted, repeats, runs, metric)


def with_folds(config: ConfigType, folds: int | None = None) -> ConfigType:
    """The config of the first fold.

    Args:
        config: Whose ``fold`` does not matter.
        folds: How many; by default its own number, else 5.

    Raises:
        ConfigError: If they do not go with its other fields.
        ValueError: If the experiment has no folds.
    """
    fields = type(config).model_fields
    if {"folds", "fold"} <= set(fields):
        own: int = config.folds  # type: ignore[attr-defined]  # looked up above
        count = (own or USUAL_FOLDS) if folds is None else folds
        config = config.replace(fold=1, folds=count)
    folds_of(config)
    return config


def submit_folds(
    store: Store, config: Config, repeats: int = 1, *, force: bool = False
) -> tuple[Sequence[Run], Sequence[str]]:
    """Queue the runs of a cross-validation in one group, and return at once.

    Args:
        store: Where to.
        config: With folds.
        repeats: How often to divide the data anew.
        force: Train again even what is finished.

    Returns:
        The runs in the order of ``fold_configs``, and the ids of those that wait because of this.

    Raises:
        As ``cross_validate``.
    """
    configs = fold_configs(config, repeats)
    config.check_data()
    check(store)
    answer = store.submit_together(configs, slots(store), force, retries())
    tend(store)
    return answer


def _watched(store: Store, runs: Sequence[Run], queued: Sequence[str], progress: bool) -> list[Run]:
    ids = [run.id for run in runs]

    def read() -> list[Run]:
        found = {run.id: run for run in store.get_many(ids)}
        return [found[run_id] for run_id in ids if run_id in found]

    wanted = progress and bool(queued)
    with waiting_bar(
        read,
        lambda now: (sum(not run.status.moving for run in now), len(ids)),
        name="cross-validation",
        wanted=wanted,
        live=wanted,
        total=len(ids),
    ) as show:
        while True:
            now = read()
            show(now)
            moving = [run for run in now if run.status.moving]
            if not moving:
                return now
            try:
                tend(store)
                check(store)
                time.sleep(_LOOK_EVERY)
            except KeyboardInterrupt:
                for run in moving:
                    if run.id in queued:
                        run.stop()
                raise


def _check_finished(runs: Sequence[Run]) -> None:
    for run in runs:
        if run.status != Status.FINISHED:
            fold = run.config_fields.get("fold", 1)
            why = run.error or "Cross-validate again, and it goes on."
            raise RunStateError(f"The run {run.id} of fold {fold} is {run.status}: {why}")
