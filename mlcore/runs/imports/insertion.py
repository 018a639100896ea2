"""Inserts imported runs into the store in one piece: either all of them appear or none."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import insert, select, update

from mlcore.core import InputError
from mlcore.core.snapshots import unpack_snapshot
from mlcore.runs.imports.foreign import Foreign, ImportRefusedError, check_name, row_of
from mlcore.runs.store.artifacts import Artifacts
from mlcore.runs.store.damage import json_of
from mlcore.runs.store.hidden import HIDDEN, Turns, held_by_this_process, remove, remove_leftovers
from mlcore.runs.store.latest import Latest
from mlcore.runs.store.points import Point, append, rows_of
from mlcore.runs.store.schema import openings, runs
from mlcore.runs.store.submission import new_id
from mlcore.runs.test_set import opening_row

if TYPE_CHECKING:
    from mlcore.runs.recorded_run import Run
    from mlcore.runs.store.store import Store

_BEAT_EVERY_S: Final = 60.0


def bring_in(store: Store, foreign: Foreign) -> Run:
    """Import one run; see ``bring_in_all``."""
    return bring_in_all(store, [foreign])[0]


def bring_in_all(store: Store, foreign: Iterable[Foreign]) -> list[Run]:
    """Import runs, marked with their source: all of them, or none if one is refused.

    One that is there already is returned. The others keep their ids unless they are taken. They
    answer for no config and cannot be resumed. An experiment that this package does not have
    keeps its name without a colon, so that nothing is ever imported by it.

    Points are written a few at a time, on hidden runs, so that a live run goes on
    writing; at the end all of them appear at once. What a crash left half written is removed by
    the next call.

    Args:
        store: Where to store them.
        foreign: The runs, in order; each is asked for its points once.

    Raises:
        ImportRefusedError: If a run or a point of it is not to be had; nothing is stored.
    """
    remove_leftovers(store)
    found: dict[tuple[str, str], str | _Staged] = {**_known(store)}
    staged: list[_Staged] = []
    keys: list[tuple[str, str]] = []
    try:
        for one in foreign:
            keys.append((one.source, one.digest))
            if keys[-1] not in found:
                staged.append(_Staged(store, one))
                found[keys[-1]] = staged[-1]
                staged[-1].fill()
        _publish(store, staged)
    except BaseException:
        remove(store, [one.key for one in staged])
        raise
    ends = [found[key] for key in keys]
    return [store.get(one if isinstance(one, str) else one.run_id) for one in ends]


class _Staged:
    """A run that is being written and is still hidden."""

    def __init__(self, store: Store, foreign: Foreign) -> None:
        self._store = store
        self._foreign = foreign
        self._row = row_of(foreign)
        self._opening = _opening(foreign)
        self._held = held_by_this_process(store)
        hidden = self._row | self._held
        with store.writing() as connection:
            while connection.execute(select(runs.c.key).where(runs.c.id == hidden["id"])).first():
                hidden["id"] = new_id()
            self.run_id: str = hidden["id"]
            made = insert(runs).values(hidden).returning(runs.c.key)
            self.key: int = connection.execute(made).scalar_one()
        self._beaten = time.monotonic()
        self._keys: dict[str, int] = {}
        self._latest = Latest()
        self._last_step = 0
        self._last_time = 0.0

    def fill(self) -> None:
        """Write points and files, in short transactions."""
        turns, waiting = Turns(self._store), []
        for point in self._checked():
            waiting.append(point)
            if len(waiting) >= turns.size:
                self._write(turns, waiting)
                waiting = []
        self._write(turns, waiting)
        for name, step, content in self._foreign.files:
            Artifacts(self._store, self.run_id, self.key).put(name, step, content)

    def _write(self, turns: Turns, new: list[Point]) -> None:
        names = {point.name for point in new}
        if not names <= self._keys.keys():
            with turns.take() as connection:
                self._keys |= self._store.point_table.keys(connection, names)
        rows = rows_of(self.key, self._keys, new)
        with turns.take() as connection:
            append(connection, rows)
            if time.monotonic() - self._beaten > _BEAT_EVERY_S:
                self._beaten = time.monotonic()
                mine = update(runs).where(runs.c.key == self.key)
                connection.execute(mine.values(heartbeat=self._store.clock()))

    def final(self) -> dict[str, Any]:
        """The columns that make the run visible."""
        facts, steps = self._foreign.facts, self._last_step
        progress = {
            "elapsed": _number(facts, "elapsed", self._last_time),
            "step": _step(facts, steps),
            "done": _number(facts, "done", float(steps)),
            "total": _number(facts, "total", float(steps)),
            "latest": json.dumps(self._latest.values()),
        }
        unheld = dict.fromkeys(self._held) | {"host": self._row["host"]}
        return progress | unheld

    def opening(self) -> dict[str, Any] | None:
        """The columns of the opening of its test set; None if it was not opened."""
        return None if self._opening is None else self._opening | {"run": self.key}

    def _checked(self) -> Iterator[Point]:
        named: set[str] = set()
        for point in self._foreign.points:
            if point.name not in named:
                check_name(point, self._foreign.file)
                named.add(point.name)
            if not math.isfinite(point.time):
                raise ImportRefusedError(
                    f"{self._foreign.file} holds a point of the metric {point.name[:60]!r} at "
                    f"step {point.step} without a time."
                )
            self._latest.note(point.step, point.name, point.value)
            self._last_step = max(self._last_step, point.step)
            self._last_time = max(self._last_time, point.time)
            yield point


def _publish(store: Store, staged: Sequence[_Staged]) -> None:
    with store.writing() as connection:
        for one in staged:
            mine = update(runs).where(runs.c.key == one.key, runs.c.deleted == HIDDEN)
            if connection.execute(mine.values(one.final())).rowcount != 1:
                raise ImportRefusedError(
                    "Another process took this import for interrupted and removed it. Import the "
                    "file again."
                )
            if (opening := one.opening()) is not None:
                connection.execute(insert(openings).values(opening))


def check_file(content: bytes, sha256: str, where: str) -> None:
    """Check that a file is a safetensors file made by mlcore. Raises ImportRefusedError."""
    from safetensors import SafetensorError

    try:
        unpack_snapshot(content, sha256, where)
    except (SafetensorError, ValueError, AttributeError, RecursionError) as error:
        raise ImportRefusedError(f"The {where} holds no tensors: {error}") from None


def _known(store: Store) -> dict[tuple[str, str], str]:
    """Runs imported before, by source and digest."""
    with store.reading() as connection:
        query = select(runs.c.id, runs.c.source, runs.c.origin).where(
            runs.c.source.is_not(None), runs.c.deleted.is_(None)
        )
        rows = connection.execute(query.order_by(runs.c.key.desc())).all()
    found: dict[tuple[str, str], str] = {}
    for row in rows:
        origin = json_of(row.origin or "{}", dict, "origin", f"run {row.id}")
        found[row.source, str(origin.get("digest"))] = row.id
    return found


def _opening(foreign: Foreign) -> dict[str, Any] | None:
    told = foreign.facts.get("test_set")
    if told is None:
        return None
    try:
        return opening_row(told)
    except InputError as error:
        raise ImportRefusedError(
            f"The test_set of a run in {foreign.file} is no opening of a test set: {error}."
        ) from None


def _step(facts: Mapping[str, Any], default: int) -> int:
    value = facts.get("step")
    return value if type(value) is int and 0 <= value < 2**63 else default


def _number(facts: Mapping[str, Any], name: str, default: float) -> float:
    value = facts.get(name)
    usable = isinstance(value, (int, float)) and math.isfinite(value)
    return float(value) if usable else default  # type: ignore[arg-type]  # a number: see above
