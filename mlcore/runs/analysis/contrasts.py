"""Compares two seed groups: which is better, by how much, or how many more seeds are needed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from mlcore.runs.analysis.seed_groups import SeedGroup, why_no_more_seeds
from mlcore.runs.analysis.statistics import (
    LEVEL,
    MOST_SEEDS,
    Difference,
    bootstrap,
    holm,
    number_text,
    seeds_needed,
    welch,
)

if TYPE_CHECKING:
    from mlcore.runs.analysis.measures import Goal, Measure

Method = Literal["welch", "bootstrap"]

FEWEST_SEEDS: Final = 3
"""Seeds a group asked for where there is no spread yet to judge by."""

MOST_PAIRED: Final = 6
"""Groups up to which all pairs are compared; of more, each is compared with the best."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """Two seed groups and the difference of their means.

    Attributes:
        a: Letter of the first group, or of the baseline.
        b: Letter of the second one.
        difference: Mean of b − mean of a, in the measure's own unit (an accuracy as a share).
        low: Lower end of the interval; NaN where there is no spread to judge by.
        high: Upper end.
        p: Two-sided; NaN likewise.
        p_holm: The same, raised for the number of contrasts made (Holm).
        df: Welch's degrees of freedom.
        n_a: Seeds of a.
        n_b: Seeds of b.
        better: Letter of the group that is better beyond luck, or None.
        more_seeds: Seeds that each group lacks, most likely, by letter; empty if none or if no
            sensible number would do. Groups that cannot be run again here are not named.
        sentence: All of it in words.
    """

    a: str
    b: str
    difference: float
    low: float
    high: float
    p: float
    p_holm: float
    df: float
    n_a: int
    n_b: int
    better: str | None
    more_seeds: dict[str, int]
    sentence: str


def contrasts_of(
    groups: Sequence[SeedGroup],
    measure: Measure,
    metric: str,
    *,
    goal: Goal,
    baseline: str | None = None,
    level: float = LEVEL,
    method: Method = "welch",
) -> tuple[Contrast, ...]:
    """Compare seed groups in pairs.

    With a baseline each other group is compared with it; else all pairs are, or, of more than
    ``MOST_PAIRED`` groups, each with the best. Groups without any value are left out. A difference
    counts as more than luck if ``p_holm < 1 − level``.

    Args:
        groups: As ``seed_groups_of`` gives them.
        measure: What was measured.
        metric: Of which metric, for the unit.
        goal: Which end of the measure is better.
        baseline: Letter of the group to compare with.
        level: Of the intervals.
        method: ``welch`` or ``bootstrap`` (seed 0).
    """
    pairs = _pairs([group for group in groups if group.n], goal, baseline)
    test = welch if method == "welch" else bootstrap
    differences = [test(a.values, b.values, level=level) for a, b in pairs]
    raised = holm([difference.p for difference in differences])
    return tuple(
        _contrast(a, b, difference, p, measure, metric, goal, than=len(pairs) > 1)
        for (a, b), difference, p in zip(pairs, differences, raised, strict=True)
    )


def sentence(
    difference: Difference,
    *,
    goal: Goal,
    a: str = "A",
    b: str = "B",
    unit: str = "",
    scale: float = 1.0,
    more: tuple[int, int] | None = (0, 0),
    p: float | None = None,
    than: bool = False,
    stuck: Mapping[str, str] | None = None,
) -> str:
    """The difference of two means as a plain sentence.

    ``B is better by 0.42 ± 0.11 points (5 seeds each)``, or
    ``A and B are not distinguishable with 2 seeds each: run 6 more of each``.

    Args:
        difference: Of b − a.
        goal: Which end is better.
        a: What to call the first group.
        b: What to call the second.
        unit: Written behind the numbers.
        scale: The numbers are multiplied by it.
        more: Seeds that a and b lack; None if no sensible number would do.
        p: To judge by, raised for the number of contrasts; by default the difference's own.
        than: Name the worse one as well, where there are others: ``B is better than A by …``.
        stuck: Why no more seeds of a or b can be run here, by what it is called.
    """
    p = difference.p if p is None else p
    seeds = _seeds(difference.n_a, difference.n_b)
    unit = f" {unit}" if unit else ""
    ahead, behind = (b, a) if (difference.value > 0) == (goal == "max") else (a, b)
    better = f"{ahead} is better{f' than {behind}' if than else ''} by"
    if math.isnan(difference.p):
        if min(difference.n_a, difference.n_b) < 2:
            advice = _advice(more, a, b, stuck or {})
            return f"{a} and {b} are not distinguishable with {seeds}: {advice}."
        if difference.value == 0:
            return f"{a} and {b} gave the same number with every seed ({seeds})."
        shown = number_text(abs(difference.value) * scale, abs(difference.value) * scale)
        return (
            f"{better} {shown}{unit}, the same with every seed ({seeds}): the seed "
            "changes nothing here, so luck plays no part."
        )
    half, value = difference.half_width * scale, abs(difference.value) * scale
    if p < 1 - difference.level:
        around = f"{number_text(value, half)} ± {number_text(half, half)}{unit}"
        return f"{better} {around} ({seeds})."
    if more is None:
        return (
            f"{a} and {b} are not distinguishable with {seeds}; the difference is so small that "
            f"{MOST_SEEDS:,} would not suffice."
        )
    advice = _advice(more, a, b, stuck or {})
    return f"{a} and {b} are not distinguishable with {seeds}: {advice}."


def _contrast(
    a: SeedGroup,
    b: SeedGroup,
    difference: Difference,
    p_holm: float,
    measure: Measure,
    metric: str,
    goal: Goal,
    *,
    than: bool,
) -> Contrast:
    clear = p_holm < 1 - difference.level
    more = (0, 0) if clear else _missing_seeds(a, b, difference)
    share = "accuracy" in metric and not measure.unit
    ahead = b if (difference.value > 0) == (goal == "max") else a
    lacking = dict(zip((a.letter, b.letter), more or (0, 0), strict=True))
    obstacles = {one.letter: why_no_more_seeds(one) for one in (a, b) if lacking[one.letter]}
    stuck = {letter: why for letter, why in obstacles.items() if why is not None}
    return Contrast(
        a=a.letter,
        b=b.letter,
        difference=difference.value,
        low=difference.low,
        high=difference.high,
        p=difference.p,
        p_holm=p_holm,
        df=difference.df,
        n_a=a.n,
        n_b=b.n,
        better=ahead.letter if clear else None,
        more_seeds={
            letter: number for letter, number in lacking.items() if number and letter not in stuck
        },
        sentence=sentence(
            difference,
            goal=goal,
            a=a.letter,
            b=b.letter,
            unit="points" if share else measure.unit,
            scale=100.0 if share else 1.0,
            more=more,
            p=p_holm,
            than=than,
            stuck=stuck,
        ),
    )


def _missing_seeds(a: SeedGroup, b: SeedGroup, difference: Difference) -> tuple[int, int] | None:
    """Estimated number of seeds each group still needs for the difference to be detected."""
    if min(a.n, b.n) < 2:
        return max(0, FEWEST_SEEDS - a.n), max(0, FEWEST_SEEDS - b.n)
    if math.isnan(difference.p):
        return 0, 0
    needed = seeds_needed(difference.value, a.sd, b.sd, level=difference.level)
    if needed is None:
        return None
    # luck alone kept it hidden where there are as many seeds as should do: one more, then look
    lacking = max(0, needed - a.n), max(0, needed - b.n)
    return lacking if any(lacking) else (1, 1)


def _pairs(
    groups: Sequence[SeedGroup], goal: Goal, baseline: str | None
) -> list[tuple[SeedGroup, SeedGroup]]:
    if len(groups) < 2:
        return []
    anchor = next((group for group in groups if group.letter == baseline), None)
    if anchor is None and len(groups) > MOST_PAIRED:
        best = max if goal == "max" else min
        anchor = best(groups, key=lambda group: group.mean)
    if anchor is not None:
        return [(anchor, group) for group in groups if group is not anchor]
    return [(a, b) for place, a in enumerate(groups) for b in groups[place + 1 :]]


def _seeds(n_a: int, n_b: int) -> str:
    if n_a == n_b:
        return f"{n_a} seed{'s' * (n_a != 1)} each"
    return f"{n_a} and {n_b} seeds"


def _run(more: tuple[int, int] | None, a: str, b: str) -> str:
    if more is None or not any(more):
        return "run more"
    if more[0] == more[1]:
        return f"run {more[0]} more of each"
    parts = [
        f"{number} more of {name}" for number, name in zip(more, (a, b), strict=True) if number
    ]
    return "run " + " and ".join(parts)


def _advice(more: tuple[int, int] | None, a: str, b: str, stuck: Mapping[str, str]) -> str:
    """What to do about missing seeds; suggests only what would be accepted."""
    if not stuck:
        return _run(more, a, b)
    doable = [
        0 if name in stuck else number for number, name in zip(more or (0, 0), (a, b), strict=True)
    ]
    words = [_run((doable[0], doable[1]), a, b)] if any(doable) else []
    for why in dict.fromkeys(stuck.values()):
        names = " and ".join(name for name, reason in stuck.items() if reason == why)
        words.append(f"more seeds of {names} cannot be run here ({why})")
    return "; ".join(words)
