"""The result of a cross-validation: scores of the folds, their mean, curves and confusions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from mlcore.core import Config, InputError, RunStateError, canonical_json
from mlcore.runs.analysis.statistics import number_text
from mlcore.runs.headline import KEPT, VALIDATION
from mlcore.runs.status import Status

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor

    from mlcore.runs.recorded_run import Run

ConfigType = TypeVar("ConfigType", bound=Config)

_USUAL = (KEPT, VALIDATION, "validation_loss")


@dataclass(frozen=True)
class CrossValidation:
    """The runs of a cross-validation, one a fold, and what they measured on their own fold.

    Attributes:
        config: Of the first fold.
        repeats: How often the data was divided anew.
        metric: What a score is: its last value in a run.
        runs: Repeat after repeat, and in each fold after fold.

    Example:
        >>> import mlcore
        >>> config = mlcore.RegressionConfig(standardize=True, lr=0.1, steps=100)
        >>> result = mlcore.cross_validate(config, folds=5)
        >>> print([round(score, 1) for score in result.scores])
        [109.1, 66.0, 185.4, 123.6, 98.1]
        >>> print(result)
        validation loss 116 ± 20 (mean and standard error over 5 folds)
    """

    config: Config
    repeats: int
    metric: str
    runs: tuple[Run, ...] = field(repr=False)

    @property
    def folds(self) -> int:
        """Into how many parts the data was divided."""
        count: int = self.config.folds  # type: ignore[attr-defined]  # checked before it was made
        return count

    @cached_property
    def scores(self) -> tuple[float, ...]:
        """The score of each run; NaN of one that has not finished."""
        return tuple(
            run.latest().get(self.metric, math.nan) if run.status == Status.FINISHED else math.nan
            for run in self.runs
        )

    @property
    def complete(self) -> bool:
        """Whether every fold has its score."""
        return all(map(math.isfinite, self.scores))

    @property
    def mean(self) -> float:
        """The mean of all scores; NaN unless complete."""
        return math.fsum(self.scores) / len(self.scores)

    @property
    def sd(self) -> float:
        """The standard deviation over the folds of a repeat (n − 1), pooled over the repeats."""
        return sd_over_folds(self.scores, self.folds)

    @property
    def standard_error(self) -> float:
        """``sd/√folds``. Repeats reuse the same data, so they do not make it smaller.

        Fold scores depend on each other, as any two runs share most of what they learned from. So
        it is a guide: no estimate of the mean's variance is unbiased (Bengio and Grandvalet,
        Journal of Machine Learning Research 5, 2004).
        """
        return self.sd / math.sqrt(self.folds)

    def same_folds(self, other: CrossValidation) -> bool:
        """Whether the other's runs held out the same samples, in the same order."""
        mine, theirs = self.config.fold_key(), other.config.fold_key()
        return (mine, self.repeats) == (theirs, other.repeats)

    def table(self) -> pd.DataFrame:
        """One row a run: repeat, fold (both from 1), run, status, score."""
        import pandas as pd

        return pd.DataFrame(
            {
                "repeat": [repeat for repeat, _ in self._numbers],
                "fold": [fold for _, fold in self._numbers],
                "run": [run.id for run in self.runs],
                "status": [str(run.status) for run in self.runs],
                "score": self.scores,
            }
        )

    def curves(self, metric: str | None = None) -> pd.DataFrame:
        """Every point of a metric in every run.

        Args:
            metric: By default the validation metric that is scored.

        Returns:
            A long table: repeat, fold, run, step, epoch (NaN where there are none), value.
        """
        import pandas as pd

        name = metric or (VALIDATION if self.metric == KEPT else self.metric)
        parts = [
            run.metrics([name], axes=True).assign(repeat=repeat, fold=fold, run=run.id)
            for run, (repeat, fold) in zip(self.runs, self._numbers, strict=True)
        ]
        columns = ["repeat", "fold", "run", "step", "epoch", "value"]
        return pd.concat(parts, ignore_index=True)[columns]

    def confusion(self) -> Tensor:
        """The out-of-fold confusion matrix: int64 ``[classes, classes]``.

        Row = true class, column = predicted. Each image is counted once in each repeat, as the run
        predicted it that did not learn from it; with ``keep="best"`` by its best epoch.

        Raises:
            RunStateError: If a run has not finished, or counts no confusions.
        """
        import torch

        return torch.stack([self._confusion_of(run) for run in self.runs]).sum(dim=0)

    def sentence(self) -> str:
        """The result in words: ``validation accuracy 97.10% ± 0.12 points (…)``."""
        ended = sum(map(math.isfinite, self.scores))
        called = self.metric.replace("_", " ")
        if not self.complete:
            return f"{called}: {ended} of {len(self.runs)} folds have a score."
        of, error = folds_text(self.folds, self.repeats), self.standard_error
        if "accuracy" in self.metric:
            points = number_text(100 * error, 100 * error)
            shown = f"{number_text(100 * self.mean, 100 * error)}% ± {points} points"
        else:
            shown = f"{number_text(self.mean, error)} ± {number_text(error, error)}"
        return f"{called} {shown} (mean and standard error over {of})"

    def __str__(self) -> str:
        return self.sentence()

    def as_python(self) -> str:
        """A line of Python that gives this result, after ``config.imports()``."""
        return as_python(self.config, self.repeats)

    def as_command(self) -> str:
        """A shell command that gives this result."""
        return as_command(self.config, self.repeats)

    @property
    def _numbers(self) -> list[tuple[int, int]]:
        """Repeat and fold of each run, both from 1."""
        return [
            (place // self.folds + 1, place % self.folds + 1) for place in range(len(self.runs))
        ]

    def _confusion_of(self, run: Run) -> Tensor:
        steps = run.array_steps()
        best, epoch = run.latest().get("best_epoch"), run.config.steps_per_epoch()
        if self.metric == KEPT and best is not None and epoch is not None:
            steps = [step for step in steps if step <= best * epoch]
        if run.status != Status.FINISHED or not steps:
            raise RunStateError(
                f"Run {run.id} is {run.status} and has counted no confusions: wait until each "
                "fold's run has finished."
            )
        found = run.arrays(steps[-1]).get("confusion")
        if found is None:
            raise RunStateError(f"Runs of {run.experiment} count no confusions: it has no classes.")
        return found


def sd_over_folds(scores: Sequence[float], folds: int) -> float:
    """The standard deviation over the folds of a repeat (n − 1), pooled over the repeats.

    Args:
        scores: Repeat after repeat, and in each fold after fold.
        folds: How many there are, at least 2.
    """
    variances = []
    for first in range(0, len(scores), folds):
        own = scores[first : first + folds]
        mean = math.fsum(own) / len(own)
        variances.append(math.fsum((s - mean) ** 2 for s in own) / (len(own) - 1))
    return math.sqrt(math.fsum(variances) / len(variances))


def folds_text(folds: int, repeats: int) -> str:
    """Into how many parts the data was divided, and how often: ``5 folds, 2 repeats``."""
    return f"{folds} folds" + f", {repeats} repeats" * (repeats > 1)


def as_python(config: Config, repeats: int = 1) -> str:
    """A line of Python that cross-validates a config of folds."""
    more = f", repeats={repeats}" if repeats != 1 else ""
    return f"{config.replace(fold=1).as_python('mlcore.cross_validate')[:-1]}{more})"


def as_command(config: Config, repeats: int = 1) -> str:
    """A shell command that cross-validates a config of folds."""
    more = f" --repeats {repeats}" if repeats != 1 else ""
    return config.replace(fold=1).as_command("cv") + more


def score_metric(config: Config, metric: str | None = None) -> str:
    """The metric by which runs of a config of folds are scored.

    Args:
        config: With folds.
        metric: A certain one; by default the validation accuracy (of the weights that are kept),
            else the validation loss.

    Raises:
        ValueError: If no run logs it, or it must be named.
    """
    known = config.metric_names()
    if metric is None:
        metric = next((name for name in _USUAL if name in known), None)
        if metric is None:
            raise InputError(
                f"Runs of {config.experiment} name no validation metric: give metric, the one to "
                "score a fold by."
            )
    if known and metric not in known:
        raise InputError(
            f"metric is {metric!r}, but no run of {config.experiment} logs it; they log "
            f"{', '.join(known)}."
        )
    return metric


def fold_configs(config: ConfigType, repeats: int = 1) -> tuple[ConfigType, ...]:
    """The configs of a cross-validation: repeat after repeat, and in each fold after fold.

    Args:
        config: With ``folds``; the first repeat has its ``fold_seed``, each other the next one.
        repeats: How often to divide the data anew, from 1 to 100.

    Raises:
        ConfigError: If the data does not admit these folds.
        ValueError: If the experiment has no folds, or repeats are out of bounds.
    """
    check_repeats(repeats)
    folds, first = folds_of(config), getattr(config, "fold_seed", 0)
    return tuple(
        config.replace(fold=fold, fold_seed=first + repeat)
        for repeat in range(repeats)
        for fold in range(1, folds + 1)
    )


def folds_of(config: Config) -> int:
    """How many folds a config has. Raises InputError if there are none."""
    if not {"folds", "fold", "fold_seed"} <= set(type(config).model_fields):
        raise InputError(
            f"{config.experiment} has no folds: a config that is cross-validated has the fields "
            "folds, fold and fold_seed, and its runs hold out that fold."
        )
    folds: int = config.folds  # type: ignore[attr-defined]  # looked up above
    if folds < 2:
        raise InputError(f"folds is {folds}, but must be a whole number from 2 up.")
    return folds


def check_repeats(repeats: int) -> None:
    """Raise InputError unless it is from 1 to 100."""
    if isinstance(repeats, bool) or not isinstance(repeats, int) or not 1 <= repeats <= 100:
        raise InputError(f"repeats is {repeats!r}, but must be a whole number from 1 to 100.")


def result_of(
    config: Config, repeats: int, runs: Sequence[Run], metric: str | None = None
) -> CrossValidation:
    """The result of runs, finished or not, in the order of ``fold_configs``."""
    return CrossValidation(
        config.replace(fold=1), repeats, score_metric(config, metric), tuple(runs)
    )


def cross_validations_of(runs: Iterable[Run]) -> list[CrossValidation]:
    """The cross-validations that some runs make up, in the order in which the runs are given.

    Each has a run of every fold, finished or not, of consecutive fold seeds; of two runs of one
    config the newer counts. Runs that lack the other folds are left out.
    """
    groups: dict[str, dict[int, dict[int, Run]]] = {}
    for run in runs:
        fields = dict(run.config_fields)
        fold, seed = fields.pop("fold", 1), fields.pop("fold_seed", 0)
        if run.source is None and fields.get("folds", 0):
            same = groups.setdefault(canonical_json([run.experiment, fields]), {})
            folds = same.setdefault(seed, {})
            folds[fold] = max(run, folds.get(fold, run), key=lambda one: one.key)
    return [
        result_of(part[0].config, len(part) // part[0].config_fields["folds"], part)
        for by_seed in groups.values()
        for part in _consecutive(by_seed)
    ]


def _consecutive(by_seed: Mapping[int, Mapping[int, Run]]) -> Iterator[list[Run]]:
    """Runs of consecutive fold seeds with all their folds."""
    part: list[Run] = []
    before = None
    for seed, by_fold in sorted(by_seed.items()):
        whole = len(by_fold) == next(iter(by_fold.values())).config_fields["folds"]
        if part and (not whole or before != seed - 1):
            yield part
            part = []
        if whole:
            part = [*part, *(by_fold[fold] for fold in sorted(by_fold))]
            before = seed
    if part:
        yield part
