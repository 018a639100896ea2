"""The syntax tree of a filter: each node selects rows of a run table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from mlcore.runs.filters.tokens import quoted

if TYPE_CHECKING:
    import pandas as pd

_SEARCHED: Final = ("id", "name", "label", "note", "tags")


class Node:
    """A node of the tree."""

    def mask(self, frame: pd.DataFrame, text: str) -> pd.Series[bool]:
        """Which rows it selects; ``text`` is the whole filter, for errors."""
        raise NotImplementedError


@dataclass(frozen=True)
class And(Node):
    """True where every part is true."""

    parts: tuple[Node, ...]

    def mask(self, frame: pd.DataFrame, text: str) -> pd.Series[bool]:
        """See ``Node.mask``."""
        kept = self.parts[0].mask(frame, text)
        for part in self.parts[1:]:
            kept &= part.mask(frame, text)
        return kept

    def __str__(self) -> str:
        return " and ".join(f"({p})" if isinstance(p, (And, Or)) else str(p) for p in self.parts)


@dataclass(frozen=True)
class Or(Node):
    """True where at least one part is true."""

    parts: tuple[Node, ...]

    def mask(self, frame: pd.DataFrame, text: str) -> pd.Series[bool]:
        """See ``Node.mask``."""
        kept = self.parts[0].mask(frame, text)
        for part in self.parts[1:]:
            kept |= part.mask(frame, text)
        return kept

    def __str__(self) -> str:
        return " or ".join(f"({p})" if isinstance(p, Or) else str(p) for p in self.parts)


@dataclass(frozen=True)
class Not(Node):
    """True where the part is false."""

    part: Node

    def mask(self, frame: pd.DataFrame, text: str) -> pd.Series[bool]:
        """See ``Node.mask``."""
        return ~self.part.mask(frame, text)

    def __str__(self) -> str:
        return f"not ({self.part})" if isinstance(self.part, (And, Or)) else f"not {self.part}"


@dataclass(frozen=True)
class Flag(Node):
    """A mark set by the user: starred or archived."""

    name: str

    def mask(self, frame: pd.DataFrame, text: str) -> pd.Series[bool]:  # noqa: ARG002 - cannot fail
        """See ``Node.mask``."""
        return frame[self.name].astype(bool)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Search(Node):
    """A case-insensitive text search in id, name, note and tags."""

    word: str
    quoted: bool = field(default=False, compare=False)

    def mask(self, frame: pd.DataFrame, text: str) -> pd.Series[bool]:  # noqa: ARG002 - cannot fail
        """See ``Node.mask``."""
        word = self.word.casefold()
        columns = [frame[name] for name in _SEARCHED if name in frame]
        rows = zip(*columns, strict=True) if len(frame) else ()
        return as_series(frame, (any(holds(cell, word) for cell in row) for row in rows))

    def __str__(self) -> str:
        bare = quoted(self.word)
        mark = self.word.lower() in ("starred", "archived")
        return f'"{self.word}"' if mark else bare


def as_series(frame: pd.DataFrame, kept: Iterable[bool]) -> pd.Series[bool]:
    """Booleans as a Series, one per row of the frame."""
    import pandas as pd

    return pd.Series(list(kept), index=frame.index, dtype=bool)


def holds(cell: Any, word: str) -> bool:
    """Whether a cell, or one of its tags, contains a word; the word is casefolded."""
    if isinstance(cell, tuple):
        return any(word in one.casefold() for one in cell)
    return word in str(cell).casefold()
