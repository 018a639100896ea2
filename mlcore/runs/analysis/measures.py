"""Reduces a curve to one number: last, best or mean value, or the time to reach a target."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, cast, get_args

import numpy as np
from sqlalchemy import ColumnElement, Connection, Select, and_, func, select

from mlcore.core import InputError
from mlcore.runs.analysis.axes import Axis, pace_of
from mlcore.runs.non_finite import as_word
from mlcore.runs.store.schema import metric_names, points

if TYPE_CHECKING:
    from mlcore.runs.recorded_run import Run
    from mlcore.runs.store.store import Store

Goal = Literal["max", "min"]
Kind = Literal["last", "best", "area", "time to", "steps to", "epochs to", "samples to"]

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
_AXES: Final[Mapping[str, Axis]] = {
    "time to": "time",
    "steps to": "step",
    "epochs to": "epoch",
    "samples to": "samples",
}
_UNITS: Final[Mapping[str, str]] = {
    "time to": "s",
    "steps to": "steps",
    "epochs to": "epochs",
    "samples to": "samples",
}
_TARGET: Final = re.compile(r"(time|steps|epochs|samples)\s+to\s+(\S+)")


@dataclass(frozen=True, slots=True)
class Measure:
    """How a curve is reduced to one number.

    Attributes:
        kind: ``last`` value; ``best`` value; ``area``: the mean height of the curve over the
            axis, by the trapezoid rule; ``time to`` (s of work), ``steps to``, ``epochs to`` or
            ``samples to``: how long the metric took to reach ``target`` for the first time.
        target: Value to reach; None for the first three.
    """

    kind: Kind
    target: float | None = None

    def __str__(self) -> str:
        return self.kind if self.target is None else f"{self.kind} {self.target:g}"

    @property
    def unit(self) -> str:
        """Unit of the number; ``""`` if it is the metric's own."""
        return _UNITS.get(self.kind, "")

    def goal(self, goal: Goal) -> Goal:
        """Which end of the measure is better; reaching a target sooner is always better."""
        return goal if self.target is None else "min"


def parse_measure(text: str) -> Measure:
    """Parse ``last``, ``best``, ``area``, ``time to 0.97``, ``epochs to 97%`` and the like.

    Raises:
        ValueError: If it is none of these.
    """
    words = " ".join(text.lower().split())
    for kind in KINDS[:3]:
        if words == kind:
            return Measure(kind)
    if found := _TARGET.fullmatch(words):
        kind = next(kind for kind in KINDS if kind.startswith(found[1]))
        percent = found[2].endswith("%")
        try:
            target = float(found[2].rstrip("%")) / (100 if percent else 1)
        except ValueError:
            target = math.nan
        if math.isfinite(target):
            return Measure(kind, target)
    raise InputError(
        f"The measure is {text!r}, but must be last, best, area, or how long a target takes, such "
        "as time to 0.97, steps to 0.97, epochs to 0.97 or samples to 0.97."
    )


def check_goal(goal: str) -> Goal:
    """Which end of a metric is better. Raises ValueError if it is neither max nor min."""
    for known in get_args(Goal):
        if goal == known:
            return cast("Goal", known)
    raise InputError(f"goal is {goal!r}, but must be max or min.")


def default_goal(metric: str) -> Goal:
    """``min`` for a metric whose name says loss or error, else ``max``."""
    return "min" if re.search(r"loss|error|norm|mse|perplexity", metric.lower()) else "max"


def measure_runs(
    store: Store, runs: Sequence[Run], metric: str, measure: Measure, *, goal: Goal, axis: Axis
) -> dict[str, float]:
    """The measure of each of many runs, in one query.

    Args:
        store: Where they are.
        runs: The runs, all of this store.
        metric: Name of the metric.
        measure: How its curve is reduced to one number. NaN points have no part in it, but for
            ``last``, which is NaN where the last point is.
        goal: Which end of the metric is better, for ``best`` and for reaching a target.
        axis: Over which ``area`` is taken: ``time``, else steps (epochs and samples give the
            same mean).

    Returns:
        The measure by id of run; NaN where the metric was not measured or its target not reached.
    """
    with store.reading() as connection:
        key = connection.execute(
            select(metric_names.c.key).where(metric_names.c.name == metric)
        ).scalar_one_or_none()
        if key is None:
            return {run.id: math.nan for run in runs}
        p = points.c
        mine = and_(p.name == key, p.run.in_([run.key for run in runs]))
        found = _values(connection, mine, measure, goal, axis)
    return {run.id: _converted(run, measure, found.get(run.key)) for run in runs}


def why_not_finite(run: Run, metric: str, measure: Measure, value: float) -> str | None:
    """Why a run's measure is not a finite number (follows the run's name); None if it is."""
    if math.isfinite(value):
        return None
    if metric not in run.last:
        return f"it has no {metric}"
    if math.isinf(value):
        return f"its {measure.kind} {metric} is {as_word(value)}"
    if measure.target is not None:
        return f"its {metric} did not reach {measure.target:g}"
    if measure.kind == "last":
        return f"its last {metric} is NaN"
    return f"its {metric} has no {measure.kind} that is a number"


def _values(
    connection: Connection, mine: ColumnElement[bool], measure: Measure, goal: Goal, axis: Axis
) -> dict[int, tuple[float | None, float | None]]:
    """By key of run: the number, and the time that belongs to it where the number is a step."""
    p = points.c
    known = and_(mine, p.value.is_not(None))  # NaN is NULL, and has no part in these
    query: Any  # the selects differ in the types of their columns
    if measure.target is not None:
        there = p.value >= measure.target if goal == "max" else p.value <= measure.target
        query = select(p.run, func.min(p.step), func.min(p.time)).where(known, there)
        query = query.group_by(p.run)
    elif measure.kind == "best":
        best = func.max(p.value) if goal == "max" else func.min(p.value)
        query = select(p.run, best, best).where(known).group_by(p.run)
    elif measure.kind == "area":
        query = _area(known, p.time if axis == "time" else p.step)
    else:  # a run that ended in NaN has NaN as its last value, not the one before
        last = select(p.run, func.max(p.step).label("step")).where(mine).group_by(p.run).subquery()
        at = and_(p.run == last.c.run, p.step == last.c.step)
        query = select(p.run, p.value, p.value).join(last, at).where(mine)
    return {run: (value, time) for run, value, time in connection.execute(query)}


def _area(mine: ColumnElement[bool], x: ColumnElement[float]) -> Select[Any]:
    p = points.c
    pieces = (
        select(
            p.run.label("run"),
            p.value.label("value"),
            x.label("x"),
            (x - func.lag(x).over(partition_by=p.run, order_by=p.step)).label("width"),
            ((p.value + func.lag(p.value).over(partition_by=p.run, order_by=p.step)) / 2).label(
                "height"
            ),
        )
        .where(mine)
        .subquery()
    ).c
    whole = func.max(pieces.x) - func.min(pieces.x)
    mean = func.coalesce(
        func.sum(pieces.width * pieces.height) / func.nullif(whole, 0), func.avg(pieces.value)
    )
    return select(pieces.run, mean, mean).group_by(pieces.run)


def _converted(
    run: Run, measure: Measure, found: tuple[float | None, float | None] | None
) -> float:
    if found is None or found[0] is None:
        return math.nan
    axis = _AXES.get(measure.kind)
    if axis is None:
        return float(found[0])
    step, time = (np.array([value], dtype=np.float64) for value in found)
    along = pace_of(run).along(axis, step, time)
    return math.nan if along is None else float(along[0])
