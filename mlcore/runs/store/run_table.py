"""All runs as one DataFrame, one row per run, cached until a row changes."""

from __future__ import annotations

import json
from collections import OrderedDict
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import Connection, Row, func, select

from mlcore.core import StoreError
from mlcore.runs.store.damage import json_of, status_of
from mlcore.runs.store.hidden import trashed
from mlcore.runs.store.schema import runs

if TYPE_CHECKING:
    import pandas as pd

    from mlcore.runs.store.store import Store

CONFIG: Final = "config."
"""Prefix of the columns that hold config fields."""

METRIC: Final = "metric."
"""Prefix of the columns that hold the last value of each metric."""

IS_NAN: Final = "nan."
"""Prefix of the columns that say of which runs the last value of a metric is NaN."""

VERSION: Final = "version."
"""Prefix of the columns that hold versions: of torch, mlcore, python, the git commit."""

DAMAGED: Final = "damaged"
"""Name in ``attrs`` of the sentences on runs that are left out."""

MOMENTS: Final = ("created", "started", "finished", "deleted")
"""Columns of moments in UTC."""

_LIGHT: Final = (
    *("key", "id", "name", "experiment", "status", "starred", "archived", "tags", "note", "seed"),
    *("created", "started", "finished", "deleted", "elapsed", "step", "done", "total", "host"),
    *("error", "request", "source", "edited", "fingerprint", "config", "latest", "versions"),
)
_OWN: Final = (
    *("key", "id", "name", "experiment", "status", "progress", "starred", "archived", "tags"),
    *("note", "seed", "created", "started", "finished", "deleted", "duration", "step", "host"),
    *("error", "request", "source", "edited", "fingerprint"),
)
_KEPT_TABLES = 8
_tables: OrderedDict[tuple[str, bool], tuple[str, pd.DataFrame]] = OrderedDict()
_lock = Lock()


def run_table(store: Store, *, deleted: bool = False) -> pd.DataFrame:
    """One row per run, newest first, with everything that one query can read of all runs.

    Args:
        store: Where the runs are.
        deleted: The runs in the trash, instead of those that are not.

    Returns:
        - what is known of each: key, id, name, experiment, status, progress (0 to 1), starred,
          archived, tags (a tuple), note, seed, created, started, finished, deleted (UTC), duration
          (s of work; missing if it never started), step, host, error, request, source, edited,
          fingerprint;
        - its config as ``config.NAME``; a tuple is text with commas, ``256,64``;
        - the last value of each metric as ``metric.NAME``; where that is NaN for some run,
          ``nan.NAME`` is True for it, and False where there is a number or no value;
        - versions as ``version.NAME``.

        What a run does not have is missing (NaN, NaT or None). The table is the caller's own.
        ``attrs["damaged"]`` holds a sentence for each run that is left out as its row is damaged.

    Example:
        >>> import mlcore
        >>> run = mlcore.run(mlcore.RegressionConfig(steps=20))
        >>> table = mlcore.runs.run_table(mlcore.runs.open_store())
        >>> table.loc[table["id"] == run.id, "config.steps"].item()
        20.0
    """
    key = (store.url, deleted)
    with store.reading() as connection:  # one moment: the revision is that of the rows
        now = _revision(connection)
        with _lock:
            known = _tables.get(key)
        if known is None or known[0] != now:
            known = (now, _table(connection, deleted))
            with _lock:
                _tables[key] = known
                _tables.move_to_end(key)
                while len(_tables) > _KEPT_TABLES:
                    _tables.popitem(last=False)
    return known[1].copy(deep=False)  # pandas copies a column when it is written to


def revision(store: Store) -> str:
    """A token that changes whenever a run changes; cheap to poll.

    Heartbeats do not count; flushed points do, as they move the run's step and time.
    """
    with store.reading() as connection:
        return _revision(connection)


def forget() -> None:
    """Clear the cached tables."""
    with _lock:
        _tables.clear()


def plain(value: object) -> object:
    """A config value as a table cell: lists as text with commas, the rest unchanged."""
    return ",".join(map(str, value)) if isinstance(value, (list, tuple)) else value


