"""A training that TensorBoard's event files tell of, as a run to be imported."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from mlcore.runs.imports.event_points import clock_of, points_of
from mlcore.runs.imports.foreign import Foreign

if TYPE_CHECKING:
    from mlcore.runs.imports.event_folders import Training

_NAMED: Final = 3  # tags of what is left out, in a sentence


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
