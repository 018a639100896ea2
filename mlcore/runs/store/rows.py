"""Converts rows of the table ``runs`` to ``Run`` objects."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mlcore.runs.recorded_run import Run
from mlcore.runs.store.damage import json_of, status_of

if TYPE_CHECKING:
    from sqlalchemy import Row

    from mlcore.runs.store.store import Store


def run_of(row: Row[Any], store: Store) -> Run:
    """The run of a row of the table ``runs``.

    Raises:
        StoreError: If the row is damaged.
    """
    of = f"run {row.id}"
    return Run(
        id=row.id,
        experiment=row.experiment,
        config_fields=json_of(row.config, dict, "config", of),
        fingerprint=row.fingerprint,
        status=status_of(row.status, of),
        created=_moment(row.created),
        started=None if row.started is None else _moment(row.started),
        finished=None if row.finished is None else _moment(row.finished),
        elapsed=row.elapsed,
        step=row.step,
        done=row.done,
        total=row.total,
        host=row.host,
        seed=row.seed,
        versions=json_of(row.versions, dict, "versions", of),
        error=row.error,
        traceback=row.traceback,
        tags=tuple(json_of(row.tags, list, "tags", of)),
        note=row.note,
        request=row.request,
        last=json_of(row.latest, dict, "latest values", of),
        key=row.key,
        store=store,
        name=row.name,
        starred=row.starred,
        archived=row.archived,
        deleted=None if row.deleted is None else _moment(row.deleted),
        source=row.source,
        origin=json_of(row.origin or "{}", dict, "origin", of),
        edited=row.edited,
        environment=json_of(row.environment, dict, "environment", of),
        queued=None if row.queued is None else _moment(row.queued),
    )


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
