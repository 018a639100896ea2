"""Where event files lie; by their folder and names a run is found again."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import or_, select

from mlcore.runs.imports.foreign import ImportRefusedError
from mlcore.runs.store.rows import run_of
from mlcore.runs.store.schema import runs

if TYPE_CHECKING:
    from mlcore.runs.recorded_run import Run
    from mlcore.runs.store.store import Store

EVENT_FOLDER: Final = "folder"
"""The name, in a run's origin, of the absolute path of its training's folder."""

EVENT_FILES: Final = "files"
"""The name, in a run's origin, of the list of its event files' names."""


MOST_FOLDERS: Final = 10_000


def event_files_of(path: Path) -> Iterator[tuple[PurePosixPath, Path]]:
    """The event files below a folder, in order of their names, each with its folder in that.

    Raises:
        ImportRefusedError: If they are in more than ``MOST_FOLDERS`` folders.
    """
    folders = set()
    # not by rglob, which fails where a folder is removed meanwhile
    found = [Path(at, name) for at, _, names in os.walk(path) for name in names]
    for file in sorted(one for one in found if "tfevents" in one.name):
        if not file.is_file():
            continue
        folders.add(file.parent)
        if len(folders) > MOST_FOLDERS:
            raise ImportRefusedError(
                f"{path} holds more than {MOST_FOLDERS:,} folders of event files. Name a folder "
                "in it."
            )
        yield PurePosixPath(*file.parent.relative_to(path).parts), file


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
        written = json.dumps({EVENT_FOLDER: place}, ensure_ascii=False)[1:-1]
        which = or_(which, c.origin.contains(written, autoescape=True))
    query = select(runs).where(which, c.source == "tensorboard", c.deleted.is_(None))
    with store.reading() as connection:
        rows = connection.execute(query.order_by(c.key.desc())).all()
    found = (run_of(row, store) for row in rows)
    return next((run for run in found if wanted & set(files_of(run.origin))), None)


def files_of(origin: Mapping[str, Any]) -> list[str]:
    """The names of the event files that a run was read from."""
    told = origin.get(EVENT_FILES)
    return [str(one) for one in told] if isinstance(told, list) else []
