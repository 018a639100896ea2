"""Imports TensorBoard event files: each training becomes a run, read-only and marked."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from mlcore.runs.export.missing import extra
from mlcore.runs.imports.event_files import EventFolder
from mlcore.runs.imports.event_folders import Part, Training, trainings
from mlcore.runs.imports.event_places import FILES, FOLDER, place_of, run_from
from mlcore.runs.imports.event_times import Session, WorkClock, work_clock
from mlcore.runs.imports.insertion import Foreign, ImportRefusedError, bring_in_all
from mlcore.runs.store.points import Point

if TYPE_CHECKING:
    from mlcore.runs.recorded_run import Run
    from mlcore.runs.store.store import Store

Say = Callable[[str], None]

MOST_FOLDERS: Final = 10_000

_NAMED: Final = 3


def import_tensorboard(store: Store, path: Path, say: Say = lambda _: None) -> list[Run]:
    """Import the trainings of a log folder, or of one event file.

    Scalars become metrics, hyperparameters the config; images, histograms and graphs stay where
    they are. A folder is a run; those that one training was split over are one run (see
    ``mlcore.runs.imports.event_folders.trainings``). Where a training was restarted, the steps
    that it did again count once, as in TensorBoard, and the time in between is no work. A file
    that ends within a record, as one does that is still being written, gives the records before.
    What was imported before, and has not changed, is not imported twice; a training that
    ``mlcore follow`` has read is that run.

    Args:
        store: Where to store them.
        path: A folder or an event file.
        say: Called with a sentence for each training that is left out since a file is damaged or
            it is followed, and for each whose images and the like are left out.

    Returns:
        The runs, marked with ``source="tensorboard"``.

    Raises:
        FileNotFoundError: If there is no such file or folder.
        ImportRefusedError: If there are no scalars, or every training is damaged.
        MissingExtraError: If tensorboard is not installed.

    Example:
        >>> import mlcore, pathlib, tempfile
        >>> run = mlcore.run(mlcore.RegressionConfig(steps=20))
        >>> with tempfile.TemporaryDirectory() as name:
        ...     folder = pathlib.Path(name)
        ...     _ = mlcore.runs.export.to_tensorboard([run], folder)
        ...     runs = mlcore.runs.imports.import_tensorboard(mlcore.runs.open_store(), folder)
        >>> print(runs[0].source, sorted(runs[0].latest()))
        tensorboard ['b', 'loss', 'w']
    """
    if path.is_file():
        given = [(PurePosixPath(), path.name, path.read_bytes)]
        return _import(store, given, path.name, say, path.resolve().parent)
    if not path.is_dir():
        raise FileNotFoundError(f"There is no file or folder {path}. Check the path.")
    found = ((home, file.name, file.read_bytes) for home, file in event_files_of(path))
    return _import(store, found, path.resolve().name, say, path.resolve())


def import_event_files(
    store: Store, files: Mapping[str, bytes], name: str, say: Say = lambda _: None
) -> list[Run]:
    """Import the trainings of a log folder given as a mapping of files.

    Args:
        store: Where to store them.
        files: Content of the event files by path in the log folder, with ``/``.
        name: What to call the log folder.
        say: See ``import_tensorboard``.

    Raises:
        ImportRefusedError: If there are no scalars, or every training is damaged.
        MissingExtraError: If tensorboard is not installed.
    """
    paths = {file: PurePosixPath(file) for file in sorted(files)}
    given = ((at.parent, at.name, partial(files.__getitem__, file)) for file, at in paths.items())
    return _import(store, given, name, say)


def import_event_file(store: Store, content: bytes, name: str, say: Say = lambda _: None) -> Run:
    """Import the run of one event file given as bytes.

    Raises:
        ImportRefusedError: If it has no scalars or is damaged.
        MissingExtraError: If tensorboard is not installed.
    """
    return import_event_files(store, {PurePosixPath(name).name: content}, name, say)[0]


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


def _import(
    store: Store,
    files: Iterable[tuple[PurePosixPath, str, Callable[[], bytes]]],
    name: str,
    say: Say,
    path: Path | None = None,
) -> list[Run]:
    extra("tensorboard", "Reading event files", "tensorboard")
    folders: dict[PurePosixPath, EventFolder] = {}
    names: dict[EventFolder, list[str]] = {}
    for home, file, content in files:
        folder = folders.setdefault(home, EventFolder())
        folder.add(content(), file)
        names.setdefault(folder, []).append(file)
    for folder in folders.values():
        folder.settle()
    foreign, damage, followed = [], [], []
    for training in trainings(folders):
        called = str(PurePosixPath(name) / training.home)
        from_here: dict[str, Any] = {}
        if path is not None:
            mine = sorted({one for part in training.parts for one in names[part.folder]})
            from_here = {FOLDER: place_of(path / training.home), FILES: mine}
            before = run_from(store, from_here[FOLDER], mine, followed=True)
            if before is not None:
                followed.append(before)
                say(
                    f"{called} is run {before.id} already, which `mlcore follow` read. Follow its "
                    "folder again for what came since."
                )
                continue
        broken = next((part.folder.damage for part in training.parts if part.folder.damage), None)
        if broken is not None:
            damage.append(f"{called} was left out. {broken}")
        elif any(part.folder.scalars or part.folder.exact for part in training.parts):
            one = foreign_of(training, called)
            foreign.append(replace(one, origin={**one.origin, **from_here}))
    if not foreign and not followed:
        raise ImportRefusedError(
            " ".join(damage)
            or f"{name} holds no scalars of TensorBoard. Give a log folder or an event file "
            "(events.out.tfevents.…)."
        )
    found = bring_in_all(store, foreign)
    for sentence in damage:
        say(sentence)
    for one in foreign:
        if left := one.origin.get("left_out"):
            say(f"{one.file}: scalars and hyperparameters were read; left out: {left}.")
    return [*followed, *found]


def foreign_of(training: Training, name: str) -> Foreign:
    """A training as a run to be imported."""
    folders = [part.folder for part in training.parts]
    facts = {key: v for one in folders for key, v in one.facts.items() if v is not None}
    walls = [scalar.wall_time for one in folders for scalar in one.results]
    clock = clock_of(folders, facts)
    hparams: dict[str, Any] = {}
    for one in folders:
        hparams |= one.hparams
    digest = hashlib.sha256("".join(one.digest for one in folders).encode())
    whole = folders[0].digest if len(folders) == 1 else digest.hexdigest()
    left_out = _left_out(training)
    return Foreign(
        source="tensorboard",
        file=name,
        digest=hashlib.sha256(f"{whole} {name}".encode("utf-8", "replace")).hexdigest(),
        facts={
            "name": name,
            "status": "finished",
            "config": hparams,
            "started": _moment(clock.begin),
            "created": _moment(clock.begin),
            "finished": _moment(max(walls, default=clock.begin)),
            **facts,
        },
        points=points_of(training.parts, clock),
        origin={"left_out": left_out} if left_out else {},
    )


def points_of(parts: Iterable[Part], clock: WorkClock) -> Iterator[Point]:
    """The points of a training, in the order they were written."""
    for part in parts:
        exact = {(point.name, point.step) for point in part.folder.exact}
        for tag, step, value, wall_time, _ in part.folder.results:
            if (tag, step) not in exact:
                yield Point(step, part.names[tag], value, clock.work(wall_time))
        yield from part.folder.exact


def clock_of(folders: Iterable[EventFolder], facts: Mapping[str, Any]) -> WorkClock:
    """The clock by which the wall times of a training become seconds of work."""
    from datetime import datetime

    sessions = []
    for folder in folders:
        times: dict[int, list[float]] = {}
        for scalar in folder.results:
            times.setdefault(scalar.session, []).append(scalar.wall_time)
        sessions += [Session(found, number in folder.restarts) for number, found in times.items()]
    try:
        begin = datetime.fromisoformat(str(facts.get("started") or facts.get("created")))
        started: float | None = begin.timestamp()
    except (ValueError, OverflowError):
        started = None
    return work_clock(sessions, started) if sessions else WorkClock(started or 0.0)


def _left_out(training: Training) -> str:
    """Content that is not imported, in words: ``2 images (a, b)``."""
    kinds: dict[str, list[str]] = {}
    for part in training.parts:
        for kind, tags in part.folder.left_out.items():
            kinds.setdefault(kind, []).extend(sorted(tags))
    words = []
    for kind, found in kinds.items():
        if kind == "placeholder":
            words.append(f"{', '.join(found)} (a placeholder of PyTorch Lightning, no result)")
            continue
        named = ", ".join(found[:_NAMED]) + (", …" if len(found) > _NAMED else "")
        words.append(f"{len(found)} {kind}{'s' * (len(found) != 1)} ({named})")
    return "; ".join(words)


def _moment(seconds: float) -> str | None:
    from datetime import UTC, datetime

    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        return None
