"""Imports TensorBoard event files: each training becomes a run, read-only and marked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from mlcore.runs.export.missing import extra
from mlcore.runs.imports.event_files import EventFolder
from mlcore.runs.imports.event_folders import trainings
from mlcore.runs.imports.event_places import (
    EVENT_FILES,
    EVENT_FOLDER,
    event_files_of,
    place_of,
    run_from,
)
from mlcore.runs.imports.event_runs import foreign_of
from mlcore.runs.imports.foreign import ImportRefusedError, Say
from mlcore.runs.imports.insertion import bring_in_all

if TYPE_CHECKING:
    from mlcore.runs.recorded_run import Run
    from mlcore.runs.store.store import Store


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
            from_here = {EVENT_FOLDER: place_of(path / training.home), EVENT_FILES: mine}
            before = run_from(store, from_here[EVENT_FOLDER], mine, followed=True)
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
