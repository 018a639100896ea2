"""Seed groups: runs that are equal but for the seed, with mean, spread and interval."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from mlcore.core import Config, InputError, RunStateError, canonical_json
from mlcore.core.fields import FieldSpec, rounded
from mlcore.runs.status import Status
from mlcore.runs.store.run_table import plain

if TYPE_CHECKING:
    from mlcore.runs.recorded_run import Run

SEED: Final = "seed"
"""The config field in which members of a group may differ."""


@dataclass(frozen=True)
class SeedGroup:
    """Runs of one config with different seeds.

    Attributes:
        letter: A short name within its comparison: A, B, … in the order of the runs.
        label: The config fields in which it differs from the other groups, or its runs' name.
        experiment: Name of the experiment.
        config_fields: The config without its seed.
        run_ids: All its runs.
        counted: Those whose measure enters the mean: finished, measured, one a seed.
        values: The measure of each of these.
        n: How many they are.
        mean: Of the values; NaN if there are none.
        sd: Standard deviation over seeds (n − 1 below the sum); NaN for fewer than two.
        low: Lower end of the interval of the mean, by Student's t; NaN for fewer than two.
        high: Upper end.
        left_out: Why each of the other runs does not count, by id.
    """

    letter: str
    label: str
    experiment: str
    config_fields: Mapping[str, Any] = field(hash=False)
    run_ids: tuple[str, ...]
    counted: tuple[str, ...]
    values: tuple[float, ...]
    n: int
    mean: float
    sd: float
    low: float
    high: float
    left_out: Mapping[str, str] = field(hash=False)
    runs: tuple[Run, ...] = field(repr=False, hash=False)

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds of the runs that count, in order."""
        counted = set(self.counted)
        return tuple(
            sorted(run.seed for run in self.runs if run.id in counted and run.seed is not None)
        )


def seed_groups_of(
    runs: Sequence[Run],
    values: Mapping[str, float],
    level: float = 0.95,
    why: Mapping[str, str] | None = None,
) -> tuple[SeedGroup, ...]:
    """Group runs that are equal but for the seed, in order of each group's first run.

    Two finished runs of one config and one seed are one observation, not two: the newest counts.

    Args:
        runs: The runs, in the order in which to name the groups.
        values: The measure of each, by id; NaN where there is none.
        level: Of the intervals of the means.
        why: Why a value that is not finite does not count, by id of run.
    """
    members: dict[str, list[Run]] = {}
    for run in runs:
        members.setdefault(_identity(run), []).append(run)
    labels = _labels([same[0] for same in members.values()], [*members.values()])
    return tuple(
        _group(letters(place), labels[place], same, values, level, why or {})
        for place, same in enumerate(members.values())
    )


def queue_more_seeds(group: SeedGroup, n: int) -> list[Run]:
    """Queue the group's config with seeds it has not used yet.

    A seed that was run before is not run again: its finished run is returned.

    Args:
        group: As ``compare`` gives it.
        n: How many, from 1 to 100.

    Returns:
        The runs, queued or finished.

    Raises:
        ValueError: If n is out of bounds or no seeds are left.
        RunStateError: If the config has no seed, or this version cannot make it.

    Example:
        >>> import mlcore
        >>> run = mlcore.run(mlcore.RegressionConfig(steps=20))
        >>> group = mlcore.runs.compare([run], metric="loss").groups[0]
        >>> more = mlcore.runs.queue_more_seeds(group, 1)
        >>> print(run.seed, more[0].seed)
        0 1
    """
    from mlcore.runs.execution.supervisor import tend

    if not 1 <= n <= 100:
        raise InputError(f"n is {n}, but must be a whole number from 1 to 100.")
    if (obstacle := why_no_more_seeds(group)) is not None:
        raise RunStateError(
            f"More seeds of group {group.letter} cannot be run here ({obstacle}). Start a config "
            "of your own, then more seeds of that."
        )
    first = next(run for run in group.runs if run.source is None)
    config = first.config
    spec = _seed_spec(config)
    lowest, high = (0, None) if spec is None else (int(spec.low or 0), spec.high)
    used = {run.seed for run in group.runs}
    highest = math.inf if high is None else high
    fresh: list[int] = []
    for seed in count(lowest):
        if len(fresh) == n:
            break
        if seed > highest:
            raise InputError(f"Only {len(fresh)} of the seeds up to {highest:g} are unused.")
        if seed not in used:
            fresh.append(seed)
    queued = [first.store.submit(config.replace(seed=seed)) for seed in fresh]
    tend(first.store)
    return queued


