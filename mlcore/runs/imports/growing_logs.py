"""Reads a log folder of TensorBoard again and again: each time what was written since."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Final

from mlcore.runs.imports.event_files import MOST_RECORD_BYTES, EventFolder
from mlcore.runs.imports.event_folders import Training, trainings
from mlcore.runs.imports.event_places import event_files_of
from mlcore.runs.imports.foreign import Say

_CHUNK: Final = 4 * 1024**2  # bytes read at once; more where a record is larger
_HEAD: Final = 64  # bytes; a writer begins each file with a record that holds its time


@dataclass
class _File:
    session: int
    read: int = 0  # bytes of whole records
    seen: tuple[int, int] = (0, 0)  # bytes and time of the last change, at the last look
    head: bytes = b""
    damage: str | None = None


@dataclass
class GrowingFolder:
    """A folder of event files that grow.

    Attributes:
        content: What they say so far.
        files: By name: how far each was read.
        grew: When a file of it last grew, in seconds since 1970.
        anew: How often it was read from the beginning, since a file in it was replaced.
        tags: The tags of its scalars.
    """

    content: EventFolder = field(default_factory=EventFolder)
    files: dict[str, _File] = field(default_factory=dict)
    grew: float = 0.0
    anew: int = 0
    tags: set[str] = field(default_factory=set)
    _seen: tuple[int, int] = (0, 0)

    def look(self, path: Path, tick: Callable[[], None]) -> bool:
        """Read what one of its files holds beyond what was read; whether that is anything.

        Args:
            path: The file.
            tick: Called now and then while much is read.
        """
        stat = path.stat()
        file = self.files.get(path.name)
        if file is None:
            file = self.files[path.name] = _File(self.content.begin())
            self.grew = max(self.grew, min(stat.st_mtime, time.time()))
        elif stat.st_size > file.seen[0]:
            self.grew = time.time()  # by the clock of this machine, not of a file server
        now = stat.st_size, stat.st_mtime_ns
        if file.seen == now or stat.st_size <= file.read:
            file.seen = now
            return False
        with path.open("rb") as opened:
            if len(file.head) < _HEAD:
                file.head = opened.read(_HEAD)
            opened.seek(file.read)
            before = file.read
            self._read(opened.read, file, path.name, tick)
        file.seen = now
        self._note_tags()
        return file.read > before

    def replaced(self, path: Path) -> bool:
        """Whether a file is another than that which was read."""
        file = self.files.get(path.name)
        if file is None:
            return False
        stat = path.stat()
        if stat.st_size < file.read:
            return True
        if file.seen == (stat.st_size, stat.st_mtime_ns):
            return False
        with path.open("rb") as opened:
            return not opened.read(_HEAD).startswith(file.head)

    def begin_anew(self) -> None:
        """Forget all that was read."""
        self.content, self.files, self.tags = EventFolder(), {}, set()
        self._seen = (0, 0)
        self.anew += 1

    @property
    def damage(self) -> dict[str, str]:
        """Why files cannot be read on, by name."""
        return {name: file.damage for name, file in self.files.items() if file.damage}

    @property
    def shape(self) -> tuple[object, ...]:
        """What decides to which training it belongs, and how its curves are called."""
        content = self.content
        repeats = len(content.scalars) > len(self.tags)
        changed = self.anew, content.taken_back, len(self.tags)
        return *changed, repeats, bool(content.hparams), content.is_ours

    def _read(
        self, more: Callable[[int], bytes], file: _File, name: str, tick: Callable[[], None]
    ) -> None:
        """Read whole records to the end; what is behind a damaged one is tried again later.

        A file server may show zeros for a moment where the writer's bytes are still to come.
        """
        file.damage, rest, size = None, b"", _CHUNK
        while added := more(size):
            rest += added
            used = self.content.read_on(rest, name, file.session)
            file.read += used
            rest = rest[used:]
            file.damage, self.content.damage = self.content.damage, None
            if file.damage is not None:
                return
            # a record of which a part is there is as large as it is
            size = _CHUNK if used else min(2 * size, MOST_RECORD_BYTES)
            tick()

    def _note_tags(self) -> None:
        taken_back, seen = self._seen
        scalars = self.content.scalars
        if taken_back != self.content.taken_back:
            self.tags, seen = set(), 0
        self.tags.update(one.tag for one in scalars[seen:])
        self._seen = (self.content.taken_back, len(scalars))


class GrowingLogs:
    """A log folder; ``look`` reads what is new in it.

    Args:
        path: The folder.
        say: Called with a sentence for each file that is damaged or was replaced.
        tick: Called now and then while much is read.

    Attributes:
        path: The folder.
        folders: Its folders with event files, by path in it.
        trainings: What they are runs of.
        listing: Seconds that it took to list the files at the last look.
    """

    def __init__(self, path: Path, say: Say, tick: Callable[[], None] = lambda: None) -> None:
        self.path = path
        self.folders: dict[PurePosixPath, GrowingFolder] = {}
        self.trainings: list[Training] = []
        self.listing = 0.0
        self._say, self._tick = say, tick
        self._shape: object = None
        self._told: set[tuple[PurePosixPath, str]] = set()
        self._unread: set[Path] = set()

    def look(self) -> set[PurePosixPath]:
        """The folders in which something is new.

        Raises:
            ImportRefusedError: If there are too many.
        """
        began = time.monotonic()
        files = list(event_files_of(self.path))
        self.listing = time.monotonic() - began
        self._forget_what_was_replaced(files)
        for home, path in files:
            folder = self.folders.setdefault(home, GrowingFolder())
            if self._answer(path, folder.replaced):
                self._say(f"{path} was replaced by another file; its folder is read anew.")
                folder.begin_anew()
        new = set()
        for home, path in files:
            look = partial(self.folders[home].look, tick=self._tick)
            if self._answer(path, look):
                new.add(home)
        self._tell_damage()
        shape = {home: folder.shape for home, folder in self.folders.items()}
        if shape != self._shape:
            self._shape = shape
            self.trainings = trainings(self._contents())
        return new

    def homes_of(self, training: Training) -> list[PurePosixPath]:
        """The folders of a training, by path in the log folder."""
        parts = {id(part.folder) for part in training.parts}
        return [home for home, one in self.folders.items() if id(one.content) in parts]

    def files_of(self, training: Training) -> list[str]:
        """The names of a training's event files; a writer puts its time and process in them."""
        homes = self.homes_of(training)
        return sorted({name for home in homes for name in self.folders[home].files})

    def name_of(self, training: Training) -> str:
        """What to call a training."""
        return str(PurePosixPath(self.path.name or "logs") / training.home)

    def _forget_what_was_replaced(self, files: list[tuple[PurePosixPath, Path]]) -> None:
        """Forget a training whose files are all gone while there are others in its folders."""
        there: dict[PurePosixPath, set[str]] = {}
        for home, path in files:
            there.setdefault(home, set()).add(path.name)
        for training in self.trainings:
            homes = self.homes_of(training)
            now = [there.get(home, set()) for home in homes]
            read = [self.folders[home].files.keys() for home in homes]
            if any(now) and not any(some & known for some, known in zip(now, read, strict=True)):
                for home in homes:
                    if home in there:
                        self.folders[home].begin_anew()
                    else:
                        del self.folders[home]

    def _tell_damage(self) -> None:
        for home, folder in self.folders.items():
            for name, damage in folder.damage.items():
                if (home, name) not in self._told:
                    self._told.add((home, name))
                    self._say(f"{damage} What stands before it is kept.")

    def _contents(self) -> Mapping[PurePosixPath, EventFolder]:
        return {home: folder.content for home, folder in self.folders.items()}

    def _answer(self, path: Path, ask: Callable[[Path], bool]) -> bool:
        """What a file answers; False if it is gone, or cannot be read now."""
        try:
            return ask(path)
        except FileNotFoundError:
            return False
        except OSError as error:
            if path not in self._unread:
                self._unread.add(path)
                self._say(f"{path} cannot be read: {error.strerror}. It is tried again.")
            return False
