"""Groups folders of event files into trainings, and names their curves.

Writers split one training over folders: Keras writes ``train`` and ``validation``, PyTorch's
``add_scalars`` one folder per curve, and its ``add_hparams`` one that is named by the time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from mlcore.runs.imports.event_files import EventFolder

SPLITS: Final = frozenset(
    {"train", "training", "val", "valid", "validation", "eval", "evaluation", "dev"}
    | {"test", "testing"}
)
"""Names of folders that hold a part of a training, not one of its own."""

PLACEHOLDER: Final = "hp_metric"
"""PyTorch Lightning logs this scalar as −1 until a result is known."""

_TOP: Final = PurePosixPath()


@dataclass(frozen=True)
class Part:
    """A folder of a training.

    Attributes:
        folder: What its files say.
        names: What its tags are called in the training, by tag.
    """

    folder: EventFolder
    names: Mapping[str, str]


@dataclass(frozen=True)
class Training:
    """Folders that make one run.

    Attributes:
        home: The folder that names it, relative to the log folder.
        parts: Its folders.
    """

    home: PurePosixPath
    parts: tuple[Part, ...]


class _Place(NamedTuple):
    """Where a folder belongs: the folder around it, and what that makes of its tags."""

    owner: PurePosixPath
    prefix: str = ""
    curve: str = ""


def trainings(folders: Mapping[PurePosixPath, EventFolder]) -> list[Training]:
    """Group folders that belong to one training.

    - A folder named as a split (``SPLITS``) belongs to the folder around it, if that has event
      files, or holds another split, or nothing else; its tags get its name: ``train/loss``.
    - A folder ``acc_train`` that holds nothing but the tag ``acc``, in a folder with event
      files, is a curve of that: ``acc/train``.
    - A single folder with hyperparameters and at most one point per tag, in a folder with scalars
      and without hyperparameters, says the config and the results of that.

    Args:
        folders: By path, relative to the log folder.
    """
    members: dict[PurePosixPath, list[tuple[EventFolder, str, str]]] = {}
    for home in sorted(folders):
        owner, prefix, curve = home, "", ""
        while (place := _place(owner, folders)) is not None:
            if owner == home:
                curve = place.curve
            elif place.curve:
                prefix = f"{place.curve}/{prefix}"
            prefix = place.prefix + prefix
            owner = place.owner
        members.setdefault(owner, []).append((folders[home], prefix, curve))
    return [Training(home, _named(members[home])) for home in sorted(members)]


def _place(home: PurePosixPath, folders: Mapping[PurePosixPath, EventFolder]) -> _Place | None:
    """The folder that a folder belongs to; None if it is a training by itself."""
    folder, around = folders.get(home), folders.get(home.parent)
    if home == _TOP or folder is None or folder.is_ours:
        return None
    if _is_split(home, folders):
        return _Place(home.parent, prefix=f"{home.name}/")
    if around is None or around.is_ours:
        return None
    tags = {one.tag for one in folder.scalars}
    if len(tags) == 1 and not folder.hparams:
        (tag,) = tags
        begin = tag.replace("/", "_") + "_"
        if home.name.startswith(begin):
            return _Place(home.parent, curve=f"{tag}/{home.name.removeprefix(begin)}")
    sessions = [one for one in folders if one.parent == home.parent and _is_session(one, folders)]
    return _Place(home.parent) if sessions == [home] else None


def _is_split(home: PurePosixPath, folders: Mapping[PurePosixPath, EventFolder]) -> bool:
    if home.name.lower() not in SPLITS:
        return False
    beside = [one for one in folders if one.parent == home.parent and one not in (home, _TOP)]
    splits = [one for one in beside if one.name.lower() in SPLITS]
    return home.parent in folders or bool(splits) or not beside


def _is_session(home: PurePosixPath, folders: Mapping[PurePosixPath, EventFolder]) -> bool:
    """Whether it holds hyperparameters and results of the training in its parent folder."""
    folder, around = folders[home], folders.get(home.parent)
    if home == _TOP or around is None or folder.is_ours or not folder.hparams:
        return False
    tags = [one.tag for one in folder.scalars]
    return bool(around.scalars) and not around.hparams and len(tags) == len(set(tags))


def _named(members: Sequence[tuple[EventFolder, str, str]]) -> tuple[Part, ...]:
    """A unique name for each tag of each folder."""
    taken: set[str] = set()
    parts = []
    for folder, prefix, curve in members:
        names: dict[str, str] = {}
        for tag in dict.fromkeys(one.tag for one in folder.scalars):
            wanted = prefix + (curve or tag)
            others = (f"{wanted} ({number})" for number in count(2))
            names[tag] = next(one for one in chain([wanted], others) if one not in taken)
            taken.add(names[tag])
        parts.append(Part(folder, names))
    return tuple(parts)