def why_no_more_seeds(group: SeedGroup) -> str | None:
    """Why the group's config cannot be run with more seeds; None if it can.

    It stands in brackets in a sentence: ``imported, so not trained here``.
    """
    first = next((run for run in group.runs if run.source is None), None)
    if first is None:
        logged = any(run.logged for run in group.runs)
        return "logged by a script" if logged else "imported, so not trained here"
    try:
        config = first.config
    except (ValueError, TypeError) as error:
        return f"this version cannot make the config: {str(error).rstrip('.')}"
    if _seed_spec(config) is None:
        return "the experiment has no seed"
    return None


def _seed_spec(config: Config) -> FieldSpec | None:
    return next((spec for spec in type(config).specs() if spec.name == SEED), None)


def letters(place: int) -> str:
    """A position as letters: 0 is A, 25 is Z, 26 is AA."""
    name = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        name = chr(ord("A") + rest) + name
    return name


def _identity(run: Run) -> str:
    fields = {name: value for name, value in run.config_fields.items() if name != SEED}
    # a config that is not known says nothing of whether two runs are alike
    alone = run.id if run.source is not None and not fields else ""
    code = [run.code] if run.code else []
    return canonical_json([run.experiment, fields, alone, *code])


def _labels(firsts: Sequence[Run], members: Sequence[Sequence[Run]]) -> list[str]:
    """Labels that tell groups apart: a name all members share, else the differing fields."""
    names = [{run.name for run in same} for same in members]
    shared = [next(iter(name)) if len(name) == 1 else "" for name in names]
    fields = dict.fromkeys(name for run in firsts for name in run.config_fields if name != SEED)
    missing = object()

    def value(run: Run, name: str) -> object:
        return plain(run.config_fields.get(name, missing))

    differing = [name for name in fields if len({repr(value(run, name)) for run in firsts}) > 1]
    texts = {name: _text([value(run, name) for run in firsts]) for name in differing}
    labels = []
    for run, name in zip(firsts, shared, strict=True):
        there = [field for field in differing if field in run.config_fields]
        words = [f"{field} {texts[field](value(run, field))}" for field in there]
        labels.append(name or ", ".join(words) or run.experiment)
    return labels


def _text(values: Sequence[object]) -> Callable[[object], object]:
    """Field values as label texts: rounded where they stay different."""
    apart = len(set(map(repr, map(rounded, values)))) == len(set(map(repr, values)))
    return rounded if apart else lambda value: value


def _group(
    letter: str,
    label: str,
    runs: Sequence[Run],
    values: Mapping[str, float],
    level: float,
    why: Mapping[str, str],
) -> SeedGroup:
    left_out: dict[str, str] = {}
    by_seed: dict[object, Run] = {}
    for run in sorted(runs, key=lambda one: one.key, reverse=True):
        value = values.get(run.id, math.nan)
        seed = run.id if run.seed is None else run.seed
        if run.status != Status.FINISHED:
            left_out[run.id] = f"it is {run.status}"
        elif not math.isfinite(value):
            left_out[run.id] = why.get(run.id, "it has no such value")
        elif seed in by_seed:
            left_out[run.id] = f"it repeats seed {seed} of {by_seed[seed].id}"
        else:
            by_seed[seed] = run
    chosen = {run.id for run in by_seed.values()}
    counted = tuple(run.id for run in runs if run.id in chosen)
    numbers = tuple(values[run_id] for run_id in counted)
    mean, sd, low, high = _summary(numbers, level)
    return SeedGroup(
        letter=letter,
        label=label,
        experiment=runs[0].experiment,
        config_fields={k: v for k, v in runs[0].config_fields.items() if k != SEED},
        run_ids=tuple(run.id for run in runs),
        counted=counted,
        values=numbers,
        n=len(numbers),
        mean=mean,
        sd=sd,
        low=low,
        high=high,
        left_out=left_out,
        runs=tuple(runs),
    )


def _summary(values: Sequence[float], level: float) -> tuple[float, float, float, float]:
    n = len(values)
    if not n:
        return math.nan, math.nan, math.nan, math.nan
    mean = math.fsum(values) / n
    if n < 2:
        return mean, math.nan, math.nan, math.nan
    from scipy.special import stdtrit

    sd = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1))
    reach = float(stdtrit(n - 1, 0.5 + level / 2)) * sd / math.sqrt(n)
    return mean, sd, mean - reach, mean + reach
