"""The points of the curves: written in bulk, read by cursor, downsampled in SQL."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Float,
    Insert,
    Integer,
    Row,
    Select,
    and_,
    bindparam,
    case,
    delete,
    func,
    literal,
    literal_column,
    not_,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite

from mlcore.runs.non_finite import DOWN, NAN, UP, codes, finite
from mlcore.runs.store.schema import metric_names, points, runs

if TYPE_CHECKING:
    import pandas as pd

SORTED_AT_MOST = 50_000
"""Points of a curve that SQLite may sort to downsample it (see ``_one_by_one``)."""

MOST_STATEMENTS = 2_000
"""Buckets of a curve that are asked for one by one; each takes about a twentieth of a ms."""

_ONE = literal(1)
_THIN_KINDS = {
    "step": "int64",
    "value": "float64",
    "time": "float64",
    "low": "float64",
    "high": "float64",
    "count": "int64",
    "odd": "int64",
}


_LONG_KINDS = {
    "run": "str",
    "metric": "str",
    "step": "int64",
    "value": "float64",
    "time": "float64",
}

_LARGEST = literal_column("1.7976931348623157e308", Float)
_LARGE = literal_column("1e150", Float)
_SCALE = literal_column("1048576.0", Float)  # points of a bucket at most, for the sum to fit


_AT_ONCE = 500  # rows of a statement: SQLite allows 32,766 parameters


def _append_sqlite(rows: int) -> str:
    values = ", ".join(["(?, ?, ?, ?, ?)"] * rows)
    return (
        f"INSERT INTO points (run, name, step, value, time) VALUES {values} "  # noqa: S608 - places
        "ON CONFLICT (run, name, step) DO UPDATE SET value = excluded.value, time = excluded.time"
    )


_APPEND_ONE, _APPEND_MANY = _append_sqlite(1), _append_sqlite(_AT_ONCE)
_APPEND_POSTGRES = (
    "INSERT INTO points (run, name, step, value, time) SELECT %s, rows.* "
    "FROM unnest(%s::int[], %s::bigint[], %s::float8[], %s::float8[]) AS rows "
    "ON CONFLICT (run, name, step) DO UPDATE SET value = excluded.value, time = excluded.time"
)


_NEWER = (  # built once: that costs as much as the answer
    select(points.c.step, metric_names.c.name, points.c.value, points.c.time)
    .join(metric_names, metric_names.c.key == points.c.name)
    .where(
        points.c.run == bindparam("run"),
        metric_names.c.name.in_(bindparam("names", expanding=True)),
        points.c.step > bindparam("after"),
    )
    .order_by(points.c.step)
)

_Row = tuple[int, int, int, float | None, float]


class Point(NamedTuple):
    """One measured value.

    Attributes:
        step: Optimizer steps taken when it was measured.
        name: Name of the metric.
        value: The value; NaN and infinities are kept.
        time: Seconds of work since the run's start, pauses left out.
    """

    step: int
    name: str
    value: float
    time: float


@functools.cache  # building it costs as much as writing some points
def _upsert(dialect: str) -> Insert:
    insert = (postgresql if dialect == "postgresql" else sqlite).insert(points)
    upsert: Insert = insert.on_conflict_do_update(
        index_elements=["run", "name", "step"],
        set_={"value": insert.excluded.value, "time": insert.excluded.time},
    )
    return upsert


class PointTable:
    """Reads and writes points on connections passed in by the store."""

    def __init__(self) -> None:
        self._keys: dict[str, int] = {}

    def write(self, connection: Connection, run_key: int, new: Sequence[Point]) -> None:
        """Add points; a point of the same run, metric and step is replaced.

        A resumed run repeats the steps since its checkpoint, with the same values.
        """
        if not new:
            return
        self._learn_names(connection, {point.name for point in new})
        # one statement may not name a row twice, so the last value of a step wins here
        rows = {(p.name, p.step): p for p in new}.values()
        connection.execute(
            _upsert(connection.dialect.name),
            [
                {
                    "run": run_key,
                    "name": self._keys[p.name],
                    "step": p.step,
                    "value": None if math.isnan(p.value) else p.value,
                    "time": p.time,
                }
                for p in rows
            ],
        )

    def keys(self, connection: Connection, names: set[str]) -> dict[str, int]:
        """The database keys of metrics; new metrics get one."""
        self._learn_names(connection, names)
        return {name: self._keys[name] for name in names}

    def _learn_names(self, connection: Connection, names: set[str]) -> None:
        if names <= self._keys.keys():
            return
        # keys seen in a transaction that is rolled back must not be remembered, so ask anew
        insert = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(
            metric_names
        )
        connection.execute(
            insert.on_conflict_do_nothing(index_elements=["name"]),
            [{"name": name} for name in sorted(names)],
        )
        query = select(metric_names.c.name, metric_names.c.key).where(
            metric_names.c.name.in_(names)
        )
        self._keys.update((name, key) for name, key in connection.execute(query))

    def forget_names(self) -> None:
        """Forget cached metric keys after a rolled back write."""
        self._keys.clear()


def last_step(connection: Connection, run_key: int) -> int | None:
    """The greatest step at which a run has a point; None if it has none."""
    query = select(func.max(points.c.step)).where(points.c.run == run_key)
    last: int | None = connection.execute(query).scalar_one()
    return last


def latest_at(connection: Connection, run_key: int, step: int) -> dict[str, tuple[int, float]]:
    """Step and value of each metric's last point up to and including a step."""
    p, c = points.c, metric_names.c
    last = (
        select(p.name, func.max(p.step).label("step"))
        .where(p.run == run_key, p.step <= step)
        .group_by(p.name)
        .subquery()
    )
    query = (
        select(c.name, p.step, p.value)
        .join(last, (last.c.name == p.name) & (last.c.step == p.step))
        .join(metric_names, c.key == p.name)
        .where(p.run == run_key)
    )
    return {
        name: (at, math.nan if value is None else value)
        for name, at, value in connection.execute(query)
    }


