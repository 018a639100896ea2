"""What a filter says, as a tree, and which rows of a run table each part keeps."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from mlcore.runs.filters.tokens import quoted

if TYPE_CHECKING:
    import pandas as pd

_SEARCHED: Final = ("id", "name", "label", "note", "tags")


class Node:
    """A part of a filter."""

    def mask(self, frame: pd.DataFrame, text: str) -> pd.Series[bool]:
        """Which rows it keeps; ``text`` is the whole filter, for errors."""
        raise NotImplementedError


@dataclass(frozen=True)
class And(Node):
    """Every part holds."""

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
    """At least one part holds."""

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
    """The part does not hold."""

    part: Node

    def mask(self, frame: pd.DataFrame, text: str) -> pd.Series[bool]:
        """See ``Node.mask``."""
        return ~self.part.mask(frame, text)

    def __str__(self) -> str:
        return f"not ({self.part})" if isinstance(self.part, (And, Or)) else f"not {self.part}"


@dataclass(frozen=True)
class Flag(Node):
    """A mark that a person set: starred or archived."""

    name: str

    def mask(self, frame: pd.DataFrame, text: str) -> pd.Series[bool]:  # noqa: ARG002 - cannot fail
        """See ``Node.mask``."""
        return frame[self.name].astype(bool)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Search(Node):
    """A word to be found in id, name, note or tags, whichever the case of its letters."""

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
    """Truths, one a row of the frame."""
    import pandas as pd

    return pd.Series(list(kept), index=frame.index, dtype=bool)


def holds(cell: Any, word: str) -> bool:
    """Whether a cell, or one of its tags, has a word in it; the word is given casefolded."""
    if isinstance(cell, tuple):
        return any(word in one.casefold() for one in cell)
    return word in str(cell).casefold()
