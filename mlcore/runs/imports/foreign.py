"""A run read from a file, checked before it is imported."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final

from mlcore import __version__
from mlcore.core import MlcoreError, canonical_json
from mlcore.experiments import EXPERIMENTS
from mlcore.runs.status import Status
from mlcore.runs.store.submission import new_id

if TYPE_CHECKING:
    from mlcore.runs.store.points import Point

Say = Callable[[str], None]
"""Takes a sentence about what was read."""

LONGEST_TEXT: Final = 1_000_000
"""Characters of any text of an imported run at most."""

LONGEST_METRIC: Final = 1000
"""Characters of a metric's name at most."""


_FORMERLY: Final = "surroundings"
"""What earlier exports call the environment."""

_ENDED: Final = frozenset(
    {Status.FINISHED, Status.FAILED, Status.STOPPED, Status.LOST, Status.PRUNED}
)


class ImportRefusedError(MlcoreError, ValueError):
    """A file was not imported: damaged, hostile or of an unknown kind; the text says which."""


@dataclass(frozen=True)
class Foreign:
    """A run read from a file and checked, ready for import.

    Attributes:
        source: ``zip``, ``tensorboard``, ``csv``, ``parquet`` or ``json``.
        file: Name of the file or folder it came from.
        digest: SHA-256 of all of it: a second import finds the existing run.
        facts: What is known of it, as ``mlcore.runs.export.described`` tells it; anything may lack.
        points: Its points, in the order they were written; read once, so it may be a generator.
        files: Content of its weights and arrays: name, step, bytes.
        origin: What else is to be remembered of where it came from.
    """

    source: str
    file: str
    digest: str
    facts: Mapping[str, Any]
    points: Iterable[Point] = field(repr=False)
    files: Iterable[tuple[str, int, bytes]] = field(default=(), repr=False)
    origin: Mapping[str, Any] = field(default_factory=dict)


def text_of(facts: Mapping[str, Any], name: str) -> str:
    """A text of the metadata; ``""`` if missing. Raises ImportRefusedError if it is too long."""
    value = facts.get(name)
    if not isinstance(value, str):
        return ""
    if len(value) > LONGEST_TEXT:
        raise ImportRefusedError(
            f"The {name} has {len(value):,} characters, but at most {LONGEST_TEXT:,} are allowed."
        )
    return value.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def check_name(point: Point, file: str) -> None:
    """Raises ImportRefusedError if a metric has no name that every store can hold."""
    if not 0 < len(point.name) <= LONGEST_METRIC:
        raise ImportRefusedError(
            f"{file} holds a metric whose name is empty or longer than {LONGEST_METRIC:,} "
            f"characters: {point.name[:60]!r}."
        )
    if "\0" in point.name:
        raise ImportRefusedError(f"{file} holds a metric named with NUL.")


def row_of(foreign: Foreign) -> dict[str, Any]:
    """The row of a run that is imported; raises ImportRefusedError if a fact is not to be had."""
    facts, now = foreign.facts, time.time()
    experiment = text_of(facts, "experiment") or foreign.source
    given_id = text_of(facts, "id")
    config = _mapping(facts, "config")
    seed = facts.get("seed")
    status = text_of(facts, "status")
    created = _seconds(facts, "created")
    origin = {
        "file": foreign.file,
        "digest": foreign.digest,
        "id": given_id,
        "experiment": experiment,
        "brought_in": datetime.now(UTC).isoformat(),
        "by": f"mlcore {__version__}",
        **foreign.origin,
    }
    return {
        "id": given_id if _is_id(given_id) else new_id(),
        "experiment": experiment if experiment in EXPERIMENTS else experiment.replace(":", "."),
        "version": 0,
        "config": canonical_json(config),
        "fingerprint": text_of(facts, "fingerprint") or foreign.digest,
        "status": status if status in _ENDED else Status.STOPPED,
        "seed": seed if type(seed) is int and abs(seed) < 2**63 else None,  # True is no seed
        "created": now if created is None else created,
        "queued": created,
        "started": _seconds(facts, "started"),
        "finished": _seconds(facts, "finished"),
        "host": text_of(facts, "host") or None,
        "versions": canonical_json(_words(facts, "versions")),
        "environment": canonical_json(_words(facts, "environment") or _words(facts, _FORMERLY)),
        "error": text_of(facts, "error") or None,
        "traceback": text_of(facts, "traceback") or None,
        "tags": json.dumps(_tags(facts), ensure_ascii=False),
        "name": text_of(facts, "name") or ("" if config else _called(foreign.file, given_id)),
        "note": text_of(facts, "note"),
        "source": foreign.source,
        "origin": json.dumps(origin, ensure_ascii=False),
    }


def _called(file: str, run_id: str) -> str:
    """A readable name for a run without name and config."""
    stem = PurePath(file).stem or file
    return f"{stem} · {run_id}" if run_id else stem


def _is_id(text: str) -> bool:
    return 4 <= len(text) <= 32 and text.isascii() and text.isalnum()


def _mapping(facts: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = facts.get(name)
    if not isinstance(value, dict):
        return {}
    try:
        whole = canonical_json(value)
        whole.encode("utf-8")
    except (ValueError, RecursionError):
        raise ImportRefusedError(
            f"The {name} holds what no config does: NaN, half a character, or lists without end."
        ) from None
    if len(whole) > LONGEST_TEXT or "\\u0000" in whole:
        raise ImportRefusedError(f"The {name} is too long, or holds the character NUL.")
    return value


def _words(facts: Mapping[str, Any], name: str) -> dict[str, Any]:
    kept = (str, int, float)
    return {k: v for k, v in _mapping(facts, name).items() if isinstance(v, kept)}


def _tags(facts: Mapping[str, Any]) -> list[str]:
    tags = facts.get("tags")
    if not isinstance(tags, list):
        return []
    return [text_of({"tag": tag}, "tag") for tag in tags if isinstance(tag, str) and tag.strip()]


def _seconds(facts: Mapping[str, Any], name: str) -> float | None:
    try:
        moment = datetime.fromisoformat(text_of(facts, name))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
