"""The spec of a sweep: everything that decides which runs it has, but for its budget."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, get_args

from mlcore.core import Config, ConfigError, InputError, canonical_json
from mlcore.experiments import code_now, config_class, current
from mlcore.runs.analysis.fold_scores import folds_of
from mlcore.runs.cross_validation import with_folds
from mlcore.runs.store.damage import damaged, json_of
from mlcore.sweeps.objectives import Objective, objectives_for
from mlcore.sweeps.pruning import Pruning, parse_pruning
from mlcore.sweeps.space import Space, SpaceLike

Sampler: TypeAlias = Literal["grid", "random", "tpe", "gp", "nsga2"]
SAMPLERS: tuple[Sampler, ...] = get_args(Sampler)

DEFAULT_SETTINGS = 20
"""Trials of a sampler other than grid if no budget is given."""
MOST_SEEDS = 1000


@dataclass(frozen=True)
class SweepSpec:
    """A sweep without its budget.

    Attributes:
        config: The config that is varied.
        space: Its varied fields and their ranges.
        sampler: How trials are chosen: ``grid``, ``random``, or through Optuna ``tpe``, ``gp``
            (a Gaussian process) or ``nsga2``.
        objectives: The metrics to optimize.
        seeds: Each trial is run once with each; empty where the config has no seed.
        pruning: When runs end early, or None.
        seed: Of the sampler.
        cv: Whether each trial is cross-validated: run once for each of the config's folds.
        code: The code hash of an experiment of one's own; ``""`` for mlcore's.
    """

    config: Config
    space: Space
    sampler: Sampler
    objectives: tuple[Objective, ...]
    seeds: tuple[int, ...]
    pruning: Pruning | None
    seed: int
    cv: bool = False
    code: str = ""

    @property
    def experiment(self) -> str:
        """Name of the experiment."""
        return self.config.experiment

    @property
    def repeats(self) -> int:
        """Runs per trial."""
        return max(1, len(self.seeds)) * self.folds

    @property
    def folds(self) -> int:
        """Runs per trial and seed."""
        return folds_of(self.config) if self.cv else 1

    @property
    def adaptive(self) -> bool:
        """Whether results decide which trials come next."""
        return self.sampler not in ("grid", "random")

    def run_config(self, params: dict[str, Any], repeat: int) -> Config:
        """The config of one run: of one seed, and of one fold where each trial has them.

        Raises:
            ConfigError: If the values do not go together.
        """
        place, fold = divmod(repeat, self.folds)
        own = {"seed": self.seeds[place]} if self.seeds else {}
        if self.cv:
            own["fold"] = fold + 1
        return self.config.replace(**params, **own)

    def seed_of(self, repeat: int) -> int | None:
        """The seed of one run of a trial, or None where the config has none."""
        return self.seeds[repeat // self.folds] if self.seeds else None

    def with_space(self, space: SpaceLike) -> SweepSpec:
        """A copy over another space. Raises ConfigError as ``Space.of`` does."""
        return replace(self, space=Space.of(self.config, space))

    def as_now(self) -> SweepSpec:
        """The same sweep of the code as it is now, of an experiment of one's own.

        Raises:
            ValueError: If the class as it is now refuses the fields, or cannot be imported.
        """
        config = current(self.config)
        return replace(self, config=config, code=config.code_hash())

    def code_changed(self) -> bool:
        """Whether the code of an experiment of one's own was edited since."""
        now = code_now(self.experiment) if self.code else ""
        return bool(now) and now != self.code

    def to_json(self) -> str:
        """Canonical JSON: equal specs give equal text."""
        return canonical_json(
            {
                "experiment": self.experiment,
                "version": self.config.version,
                "config": self.config.to_dict(),
                "space": json.loads(self.space.to_json()),
                "sampler": self.sampler,
                "objectives": [[one.metric, one.direction] for one in self.objectives],
                "seeds": list(self.seeds),
                "pruning": None if self.pruning is None else self.pruning.text(),
                "seed": self.seed,
                **({"cv": True} if self.cv else {}),
                **({"code": self.code} if self.code else {}),
            }
        )

    @classmethod
    def from_json(cls, text: str) -> SweepSpec:
        """The inverse of ``to_json``.

        Raises:
            ConfigError: If this version knows a field no more.
            StoreError: If the text is damaged.
        """
        fields = json_of(text, dict, "spec", "a sweep")
        try:
            return cls(
                config=config_class(fields["experiment"]).from_dict(fields["config"]),
                space=Space.from_json(json.dumps(fields["space"])),
                sampler=fields["sampler"],
                objectives=tuple(Objective(*one) for one in fields["objectives"]),
                seeds=tuple(fields["seeds"]),
                pruning=parse_pruning(fields["pruning"]),
                seed=fields["seed"],
                cv=fields.get("cv", False),
                code=fields.get("code", ""),
            )
        except (KeyError, TypeError, AttributeError):
            raise damaged("spec", "a sweep", text, "as mlcore.sweep wrote it") from None


