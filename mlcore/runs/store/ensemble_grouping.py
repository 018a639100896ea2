"""Groups queued runs that can train as one program into ensembles; workers decide if it pays."""

from __future__ import annotations

import hashlib
import math
import secrets
from collections.abc import Sequence

from sqlalchemy import Connection, insert, update

from mlcore.core import Config
from mlcore.runs.store.queueing import Answer
from mlcore.runs.store.schema import ensembles, runs

FEWEST = 4
"""Fewer runs than that are not worth a group."""
MOST = 64
"""More than that gain nothing more, and share one fate if their worker dies."""


def shape_name(config: Config) -> str | None:
    """A short name shared by configs that can train as one program; None if a config cannot."""
    shape = config.ensemble_key()
    if shape is None:
        return None
    return f"{config.experiment}-{hashlib.sha256(shape.encode()).hexdigest()[:12]}"


def group(
    connection: Connection,
    sweep_id: str | None,
    configs: Sequence[Config],
    answers: Sequence[Answer],
    places: int,
) -> None:
    """Put just queued runs into ensembles of sizes as equal as possible.

    Args:
        connection: The transaction in which they were queued, so that no worker has one yet.
        sweep_id: The sweep they belong to, or None.
        configs: Of each run.
        answers: Of each run.
        places: How many runs are worked on at once: so many groups there are at least, where
            each still has four members.
    """
    shapes: dict[str, list[int]] = {}
    for config, answer in zip(configs, answers, strict=True):
        if answer.queued and (shape := shape_name(config)) is not None:
            shapes.setdefault(shape, []).append(answer.key)
    for shape, keys in shapes.items():
        if len(keys) < FEWEST:
            continue
        count = max(math.ceil(len(keys) / MOST), min(places, len(keys) // FEWEST))
        size = math.ceil(len(keys) / count)
        for start in range(0, len(keys), size):
            part = keys[start : start + size]
            name = f"{sweep_id or 'runs'}-{secrets.token_hex(4)}"
            connection.execute(
                insert(ensembles).values(id=name, sweep=sweep_id, shape=shape, members=len(part))
            )
            connection.execute(update(runs).where(runs.c.key.in_(part)).values(ensemble=name))
