"""Reads a log folder of TensorBoard again and again: each time what was written since."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from mlcore.runs.imports.event_files import EventFolder
from mlcore.runs.imports.event_folders import Training, trainings
from mlcore.runs.imports.tensorboard import Say, event_files_of


@dataclass
class _File:
    session: int
    read: int = 0  # bytes of whole records
    size: int = 0  # bytes at the last look


@dataclass
class GrowingFolder:
    """A folder of event files that grow.

    Attributes:
        content: What they say so far.
        files: By name: how far each was read.
        grew: When a file of it was last written to, in seconds since 1970.
        anew: How often it was read from the beginning, since a file in it was replaced.
        tags: The tags of its scalars.
    """

    content: EventFolder = field(default_factory=EventFolder)
    files: dict[str, _File] = field(default_factory=dict)
    grew: float = 0.0
    anew: int = 0
    tags: set[str] = field(default_factory=set)
    _seen: tuple[int, int] = (0, 0)

    def look(self, path: Path) -> bool:
        """Read what one of its files holds beyond what was read; whether that is anything."""
        stat = path.stat()
        self.grew = max(self.grew, stat.st_mtime)
        file = self.files.get(path.name)
        if file is None:
            file = self.files[path.name] = _File(self.content.begin())
        if stat.st_size == file.size:
            return False
        with path.open("rb") as opened:
            opened.seek(file.read)
            rest = opened.read()
        file.size = file.read + len(rest)
        used = self.content.read_on(rest, path.name, file.session)
        file.read += used
        self._note_tags()
        return used > 0

    def replaced(self, path: Path) -> bool:
        """Whether a file is shorter than what was read of it."""
        file = self.files.get(path.name)
        return file is not None and path.stat().st_size < file.read

    def begin_anew(self) -> None:
        """Forget all that was read."""
        self.content, self.files, self.tags = EventFolder(), {}, set()
        self._seen = (0, 0)
        self.anew += 1

    @property
    def shape(self) -> tuple[object, ...]:
        """What decides to which training it belongs, and how its curves are called."""
        content = self.content
        repeats = len(content.scalars) > len(self.tags)
        changed = self.anew, content.taken_back, len(self.tags)
        return *changed, repeats, bool(content.hparams), content.is_ours

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

    Attributes:
        path: The folder.
        folders: Its folders with event files, by path in it.
        trainings: What they are runs of.
    """

    def __init__(self, path: Path, say: Say) -> None:
        self.path = path
        self.folders: dict[PurePosixPath, GrowingFolder] = {}
        self.trainings: list[Training] = []
        self._say = say
        self._shape: object = None
        self._damaged: set[PurePosixPath] = set()

    def look(self) -> set[PurePosixPath]:
        """The folders in which something is new.

        Raises:
            ImportRefusedError: If there are too many.
        """
        files = list(event_files_of(self.path))
        for home, path in files:
            folder = self.folders.setdefault(home, GrowingFolder())
            if _there(path, folder.replaced):
                self._say(f"{path} was replaced by a shorter file; its folder is read anew.")
                folder.begin_anew()
        new = {home for home, path in files if _there(path, self.folders[home].look)}
        for home in new:
            damage = self.folders[home].content.damage
            if damage is not None and home not in self._damaged:
                self._damaged.add(home)
                self._say(f"{damage} What stands before it is kept.")
        shape = {home: folder.shape for home, folder in self.folders.items()}
        if shape != self._shape:
            self._shape = shape
            self.trainings = trainings(self._contents())
        return new

    def homes_of(self, training: Training) -> list[PurePosixPath]:
        """The folders of a training, by path in the log folder."""
        parts = {id(part.folder) for part in training.parts}
        return [home for home, one in self.folders.items() if id(one.content) in parts]

    def name_of(self, training: Training) -> str:
        """What to call a training."""
        return str(PurePosixPath(self.path.name or "logs") / training.home)

    def _contents(self) -> Mapping[PurePosixPath, EventFolder]:
        return {home: folder.content for home, folder in self.folders.items()}


def _there(path: Path, ask: Callable[[Path], bool]) -> bool:
    """What a file answers; False if it is gone."""
    try:
        return ask(path)
    except FileNotFoundError:
        return False
