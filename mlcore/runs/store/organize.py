"""Organizes runs: name, note, tags, star, archive, trash and restore."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, Row, select, update

from mlcore.core import InputError, InputTypeError, RunNotFoundError, RunStateError
from mlcore.runs.status import LIVE, Status
from mlcore.runs.store.damage import json_of
from mlcore.runs.store.hidden import hide, remove, shown, trashed
from mlcore.runs.store.rows import run_of
from mlcore.runs.store.schema import runs

if TYPE_CHECKING:
    from mlcore.runs.recorded_run import Run
    from mlcore.runs.store.store import Store

LONGEST_TEXT = 100_000
"""Characters of a name or a note at most."""

LONGEST_TAG = 200
"""Characters of a tag at most."""

KEEP_FOR = 30 * 86_400.0
"""Seconds after which ``trash`` removes for good what has lain in the trash that long."""


def edit(
    store: Store,
    run_ids: Sequence[str],
    *,
    name: str | None = None,
    note: str | None = None,
    starred: bool | None = None,
    archived: bool | None = None,
    tags: Iterable[str] | None = None,
    add_tags: Iterable[str] = (),
    remove_tags: Iterable[str] = (),
) -> list[Run]:
    """Change the given attributes of some runs, of all of them or none; the rest stays.

    Two editors of one run do not undo each other's fields: the last writer of a field wins, and
    tags are added to and taken from those that are there at that moment.

    Args:
        store: Where the runs are.
        run_ids: Their ids, or the beginnings of them.
        name: What to call them; ``""`` takes the name away.
        note: Free text.
        starred: Star or unstar them.
        archived: Archive or unarchive them.
        tags: These tags instead of those that are there.
        add_tags: Tags to add, after those that are there.
        remove_tags: Tags to remove.

    Returns:
        The runs as they are now, in the order of ``run_ids``.

    Raises:
        RunNotFoundError: If there is no run of one of these ids.
        ValueError: If a text is too long, is no text, or a tag is empty.
    """
    fields: dict[str, Any] = {"starred": starred, "archived": archived}
    fields |= {"name": checked_text("name", name), "note": checked_text("note", note)}
    changes = {field: value for field, value in fields.items() if value is not None}
    wanted = None if tags is None else checked_tags(tags)
    added, removed = checked_tags(add_tags), set(checked_tags(remove_tags))
    with store.writing() as connection:
        rows = _rows(connection, run_ids, store)
        for row in rows:
            kept = json_of(row.tags, list, "tags", f"run {row.id}") if wanted is None else wanted
            now = [tag for tag in dict.fromkeys([*kept, *added]) if tag not in removed]
            new = {**changes, "tags": json.dumps(now, ensure_ascii=False)}
            if any(getattr(row, field) != value for field, value in new.items()):
                mine = update(runs).where(runs.c.key == row.key)
                connection.execute(mine.values(**new, edited=runs.c.edited + 1))
        return _read_again(connection, rows, store)


def trash(store: Store, run_ids: Sequence[str]) -> list[Run]:
    """Move runs to the trash, all of them or none; ``restore`` takes them out again.

    A queued run is stopped first. What has been in the trash for ``KEEP_FOR`` is purged.

    Returns:
        The runs as they are now, in the order of ``run_ids``.

    Raises:
        RunNotFoundError: If there is no run of one of these ids.
        RunStateError: If one is running.
    """
    purge(store, KEEP_FOR)
    now = time.time()
    with store.writing() as connection:
        rows = _rows(connection, run_ids, store)
        running = [row.id for row in rows if row.status == Status.RUNNING]
        if running:
            be, it = ("is", "it") if len(running) == 1 else ("are", "them")
            raise RunStateError(
                f"Run {', '.join(running)} {be} running. Stop {it} first, then delete; nothing "
                "was deleted."
            )
        keys = [row.key for row in rows]
        waiting = runs.c.status.in_(LIVE)
        connection.execute(
            update(runs)
            .where(runs.c.key.in_(keys), waiting)
            .values(status=Status.STOPPED, finished=now, request=None)
        )
        connection.execute(
            update(runs)
            .where(runs.c.key.in_(keys), runs.c.deleted.is_(None))
            .values(deleted=now, claim=None, edited=runs.c.edited + 1)
        )
        return _read_again(connection, rows, store)


def restore(store: Store, run_ids: Sequence[str]) -> list[Run]:
    """Take runs out of the trash; runs that are not in it stay as they are.

    Raises:
        RunNotFoundError: If there is no run of one of these ids, or it was purged.
    """
    with store.writing() as connection:
        rows = _rows(connection, run_ids, store)
        keys = [row.key for row in rows]
        connection.execute(
            update(runs)
            .where(runs.c.key.in_(keys), trashed())
            .values(deleted=None, edited=runs.c.edited + 1)
        )
        return _read_again(connection, rows, store)


def purge(store: Store, older_than_s: float = 0.0) -> list[str]:
    """Delete for good what has been in the trash for this long, with its points and files.

    Args:
        store: Where the runs are.
        older_than_s: Seconds in the trash; 0 empties it.

    Returns:
        The ids of the runs that are gone.
    """
    return _purge(store, trashed() & (runs.c.deleted <= time.time() - older_than_s))


def purge_runs(store: Store, run_ids: Sequence[str]) -> list[str]:
    """Delete certain runs in the trash for good; runs that are not in it stay.

    Returns:
        The ids of the runs that are gone.
    """
    return _purge(store, runs.c.id.in_(run_ids) & trashed())


def _purge(store: Store, which: ColumnElement[bool]) -> list[str]:
    with store.writing() as connection:
        found = connection.execute(select(runs.c.id, runs.c.key).where(which)).all()
        keys = [row.key for row in found]
        if keys:
            hide(connection, store, runs.c.key.in_(keys))
    remove(store, keys)  # millions of points are not removed in one go: others write, too
    return [row.id for row in found]


def _rows(connection: Connection, run_ids: Sequence[str], store: Store) -> list[Row[Any]]:
    """The rows of these ids, locked against other writers, in this order."""
    wanted = list(dict.fromkeys(run_ids))
    query = select(runs).where(shown()).order_by(runs.c.key).with_for_update()
    found = {row.id: row for row in connection.execute(query.where(runs.c.id.in_(wanted)))}
    for run_id in wanted:
        if run_id not in found:  # the beginning of an id, or none at all
            key = store.get(run_id).key
            row = connection.execute(query.where(runs.c.key == key)).one_or_none()
            if row is None:
                raise RunNotFoundError(f"Run {run_id} was deleted for good meanwhile.")
            found[run_id] = row
    return [found[run_id] for run_id in wanted]


def _read_again(connection: Connection, rows: Sequence[Row[Any]], store: Store) -> list[Run]:
    keys = [row.key for row in rows]
    found = {r.key: r for r in connection.execute(select(runs).where(runs.c.key.in_(keys)))}
    return [run_of(found[key], store) for key in keys]


def checked_text(what: str, text: str | None) -> str | None:
    """A text that every store can hold; None stays None. Raises InputError."""
    if text is None:
        return None
    if len(text) > LONGEST_TEXT:
        raise InputError(
            f"The {what} has {len(text):,} characters, but at most {LONGEST_TEXT:,} are allowed. "
            "Shorten it."
        )
    return _storable(what, text)


def checked_tags(tags: Iterable[str]) -> list[str]:
    """Tags without space around them, each once. Raises InputError or InputTypeError."""
    if isinstance(tags, str):
        raise InputTypeError(f"tags is the text {tags!r}, but must be a list of texts.")
    stripped = [_storable("tag", tag.strip()) for tag in tags]
    for tag in stripped:
        if not 0 < len(tag) <= LONGEST_TAG:
            raise InputError(
                f"A tag has {len(tag):,} characters, but must have 1 to {LONGEST_TAG}."
            )
    return list(dict.fromkeys(stripped))


def _storable(what: str, text: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(
            f"The {what} holds {text[error.start]!r}, which is half a character. Take it out."
        ) from None
    if "\0" in text:
        raise InputError(f"The {what} holds the character NUL, which no text has. Take it out.")
    return text
