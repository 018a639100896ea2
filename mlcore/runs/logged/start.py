"""``start_run``: begin to record a loop of one's own."""

from __future__ import annotations

import json
import logging
import os
import secrets
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from mlcore.core import InputError, InputTypeError, canonical_json
from mlcore.experiments import EXPERIMENTS
from mlcore.runs.execution.environment import machine
from mlcore.runs.logged import saved
from mlcore.runs.logged.active_run import ActiveRun
from mlcore.runs.logged.changes import own_fingerprint
from mlcore.runs.logged.code_state import record_code
from mlcore.runs.logged.fields import Fields, fields_of
from mlcore.runs.logged.values import brief, name_of
from mlcore.runs.logged.writer import Writer
from mlcore.runs.process_id import ProcessId
from mlcore.runs.recorded_run import SCRIPT
from mlcore.runs.status import Status
from mlcore.runs.store.organize import checked_tags, checked_text
from mlcore.runs.store.store import Store, open_store
from mlcore.runs.store.submission import new_id, versions

LONGEST_EXPERIMENT: Final = 100
"""Characters of an experiment's name at most."""

_log = logging.getLogger("mlcore.log")


def start_run(
    experiment: str,
    config: Any = None,
    *,
    name: str | None = None,
    tags: Iterable[str] = (),
    note: str = "",
    seed: int | None = None,
    total: float | None = None,
    prefix: str = "",
    strict: bool = False,
    progress: bool = True,
    store: Store | str | Path | None = None,
) -> ActiveRun:
    """Begin to record a training loop that is not an experiment of mlcore.

    The run appears on Runs and Compare, in filters, exports and the command line as any other. It
    is never cached or resumed, as only its own script could train it.

    Under torchrun (``RANK`` in the environment) only rank 0 records. Another rank does so if it is
    given a ``prefix``, as a run of its own.

    Args:
        experiment: What is trained: runs of one name are compared with each other.
        config: Its settings, to compare and filter by: a dict, a dataclass, a pydantic model, an
            ``argparse.Namespace``, or None. Settings within settings become ``outer.inner``.
        name: What to call the run; by default its experiment and its settings.
        tags: To find it again by.
        note: Free text.
        seed: Of its randomness; by default the config's ``seed``. Runs that are equal but for the
            seed are one group on Compare.
        total: Steps that the loop will take, for the progress bar.
        prefix: Is put before the name of each metric, such as ``"rank 1/"``.
        strict: Raise what goes wrong with the logging, instead of saying it once.
        progress: In a notebook, show its curves in the cell while they grow.
        store: Where to record it; by default as ``mlcore.runs.open_store``.

    Raises:
        InputError: If the name, the tags, the seed, the total or the config are none.
        StoreError: With ``strict``, if the store cannot be opened.

    Example:
        >>> import mlcore
        >>> with mlcore.start_run("autoencoder", {"lr": 1e-3}, total=3) as run:
        ...     for loss in (0.5, 0.3, 0.2):
        ...         run.log({"loss": loss})
        >>> mlcore.get_run(run.id).metrics()["value"].tolist()
        [0.5, 0.3, 0.2]
    """
    _check_experiment(experiment)
    _check_numbers(seed, total)
    if prefix:
        name_of(prefix)
    fields = fields_of(config)
    row = _row(experiment, fields, name, tags, note, seed, total)
    if _other_rank() and not prefix:
        return ActiveRun("", experiment, None, strict=strict, state="silent")
    if fields.as_text:
        if strict:
            raise InputError(" ".join(fields.as_text))
        _log.warning("%s", " ".join(fields.as_text))
    opened = store if isinstance(store, Store) else None
    address = None if store is None or opened is not None else str(store)
    if strict:
        opened = opened or open_store(address)
    writer = Writer(
        row, lambda: opened or open_store(address), total or 0.0, record_code, saved.save
    )
    if strict:
        writer.claim()
    run = ActiveRun(row["id"], experiment, writer, prefix=prefix, strict=strict)
    writer.start(run.say)
    if progress:
        run.show()
    return run


def _check_experiment(experiment: object) -> None:
    if not isinstance(experiment, str):
        raise InputTypeError(
            f"experiment is {brief(experiment)}, but must be a text, such as 'autoencoder'."
        )
    if not 0 < len(experiment.strip()) <= LONGEST_EXPERIMENT:
        raise InputError(
            f"experiment has {len(experiment.strip()):,} characters, but must have 1 to "
            f"{LONGEST_EXPERIMENT}."
        )
    if experiment in EXPERIMENTS or ":" in experiment:
        what = "is an experiment of mlcore" if experiment in EXPERIMENTS else "has a colon"
        raise InputError(
            f"experiment is {experiment!r}, which {what}, and that names what mlcore itself can "
            "train. Choose another name for your loop."
        )
    name_of(experiment)


def _check_numbers(seed: object, total: Any) -> None:
    if seed is not None and (type(seed) is not int or abs(seed) >= 2**63):
        raise InputError(f"seed is {brief(seed)}, but must be a whole number of 64 bits, or None.")
    number = isinstance(total, (int, float)) and not isinstance(total, bool)
    if total is not None and not (number and 0 < float(total) < 1e15):
        raise InputError(
            f"total is {brief(total)}, but must be a number of steps above 0, or None."
        )


def _row(
    experiment: str,
    fields: Fields,
    name: str | None,
    tags: Iterable[str],
    note: str,
    seed: int | None,
    total: float | None,
) -> dict[str, Any]:
    run_id, now, process = new_id(), time.time(), ProcessId.of()
    named = fields.values.get("seed")
    if seed is None and type(named) is int and abs(named) < 2**63:
        seed = named
    return {
        "id": run_id,
        "experiment": experiment,
        "version": 0,
        "config": canonical_json(fields.values),
        "fingerprint": own_fingerprint(experiment, run_id, fields.values),
        "status": Status.RUNNING,
        "seed": seed,
        "created": now,
        "started": now,
        "total": total or 0.0,
        "claim": secrets.token_hex(8),
        "host": process.host,
        "pid": process.pid,
        "pid_started": process.started,
        "versions": canonical_json(versions()),
        "environment": canonical_json(machine()),
        "tags": json.dumps(checked_tags(tags), ensure_ascii=False),
        "name": checked_text("name", name or ""),
        "note": checked_text("note", note),
        "source": SCRIPT,
    }


def _other_rank() -> bool:
    """Whether this is a process of torchrun other than rank 0."""
    rank = os.environ.get("RANK", "0")
    return rank.isdecimal() and int(rank) > 0
