"""Queues runs, one or many in one transaction; every submission goes through here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection, insert, select, update

from mlcore.runs.status import LIVE, RESUMABLE, Status
from mlcore.runs.store.damage import status_of
from mlcore.runs.store.schema import runs

Name = TypeVar("Name", str, int)

_AT_ONCE = 500  # names in one statement; SQLite and PostgreSQL allow far more
_REUSED = (*LIVE, Status.FINISHED, Status.STOPPED, Status.LOST)


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of one submitted config.

    Attributes:
        key: The run's key.
        run_id: The run's id.
        queued: Whether it waits now because of this; False for a run that is live or finished.
    """

    key: int
    run_id: str
    queued: bool


def known_runs(
    connection: Connection, fingerprints: Sequence[str], among: Sequence[Status] = _REUSED
) -> dict[str, tuple[int, str, Status]]:
    """For each fingerprint the run to return or to resume: key, id and status.

    A live run comes before a finished one, that before a stopped or lost one; among equals the
    newest. Runs in the trash and imported runs are never returned: an imported result does not
    prove what this code gives.

    Args:
        connection: In any transaction.
        fingerprints: Of the configs.
        among: Only runs of these statuses.
    """
    best: dict[str, tuple[int, int, str, Status]] = {}
    c = runs.c
    for part in _parts(fingerprints):
        query = select(c.fingerprint, c.key, c.id, c.status).where(
            c.fingerprint.in_(part),
            c.status.in_(among),
            c.deleted.is_(None),
            c.source.is_(None),
        )
        for row in connection.execute(query):
            status = status_of(row.status, f"run {row.id}")
            rank = 2 if status in LIVE else 1 if status == Status.FINISHED else 0
            found = (rank, row.key, row.id, status)
            if row.fingerprint not in best or found[:2] > best[row.fingerprint][:2]:
                best[row.fingerprint] = found
    return {name: (key, run_id, status) for name, (_, key, run_id, status) in best.items()}


def queue_all(
    connection: Connection, rows: Sequence[Mapping[str, Any]], now: float, *, force: bool = False
) -> list[Answer]:
    """Queue new runs for the rows that no live or finished run answers.

    A stopped, lost or paused run is resumed by itself, without its former ensemble.

    Args:
        connection: In a write transaction that decides alone.
        rows: As ``mlcore.runs.store.submission.new_row`` gives them, with other columns if need be.
            Two rows of one fingerprint share a run.
        now: The time in seconds since 1970.
        force: Only a live run is returned; everything else is trained again.

    Returns:
        An answer a row, in their order.
    """
    among = LIVE if force else _REUSED
    known = known_runs(connection, [row["fingerprint"] for row in rows], among)
    again = {name: key for name, (key, _, status) in known.items() if status in RESUMABLE}
    retries = {row["fingerprint"]: row.get("retries", 0) for row in rows}
    for name, key in again.items():
        queue_again(connection, key, now, ensemble=None, retries=retries[name])
    fresh = {row["fingerprint"]: row for row in rows if row["fingerprint"] not in known}
    if fresh:
        connection.execute(insert(runs), list(fresh.values()))
    ids = [row["id"] for row in fresh.values()]
    keys: dict[str, int] = {}
    for part in _parts(ids):
        query = select(runs.c.id, runs.c.key).where(runs.c.id.in_(part))
        keys.update((row.id, row.key) for row in connection.execute(query))
    answers, first = [], set()
    for row in rows:
        name = row["fingerprint"]
        made = name in fresh or name in again
        run_id = fresh[name]["id"] if name in fresh else known[name][1]
        key = keys[run_id] if name in fresh else known[name][0]
        answers.append(Answer(key, run_id, made and name not in first))
        first.add(name)
    return answers


def queue_again(connection: Connection, key: int, now: float, **values: Any) -> None:
    """Queue an unfinished run again, to resume from its last checkpoint.

    Args:
        connection: In a write transaction that decides alone.
        key: The run's key.
        now: The time in seconds since 1970.
        values: Other columns to set.
    """
    waits = _waits_again(now)
    connection.execute(update(runs).where(runs.c.key == key).values(**waits, **values))


def queue_again_all(connection: Connection, keys: Iterable[int], now: float) -> None:
    """Let those of some unfinished runs wait again whose config no live run has.

    Runs in the trash stay there.

    Args:
        connection: In a write transaction that decides alone.
        keys: The runs' keys; no two of one config.
        now: The time in seconds since 1970.
    """
    twin = runs.alias("twin")
    live = select(twin.c.key).where(
        twin.c.key != runs.c.key,
        twin.c.fingerprint == runs.c.fingerprint,
        twin.c.status.in_(LIVE),
    )
    for part in _parts(list(keys)):
        connection.execute(
            update(runs)
            .where(runs.c.key.in_(part), runs.c.status.in_(RESUMABLE), runs.c.deleted.is_(None))
            .where(~live.correlate(runs).exists())
            .values(**_waits_again(now))
        )


def _waits_again(now: float) -> dict[str, Any]:
    fresh = {"finished": None, "request": None, "claim": None}
    healed = {"error": None, "error_type": None, "traceback": None}
    return {"status": Status.QUEUED, "queued": now, **fresh, **healed}


def _parts(names: Sequence[Name]) -> Iterator[list[Name]]:
    for start in range(0, len(names), _AT_ONCE):
        yield list(names[start : start + _AT_ONCE])