def spec_for(
    config: Config,
    space: SpaceLike,
    n: int | None = None,
    *,
    sampler: str = "grid",
    objective: str | Sequence[str] | None = None,
    direction: str | Sequence[str] | None = None,
    seeds: int | Sequence[int] = 1,
    prune: Pruning | str | None = None,
    seed: int = 0,
    cross_validate: bool = False,
) -> SweepSpec:
    """Check the arguments of a sweep; see ``mlcore.sweep`` for them.

    Raises:
        ConfigError: If the space does not fit the config; one sentence per field.
        ValueError: If something else is not allowed.

    Example:
        >>> import mlcore
        >>> spec = mlcore.sweeps.spec_for(mlcore.MNISTConfig(), {"lr": [0.01, 0.1]}, seeds=2)
        >>> print(spec.objectives[0].metric, spec.objectives[0].direction, spec.seeds)
        test_accuracy maximize (0, 1)
    """
    config = _with_folds(config) if cross_validate else config
    checked = Space.of(config, space)
    if cross_validate and not {"folds", "fold"}.isdisjoint(checked.fields):
        raise InputError("Folds are swept themselves, so cross_validate must be off.")
    if sampler == "grid":
        checked = checked.with_points(n)
    return SweepSpec(
        config=_without_swept(config, checked),
        space=checked,
        sampler=_sampler(sampler),
        objectives=objectives_for(config, objective or default_objective(config), direction),
        seeds=_seeds(config, checked, seeds),
        pruning=_pruning(prune, objective),
        seed=_whole("seed", seed, 0, 2**31 - 1),
        cv=cross_validate,
        code=config.code_hash(),
    )


def _with_folds(config: Config) -> Config:
    config = with_folds(config)
    config.check_data()
    return config


def _without_swept(config: Config, space: Space) -> Config:
    """The config with defaults in the varied fields, so that equal sweeps have equal specs."""
    defaults = {spec.name: spec.default for spec in config.specs()}
    for name in space.fields:
        of_model = any(other.startswith(f"{name}.") for other in defaults)  # its fields count
        if name not in space.conditions and not of_model:
            with suppress(ConfigError):  # rules between fields may want the value that is there
                config = config.replace(**{name: defaults[name]})
    return config


def default_objective(config: Config) -> str:
    """The accuracy that runs log, on test or validation images, else a loss, else a metric.

    With a validation split that is ``validation_accuracy``: a sweep must not choose by the test
    set.
    """
    known = config.metric_names() or ("loss",)
    usual = (
        "test_accuracy",
        "best_validation_accuracy",  # of the weights that are kept
        "validation_accuracy",
        "validation_loss",
        "loss",
    )
    return next((name for name in usual if name in known), known[0])


def _sampler(given: str) -> Sampler:
    for sampler in SAMPLERS:
        if given == sampler:
            return sampler
    raise InputError(f"The sampler is {given!r}, but must be one of {', '.join(SAMPLERS)}.")


def _seeds(config: Config, space: Space, given: int | Sequence[int]) -> tuple[int, ...]:
    if "seed" not in type(config).model_fields:
        if given not in (1, (), []):
            raise InputError(f"{type(config).__name__} has no seed, so seeds must be 1.")
        return ()
    if "seed" in space.fields:
        if given != 1:
            raise InputError("The seed is swept itself, so seeds must be 1.")
        return ()
    first: int = config.seed  # type: ignore[attr-defined]  # looked up above
    if isinstance(given, int):
        return tuple(range(first, first + _whole("seeds", given, 1, MOST_SEEDS)))
    seeds = tuple(_whole("A seed", one, 0, 2**31 - 1) for one in given)
    if not seeds or len(set(seeds)) < len(seeds):
        raise InputError(f"The seeds are {seeds}, but must be at least one, none of them twice.")
    return seeds


def _pruning(given: Pruning | str | None, objective: object) -> Pruning | None:
    pruning = parse_pruning(given)
    if pruning is not None and isinstance(objective, (list, tuple)) and len(objective) > 1:
        raise InputError("Pruning judges by one objective; give one, or leave pruning off.")
    return pruning


def _whole(name: str, value: Any, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise InputError(f"{name} is {value!r}, but must be a whole number from {low} to {high}.")
    return value
