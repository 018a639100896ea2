"""Reads a row of the table of runs as a ``Run``."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mlcore.runs.recorded_run import Run
from mlcore.runs.status import Status

if TYPE_CHECKING:
    from sqlalchemy import Row

    from mlcore.runs.store.store import Store


def run_of(row: Row[Any], store: Store) -> Run:
    """The run that a row of the table ``runs`` tells of."""
    return Run(
        id=row.id,
        experiment=row.experiment,
        config_fields=json.loads(row.config),
        fingerprint=row.fingerprint,
        status=Status(row.status),
        created=_moment(row.created),
        started=None if row.started is None else _moment(row.started),
        finished=None if row.finished is None else _moment(row.finished),
        elapsed=row.elapsed,
        step=row.step,
        done=row.done,
        total=row.total,
        host=row.host,
        seed=row.seed,
        versions=json.loads(row.versions),
        error=row.error,
        traceback=row.traceback,
        tags=tuple(json.loads(row.tags)),
        note=row.note,
        request=row.request,
        last=json.loads(row.latest),
        key=row.key,
        store=store,
        name=row.name,
        starred=row.starred,
        archived=row.archived,
        deleted=None if row.deleted is None else _moment(row.deleted),
        source=row.source,
        origin=json.loads(row.origin or "{}"),
        edited=row.edited,
        environment=json.loads(row.environment),
    )


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