def discard(connection: Connection, run_key: int, after: int, up_to: int | None = None) -> None:
    """Remove a run's points of the steps after one, up to and including another, or all."""
    p = points.c
    # by name too, as the table's key begins: else all points of the run would be looked at
    which = [p.run == run_key, p.name.in_(select(metric_names.c.key)), p.step > after]
    if up_to is not None:
        which.append(p.step <= up_to)
    connection.execute(delete(points).where(*which))


def rows_of(
    run_key: int, keys: Mapping[str, int], new: Iterable[tuple[int, str, float, float]]
) -> list[_Row]:
    """Points as rows for ``append``; of two at one step the later stays."""
    rows = {
        (key := keys[name], step): (run_key, key, step, None if value != value else value, time)
        for step, name, value, time in new
    }
    return list(rows.values())


def append(connection: Connection, rows: list[_Row]) -> None:
    """Add many points of one run: as ``PointTable.write``, but several times as fast."""
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        # the driver hands Python's lock back and forth for each statement: by single rows a thread
        # that writes beside a busy one takes a third of its time
        whole = len(rows) - len(rows) % _AT_ONCE
        for start in range(0, whole, _AT_ONCE):
            some = tuple(chain.from_iterable(rows[start : start + _AT_ONCE]))
            connection.exec_driver_sql(_APPEND_MANY, some)
        if whole < len(rows):
            connection.exec_driver_sql(_APPEND_ONE, rows[whole:])
        return
    columns = [list(column) for column in zip(*rows, strict=True)]
    connection.exec_driver_sql(_APPEND_POSTGRES, (rows[0][0], *columns[1:]))


def read(
    connection: Connection, run_key: int, names: Iterable[str] | None, after: int | None
) -> pd.DataFrame:
    """Every point of a run as a long table: step, name, value, time, in order of step."""
    query = (
        select(points.c.step, metric_names.c.name, points.c.value, points.c.time)
        .join(metric_names, metric_names.c.key == points.c.name)
        .where(points.c.run == run_key)
        .order_by(points.c.step, metric_names.c.name)
    )
    if names is not None:
        query = query.where(metric_names.c.name.in_(list(names)))
    if after is not None:
        query = query.where(points.c.step > after)
    return _frame(connection, query, {"step": "int64", "value": "float64", "time": "float64"})


def newer(
    connection: Connection, run_key: int, names: Sequence[str], after: int
) -> list[tuple[int, str, float, float]]:
    """The points of some metrics after a step, in order of step: step, name, value, time.

    For the few that came since the last reading, for which a table costs more than the query.
    """
    asked = {"run": run_key, "names": list(names), "after": after}
    return [
        (step, name, math.nan if value is None else value, time)
        for step, name, value, time in connection.execute(_NEWER, asked)
    ]


