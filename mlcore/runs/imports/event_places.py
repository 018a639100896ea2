"""Where a run's event files lie: by their folder and names a run is found again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import or_, select

from mlcore.runs.store.rows import run_of
from mlcore.runs.store.schema import runs

if TYPE_CHECKING:
    from mlcore.runs.recorded_run import Run
    from mlcore.runs.store.store import Store

FOLDER: Final = "folder"
"""The name, in a run's origin, of the absolute path of its training's folder."""

FILES: Final = "files"
"""The name, in a run's origin, of the list of its event files' names."""


def place_of(path: Path) -> str:
    """A path as a text that every store can hold."""
    return str(path).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def mark_of(place: str) -> str:
    """The fingerprint of runs that are followed from a folder: only one of them is live."""
    return f"followed {place}"


def run_from(store: Store, place: str, files: Iterable[str], *, followed: bool) -> Run | None:
    """The newest run that was read from event files of these names in this folder.

    One of them is enough: files are added where a training is restarted, and may be removed. Where
    all names are others, another training was logged there.

    Args:
        store: Where it is.
        place: As ``place_of`` gives it.
        files: Names; a writer puts its time and its process in them.
        followed: Look only for one that was followed; else for one that was imported, too.
    """
    c, wanted = runs.c, set(files)
    which = c.fingerprint == mark_of(place)
    if not followed:
        written = json.dumps({FOLDER: place}, ensure_ascii=False)[1:-1]
        which = or_(which, c.origin.contains(written, autoescape=True))
    query = select(runs).where(which, c.source == "tensorboard", c.deleted.is_(None))
    with store.reading() as connection:
        rows = connection.execute(query.order_by(c.key.desc())).all()
    found = (run_of(row, store) for row in rows)
    return next((run for run in found if wanted & set(files_of(run.origin))), None)


def files_of(origin: Mapping[str, Any]) -> list[str]:
    """The names of the event files that a run was read from."""
    told = origin.get(FILES)
    return [str(one) for one in told] if isinstance(told, list) else []