def _revision(connection: Connection) -> str:
    c = runs.c
    sums = [func.sum(column) for column in (c.edited, c.step, c.elapsed, c.done, c.total)]
    moments = [func.sum(column) for column in (c.queued, c.started, c.finished, c.deleted)]
    query = select(c.status, func.count(), func.max(c.key), func.count(c.request), *sums, *moments)
    rows = connection.execute(query.group_by(c.status).order_by(c.status))
    return json.dumps([list(row) for row in rows], default=str)


def _table(connection: Connection, deleted: bool) -> pd.DataFrame:
    import pandas as pd

    which = trashed() if deleted else runs.c.deleted.is_(None)
    query = select(*(runs.c[name] for name in _LIGHT)).where(which).order_by(runs.c.key.desc())
    rows, damaged = [], []
    for row in connection.execute(query):
        try:
            rows.append(_ParsedRow.of(row))
        except StoreError as error:  # one damaged run does not hide the others
            damaged.append(str(error))
    parts: list[dict[str, list[Any]]] = [
        {name: [_OWN_VALUES[name](row) for row in rows] for name in _OWN},
        _spread(CONFIG, [row.config for row in rows]),
        _spread(METRIC, [row.latest for row in rows]),
        _nan_columns([row.latest for row in rows]),
        _spread(VERSION, [row.versions for row in rows]),
    ]
    frame = pd.DataFrame({name: values for part in parts for name, values in part.items()})
    for name in MOMENTS:
        seconds = pd.to_datetime(frame[name].astype("float64"), unit="s", utc=True)
        frame[name] = seconds.dt.round("us").dt.as_unit("us")  # as datetime rounds
    kinds = {"key": "int64", "step": "int64", "edited": "int64", "progress": "float64"}
    kinds |= {"duration": "float64", "starred": "bool", "archived": "bool", "seed": "Int64"}
    table = frame.astype(kinds)
    table.attrs[DAMAGED] = tuple(damaged)
    return table


class _ParsedRow(NamedTuple):
    row: Row[Any]
    status: str
    tags: tuple[str, ...]
    config: dict[str, Any]
    latest: dict[str, Any]
    versions: dict[str, Any]

    @classmethod
    def of(cls, row: Row[Any]) -> _ParsedRow:
        of = f"run {row.id}"
        return cls(
            row,
            str(status_of(row.status, of)),
            tuple(json_of(row.tags, list, "tags", of)),
            _parsed(row.config, "config", row.id),
            json_of(row.latest, dict, "latest values", of),
            _parsed(row.versions, "versions", row.id),
        )


def _spread(prefix: str, dicts: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Columns from a list of dicts, in order of first appearance."""
    names = dict.fromkeys(name for one in dicts for name in one)
    return {f"{prefix}{name}": [plain(one.get(name)) for one in dicts] for name in names}


def _nan_columns(latest: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Of the metrics with a NaN among these values: whether it is one, for each run."""
    names = dict.fromkeys(k for one in latest for k, value in one.items() if value != value)
    return {
        f"{IS_NAN}{name}": [name in one and one[name] != one[name] for one in latest]
        for name in names
    }


def _parsed(text: str, what: str, run_id: str) -> dict[str, Any]:
    """Parsed JSON, cached by its text; do not modify the result."""
    try:
        return _read(text)
    except StoreError:
        return json_of(text, dict, what, f"run {run_id}")


@lru_cache(maxsize=8192)
def _read(text: str) -> dict[str, Any]:
    return json_of(text, dict, "text", "a run")


def _attribute(name: str) -> Any:
    return lambda parsed: getattr(parsed.row, name)


def _progress(parsed: _ParsedRow) -> float:
    row = parsed.row
    return min(1.0, row.done / row.total) if row.total else 0.0


_OWN_VALUES: Final[dict[str, Any]] = {
    **{name: _attribute(name) for name in _OWN},
    "progress": _progress,
    "status": lambda parsed: parsed.status,
    "tags": lambda parsed: parsed.tags,
    "duration": lambda parsed: None if parsed.row.started is None else parsed.row.elapsed,
}