def read_many(connection: Connection, run_ids: Sequence[str]) -> pd.DataFrame:
    """Every point of several runs, not downsampled: run, metric, step, value, time.

    In the order asked for, then by name of the metric, then by step.
    """
    import numpy as np
    import pandas as pd

    p, c = points.c, metric_names.c
    unique = list(dict.fromkeys(run_ids))
    asked = select(runs.c.key, runs.c.id).where(runs.c.id.in_(unique))
    keys = {row.id: row.key for row in connection.execute(asked)}
    names = sorted((row.name, row.key) for row in connection.execute(select(c.name, c.key)))
    rank = {key: place for place, (_, key) in enumerate(names)}
    parts = []
    for place, run_id in enumerate(unique):
        mine = select(p.name, p.step, p.value, p.time).where(p.run == keys.get(run_id))
        rows = connection.execute(mine.order_by(p.name, p.step)).all()
        if rows:
            name, step, value, time = zip(*rows, strict=True)
            ranks = np.array([rank[key] for key in name], dtype=np.int64)
            order = np.argsort(ranks, kind="stable")  # within a metric they come by step
            numbers = np.array(step, np.int64), np.array(value, float), np.array(time, float)
            whole = np.full(len(rows), place, dtype=np.int64), ranks, *numbers
            parts.append([column[order] for column in whole])
    empty = [np.empty(0, dtype=kind) for kind in (int, int, int, float, float)]
    columns = [np.concatenate(column) for column in zip(empty, *parts, strict=True)]
    known = np.array([name for name, _ in names], dtype=object)
    told = np.array(unique, dtype=object)
    texts = pd.DataFrame({"run": told[columns[0]], "metric": known[columns[1]]}).astype("str")
    return texts.assign(step=columns[2], value=columns[3], time=columns[4])


def parts(
    connection: Connection, run_ids: Sequence[str], rows: int = 50_000
) -> Iterator[pd.DataFrame]:
    """``read_many`` in tables of about so many rows, of which only one is in memory at a time."""
    import pandas as pd

    p, name = points.c, metric_names.c.name
    # in the order of Python, which is SQLite's
    by_name = name.collate("C") if connection.dialect.name == "postgresql" else name
    unique = list(dict.fromkeys(run_ids))
    asked = select(runs.c.key, runs.c.id).where(runs.c.id.in_(unique))
    keys = {row.id: row.key for row in connection.execute(asked)}
    mine = (
        select(name, p.step, p.value, p.time)
        .join_from(metric_names, points, metric_names.c.key == p.name)
        .where(p.run == bindparam("run"))
        .order_by(by_name, p.step)
        .execution_options(yield_per=rows)
    )
    waiting: dict[str, list[Any]] = {name: [] for name in _LONG_KINDS}
    for run_id in unique:
        for some in connection.execute(mine, {"run": keys.get(run_id)}).partitions():
            columns = [run_id] * len(some), *zip(*some, strict=True)
            for column, more in zip(waiting.values(), columns, strict=True):
                column.extend(more)
            if len(waiting["run"]) >= rows:
                yield pd.DataFrame(waiting).astype(_LONG_KINDS)
                waiting = {name: [] for name in _LONG_KINDS}
    if waiting["run"]:
        yield pd.DataFrame(waiting).astype(_LONG_KINDS)


