"""Puts a run that was made elsewhere into the store: all of it or nothing."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import delete, insert, select

from mlcore import __version__
from mlcore.core import MlcoreError, canonical_json
from mlcore.core.snapshots import unpack_snapshot
from mlcore.experiments import EXPERIMENTS
from mlcore.runs.recorded_run import Run
from mlcore.runs.status import Status
from mlcore.runs.store.points import Point
from mlcore.runs.store.schema import runs
from mlcore.runs.store.submission import new_id

if TYPE_CHECKING:
    from mlcore.runs.store.store import Store

LONGEST_TEXT: Final = 1_000_000
"""Characters of any text of a run that is brought in at most."""

LONGEST_METRIC: Final = 1000
"""Characters of a metric's name at most."""

_ENDED: Final = frozenset(
    {Status.FINISHED, Status.FAILED, Status.STOPPED, Status.LOST, Status.PRUNED}
)


class ImportRefusedError(MlcoreError, ValueError):
    """A file is not brought in: it is damaged, hostile or none of ours; the text says which."""


@dataclass(frozen=True)
class Foreign:
    """A run made elsewhere, read from a file and checked.

    Attributes:
        source: ``zip`` or ``tensorboard``.
        file: Name of the file or folder it came from.
        digest: SHA-256 of all of it: bringing it in again finds the run that is there.
        facts: What is known of it, as ``mlcore.runs.export.described`` tells it; anything may lack.
        points: Its points.
        files: Content of its weights and arrays: name, step, bytes.
    """

    source: str
    file: str
    digest: str
    facts: Mapping[str, Any]
    points: Sequence[Point]
    files: Sequence[tuple[str, int, bytes]] = field(default=(), repr=False)


def bring_in(store: Store, foreign: Foreign) -> Run:
    """Store a foreign run, marked with its source; one that is there already is returned.

    It keeps its id unless that is taken. It answers for no config and cannot be resumed. An
    experiment that this package does not have keeps its name without a colon, so that nothing is
    ever imported by it.
    """
    known = _known(store, foreign)
    if known is not None:
        return known
    _check_points(foreign)
    row = _row(foreign)
    with store.writing() as connection:
        while connection.execute(select(runs.c.key).where(runs.c.id == row["id"])).first():
            row["id"] = new_id()
        key = connection.execute(insert(runs).values(row).returning(runs.c.key)).scalar_one()
        store.point_table.write(connection, key, foreign.points)
    run = store.get(row["id"])
    try:
        for name, step, content in foreign.files:
            run.artifacts.put(name, step, content)
    except BaseException:
        with store.writing() as connection:
            connection.execute(delete(runs).where(runs.c.key == key))
        run.artifacts.remove_folder()
        raise
    return run


def check_file(content: bytes, sha256: str, where: str) -> None:
    """Refuse what is no safetensors file of ours. Raises ImportRefusedError."""
    from safetensors import SafetensorError

    try:
        unpack_snapshot(content, sha256, where)
    except (SafetensorError, ValueError, AttributeError, RecursionError) as error:
        raise ImportRefusedError(f"The {where} holds no tensors: {error}") from None


def text_of(facts: Mapping[str, Any], name: str) -> str:
    """A text of the facts; ``""`` if it is none. Raises ImportRefusedError if it is too long."""
    value = facts.get(name)
    if not isinstance(value, str):
        return ""
    if len(value) > LONGEST_TEXT:
        raise ImportRefusedError(
            f"The {name} has {len(value):,} characters, but {LONGEST_TEXT:,} are the most."
        )
    return value.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def _known(store: Store, foreign: Foreign) -> Run | None:
    with store.reading() as connection:
        query = select(runs.c.id, runs.c.origin).where(
            runs.c.source == foreign.source, runs.c.deleted.is_(None)
        )
        rows = connection.execute(query).all()
    same = [
        row.id for row in rows if json.loads(row.origin or "{}").get("digest") == foreign.digest
    ]
    return store.get(same[0]) if same else None


def _check_points(foreign: Foreign) -> None:
    for point in foreign.points:
        if not (math.isfinite(point.time) and 0 < len(point.name) <= LONGEST_METRIC):
            raise ImportRefusedError(
                f"{foreign.file} holds a point of the metric {point.name[:60]!r} at step "
                f"{point.step} without a time, or with a name that is empty or too long."
            )
        if "\0" in point.name:
            raise ImportRefusedError(f"{foreign.file} holds a metric named with NUL.")


def _row(foreign: Foreign) -> dict[str, Any]:
    facts, now = foreign.facts, time.time()
    experiment = text_of(facts, "experiment") or foreign.source
    given_id = text_of(facts, "id")
    config = _mapping(facts, "config")
    seed = facts.get("seed")
    status = text_of(facts, "status")
    last: dict[str, tuple[int, float]] = {}
    for point in foreign.points:
        if point.name not in last or point.step >= last[point.name][0]:
            last[point.name] = (point.step, point.value)
    created = _seconds(facts, "created")
    origin = {
        "file": foreign.file,
        "digest": foreign.digest,
        "id": given_id,
        "experiment": experiment,
        "brought_in": datetime.now(UTC).isoformat(),
        "by": f"mlcore {__version__}",
    }
    steps = max((point.step for point in foreign.points), default=0)
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
        "elapsed": _number(facts, "elapsed", max((p.time for p in foreign.points), default=0.0)),
        "step": steps,
        "done": _number(facts, "done", float(steps)),
        "total": _number(facts, "total", float(steps)),
        "latest": json.dumps({name: value for name, (_, value) in last.items()}),
        "host": text_of(facts, "host") or None,
        "versions": canonical_json(_words(facts, "versions")),
        "environment": canonical_json(_words(facts, "environment")),
        "error": text_of(facts, "error") or None,
        "traceback": text_of(facts, "traceback") or None,
        "tags": json.dumps(_tags(facts), ensure_ascii=False),
        "name": text_of(facts, "name"),
        "note": text_of(facts, "note"),
        "source": foreign.source,
        "origin": json.dumps(origin, ensure_ascii=False),
    }


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


def _number(facts: Mapping[str, Any], name: str, default: float) -> float:
    value = facts.get(name)
    usable = isinstance(value, (int, float)) and math.isfinite(value)
    return float(value) if usable else default  # type: ignore[arg-type]  # a number: see above
