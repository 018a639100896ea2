"""Which settings mattered most among chosen runs, by Optuna's importance."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from mlcore.core import InputError
from mlcore.experiments import EXPERIMENTS, config_class
from mlcore.runs.analysis.seed_groups import SEED
from mlcore.runs.export.missing import extra
from mlcore.runs.status import Status
from mlcore.runs.store.run_table import plain

if TYPE_CHECKING:
    import optuna
    import pandas as pd
    from optuna.distributions import BaseDistribution
    from optuna.importance import BaseImportanceEvaluator

    from mlcore.core import FieldSpec
    from mlcore.runs.analysis.comparison import Comparison
    from mlcore.runs.recorded_run import Run

Evaluator = Literal["ped_anova", "fanova", "mean_decrease_impurity"]

FEWEST_RUNS: Final = 4
FEWEST_TO_TRUST: Final = 20

_MEANING: Final[Mapping[str, str]] = {
    "ped_anova": "how much a setting decides whether a run is among the best tenth (PED-ANOVA)",
    "fanova": "which share of the measure's variance a setting explains (fANOVA)",
    "mean_decrease_impurity": "how often a forest of trees splits by a setting, and how well",
}


@dataclass(frozen=True)
class Importance:
    """How much each setting mattered.

    Attributes:
        table: Columns field and importance, shares that add up to 1, the largest first.
        runs: How many runs it is drawn from.
        evaluator: Name of Optuna's evaluator.
        caveat: What these shares mean and what they do not, for these runs.
    """

    table: pd.DataFrame
    runs: int
    evaluator: Evaluator
    caveat: str


def importance(
    comparison: Comparison, evaluator: Evaluator = "ped_anova", seed: int = 0
) -> Importance:
    """Compute with Optuna how much each differing config field mattered for the measure.

    The numbers are those of ``optuna.importance.get_param_importances`` over ``study_of``. The
    seed of the runs is no setting and is left out.

    Args:
        comparison: The runs, the measure and which end of it is better.
        evaluator: ``ped_anova`` (Optuna's default; Watanabe, Bansal, Hutter, IJCAI 2023),
            ``fanova`` (Hutter, Hoos, Leyton-Brown, ICML 2014) or ``mean_decrease_impurity``; the
            last two need scikit-learn.
        seed: Of the forests of the last two.

    Raises:
        ValueError: If fewer than ``FEWEST_RUNS`` finished runs have the measure, if it is the
            same for all, if no field differs, or there is no such evaluator.
        MissingExtraError: If scikit-learn is needed and not installed.

    Example:
        >>> import mlcore
        >>> config = mlcore.RegressionConfig(steps=20)
        >>> rates = (1e-5, 2e-5, 3e-5, 5e-5, 1e-4)
        >>> runs = [mlcore.run(config.replace(lr=lr)) for lr in rates]
        >>> found = mlcore.runs.importance(mlcore.runs.compare(runs, metric="loss"))
        >>> print(found.runs, found.table["field"].tolist())
        5 ['lr']
    """
    import pandas as pd

    if evaluator not in get_args(Evaluator):
        raise InputError(
            f"evaluator is {evaluator!r}, but must be one of {', '.join(get_args(Evaluator))}."
        )
    if evaluator != "ped_anova":
        extra("sklearn", f"The importance by {evaluator}", "importance")
    study = study_of(comparison)
    trials = study.get_trials(deepcopy=False)
    _check(study)
    from optuna.importance import get_param_importances

    with _quiet():
        shares = get_param_importances(study, evaluator=_evaluator(evaluator, seed))
    table = pd.DataFrame({"field": list(shares), "importance": list(shares.values())})
    return Importance(table, len(trials), evaluator, _caveat(comparison, study, evaluator))


def study_of(comparison: Comparison) -> optuna.Study:
    """An in-memory Optuna study of the finished runs that have the measure.

    Numbers range over what these runs tried, on a logarithmic scale where the config's field has
    one; everything else, tuples as text included, is a choice.
    """
    import optuna

    runs = [
        run
        for run in comparison.runs
        if run.status == Status.FINISHED and math.isfinite(comparison.measures[run.id])
    ]
    distributions = _distributions(runs)
    upwards = comparison.measure.goal(comparison.goal) == "max"
    with _quiet():
        study = optuna.create_study(direction="maximize" if upwards else "minimize")
        for run in runs:
            there = {name: d for name, d in distributions.items() if name in run.config_fields}
            study.add_trial(
                optuna.trial.create_trial(
                    params={name: _value(run, name, d) for name, d in there.items()},
                    distributions=there,
                    value=float(comparison.measures[run.id]),
                )
            )
    return study


def _distributions(runs: list[Run]) -> dict[str, BaseDistribution]:
    from optuna import distributions as d

    names = dict.fromkeys(name for run in runs for name in run.config_fields if name != SEED)
    specs = _specs(runs)
    found: dict[str, BaseDistribution] = {}
    for name in names:
        values = [run.config_fields[name] for run in runs if name in run.config_fields]
        if len({repr(plain(value)) for value in values}) < 2:
            continue
        numbers = [v for v in values if isinstance(v, (int, float)) and not isinstance(v, bool)]
        if len(numbers) < len(values):
            found[name] = d.CategoricalDistribution(sorted({_word(value) for value in values}))
            continue
        low, high = min(numbers), max(numbers)
        log = name in specs and specs[name].scale != "linear" and low > 0
        if all(isinstance(value, int) for value in numbers):
            found[name] = d.IntDistribution(int(low), int(high), log=log)
        else:
            found[name] = d.FloatDistribution(float(low), float(high), log=log)
    return found


def _specs(runs: list[Run]) -> dict[str, FieldSpec]:
    experiments = {run.experiment for run in runs if run.experiment in EXPERIMENTS}
    return {spec.name: spec for name in experiments for spec in config_class(name).specs()}


def _value(run: Run, name: str, distribution: BaseDistribution) -> Any:
    from optuna.distributions import CategoricalDistribution

    value = run.config_fields[name]
    return _word(value) if isinstance(distribution, CategoricalDistribution) else value


def _word(value: object) -> str:
    return str(plain(value))


def _check(study: optuna.Study) -> None:
    trials = study.get_trials(deepcopy=False)
    if len(trials) < FEWEST_RUNS:
        raise InputError(
            f"Importance needs at least {FEWEST_RUNS} finished runs that have the measure, but "
            f"there are {len(trials)}. Choose more runs."
        )
    if not any(trial.params for trial in trials):
        raise InputError(
            "The configs of these runs do not differ, so no setting explains anything."
        )
    if len({trial.value for trial in trials}) < 2:
        raise InputError("All these runs have the same measure, so there is nothing to explain.")


def _evaluator(name: Evaluator, seed: int) -> BaseImportanceEvaluator:
    from optuna import importance as by

    match name:
        case "ped_anova":
            return by.PedAnovaImportanceEvaluator()
        case "fanova":
            return by.FanovaImportanceEvaluator(seed=seed)
        case "mean_decrease_impurity":
            return by.MeanDecreaseImpurityImportanceEvaluator(seed=seed)


def _caveat(comparison: Comparison, study: optuna.Study, evaluator: Evaluator) -> str:
    trials = study.get_trials(deepcopy=False)
    few = (
        f" {len(trials)} runs are few for that: below {FEWEST_TO_TRUST} or so it changes with "
        "every run that is added."
        if len(trials) < FEWEST_TO_TRUST
        else ""
    )
    left = len(comparison.runs) - len(trials)
    without = ""
    if left == 1:
        without = " One run that is not finished or has no such value is left out."
    elif left:
        without = f" {left} runs that are not finished or have no such value are left out."
    return (
        f"It says {_MEANING[evaluator]}, among these {len(trials)} runs and within the values they "
        "tried. A setting that you hardly varied looks unimportant, and settings that you always "
        f"changed together share their importance by chance.{few}{without}"
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence Optuna's log lines and its warnings about experimental features."""
    import optuna

    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(level)