def thinned(
    connection: Connection, run_ids: Sequence[str], name: str, at_most: int, after: int | None
) -> pd.DataFrame:
    """One metric of several runs, downsampled to about ``at_most`` rows a run.

    Steps are grouped in buckets whose width is a power of two, so that a growing curve keeps the
    buckets it has. A bucket's row gives its last step, the mean of its finite values, and the
    lowest and the highest of them.

    Returns:
        A table of run, step, value, time, low, high, count, the points that a row stands for, and
        odd, a code of ``mlcore.runs.non_finite`` that is not 0 where NaN or an infinity is among
        them. ``value``, ``low`` and ``high`` are finite, or NaN where no value is;
        ``low == high`` where nothing was thinned. Runs come in the order asked for.
    """
    import pandas as pd

    p = points.c
    asked = select(runs.c.key, runs.c.id).where(runs.c.id.in_(run_ids))
    keys = {row.key: row.id for row in connection.execute(asked)}
    metric = select(metric_names.c.key).where(metric_names.c.name == name).scalar_subquery()
    asked_for = [p.name == metric, *([] if after is None else [p.step > after])]
    of_run = select(p.step).where(p.run == runs.c.key, *asked_for).correlate(runs)
    # by the table's key, without looking at every point
    ends = of_run.order_by(p.step).limit(1), of_run.order_by(p.step.desc()).limit(1)
    beyond, far_beyond = (
        of_run.order_by(p.step).offset(count).limit(1) for count in (at_most, SORTED_AT_MOST)
    )
    spans = connection.execute(
        select(runs.c.key, *(one.scalar_subquery() for one in (*ends, beyond, far_beyond))).where(
            runs.c.key.in_(keys)
        )
    ).all()
    server = connection.dialect.name == "postgresql"
    by_width: dict[int, list[int]] = {}
    parts = []
    for key, low, high, one_more, many_more in spans:
        if low is None:
            continue
        width = bucket_width(at_most + (one_more is not None), high - low + 1, at_most)
        sorts = server or many_more is None or low < 0 or at_most > MOST_STATEMENTS
        if width > 1 and not sorts:
            mine, whole_span = and_(*asked_for, p.run == key), (low // width, high // width)
            parts.append(_drawn(_one_by_one(connection, mine, whole_span, width)))
        else:
            by_width.setdefault(width, []).append(key)
    parts += [
        _drawn(_frame(connection, _buckets(and_(*asked_for, p.run.in_(some)), width, server), {}))
        for width, some in by_width.items()
    ]
    if not parts:
        columns = ["run", *_THIN_KINDS]
        return pd.DataFrame(columns=columns).astype({**_THIN_KINDS, "run": "str"})
    whole = pd.concat(parts, ignore_index=True)
    order = {run_id: place for place, run_id in enumerate(run_ids)}
    whole["run"] = whole["run"].map(keys)
    places = whole["run"].map(order)
    return whole.iloc[places.argsort(kind="stable")].reset_index(drop=True)


def _drawn(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows with non-finite values taken out of the numbers and named in ``odd``."""
    low, high = codes(frame["low"]), codes(frame["high"])
    frame["odd"] = (low & DOWN) | (high & UP) | NAN * (frame.pop("nans").to_numpy() > 0)
    for name in ("value", "low", "high"):
        frame[name] = finite(frame[name])
    for end in ("low", "high"):  # a band that reaches to infinity ends at its mean
        frame[end] = frame[end].fillna(frame["value"])
    return frame.astype(_THIN_KINDS)


def _buckets(mine: ColumnElement[bool], width: int, server: bool) -> Select[tuple[object, ...]]:
    p = points.c
    columns = p.run, p.step, p.value, p.time
    if width == 1:
        ends = p.value.label("low"), p.value.label("high"), _ONE.label("count")
        missing = case((p.value.is_(None), 1), else_=0).label("nans")
        return select(*columns, *ends, missing).where(mine).order_by(p.run, p.step)
    # written out: a server does not know that two parameters of a statement are equal
    bucket = p.step // literal_column(str(width), Integer)
    return _bucket(mine, server).group_by(p.run, bucket).order_by(p.run, bucket)


def _bucket(mine: ColumnElement[bool], server: bool) -> Select[tuple[object, ...]]:
    """Some points as one row."""
    p = points.c
    number = case((func.abs(p.value) <= _LARGEST, p.value))  # NULL where it is infinite
    return select(
        p.run,
        func.max(p.step).label("step"),
        (_mean(number) if server else func.avg(number)).label("value"),
        func.max(p.time).label("time"),
        func.min(p.value).label("low"),
        func.max(p.value).label("high"),
        func.count().label("count"),
        (func.count() - func.count(p.value)).label("nans"),
    ).where(mine)


def _mean(value: ColumnElement[float | None]) -> ColumnElement[float | None]:
    """The mean, also where the sum or its square overflows.

    PostgreSQL's own ``avg`` refuses then; so what is large is scaled down before it is added up.
    A power of two changes no digit.
    """
    large = func.abs(value) > _LARGE
    count = func.nullif(func.count(value), 0)
    ordinary = func.coalesce(func.sum(value).filter(not_(large)), 0.0) / count
    scaled = func.coalesce(func.sum(value / _SCALE).filter(large), 0.0) / count
    return ordinary + scaled * _SCALE


def bucket_width(count: int, span: int, at_most: int) -> int:
    """Steps per bucket: 1 if all points fit, else the smallest power of two that does."""
    if count <= at_most:
        return 1
    return 1 << max(0, math.ceil(math.log2(span / at_most)))


def _one_by_one(
    connection: Connection, mine: ColumnElement[bool], buckets: tuple[int, int], width: int
) -> pd.DataFrame:
    """The buckets of one long curve, from the first to the last, a statement each.

    SQLite sorts all points to group them, though they lie in order of their step; over a million
    points that takes twice as long as all else.
    """
    first, end = bindparam("first", type_=BigInteger), bindparam("end", type_=BigInteger)
    query = _bucket(and_(mine, points.c.step >= first, points.c.step < end), server=False)
    rows: list[Row[Any]] = []
    for bucket in range(buckets[0], buckets[1] + 1):
        asked = {"first": bucket * width, "end": (bucket + 1) * width}
        rows += [row for row in connection.execute(query, asked) if row.step is not None]
    return _table([column.name for column in query.selected_columns], rows)


def _frame(
    connection: Connection, query: Select[tuple[object, ...]], kinds: dict[str, str]
) -> pd.DataFrame:
    result = connection.execute(query)
    return _table(list(result.keys()), result.all()).astype(kinds)


def _table(names: Sequence[str], rows: Sequence[Row[Any]]) -> pd.DataFrame:
    import pandas as pd

    # column by column: pandas looks at each row for long, at a list not at all
    columns = zip(*rows, strict=True) if rows else ([] for _ in names)
    return pd.DataFrame(dict(zip(names, map(list, columns), strict=True)))
