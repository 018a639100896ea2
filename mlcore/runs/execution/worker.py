"""A worker: a process that executes queued runs one after another, and exits when idle."""

from __future__ import annotations

import gc
import importlib
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from mlcore.core import MlcoreError, RunStateError, StoreError
from mlcore.core.cores import give_cores
from mlcore.experiments import own
from mlcore.runs.execution.claims import Claim, take_ensemble
from mlcore.runs.execution.engines.local import SPARE, cores_each
from mlcore.runs.execution.engines.roster import beat, register, retire, strike
from mlcore.runs.execution.heartbeat import abandon
from mlcore.runs.execution.process_setup import Code, idle_for, tell
from mlcore.runs.execution.recorder import execute_ensemble
from mlcore.runs.execution.supervisor import recover, tend
from mlcore.runs.execution.wakeup import Sleep
from mlcore.runs.process_id import HEARTBEAT_EVERY, ProcessId
from mlcore.runs.store.store import Store, open_store

if TYPE_CHECKING:
    from mlcore.runs.recorded_run import Run

OUTAGE = 60.0
"""Seconds for which a worker waits for a store that does not answer, such as a restarted server."""

_LOOK_EVERY = 0.1
_LOOK_EVERY_WHEN_IDLE = 0.5
_LOOK_AFTER_EVERY = 1.0
_NICE = 10  # the page stays quick beside a training run

_log = logging.getLogger("mlcore.worker")


def execute(store_url: str, run_id: str) -> Run:
    """Execute one queued run in this process, with the other members of its ensemble.

    Only two strings are needed, so any engine that can call a function can run it.

    Args:
        store_url: Address of the store.
        run_id: Id of a run that is queued there. Where it waits in an ensemble, all that still
            wait in it are carried out as one program, if that pays.

    Returns:
        The run as it ended.

    Raises:
        RunNotFoundError: If there is no such run.
        RunStateError: If it is not queued.
    """
    store = open_store(store_url)
    store.patience = OUTAGE
    run = store.get(run_id)
    claims = take_ensemble(store, ProcessId.of(), run.id)
    if not claims:
        raise RunStateError(f"Run {run.id} is {store.get(run.id).status}, not queued.")
    try:
        execute_ensemble(claims)
    except BaseException as error:
        # the process may live on and do other things; its runs must not wait for it
        _abandon(claims, error)
        raise
    return store.get(run.id)


def _abandon(claims: Sequence[Claim], error: BaseException) -> None:
    with suppress(StoreError):
        for claim in claims:
            abandon(claim, str(error) if isinstance(error, StoreError) else "")


def work(store: Store, patience: float, *, spare: bool = False) -> None:
    """Execute queued runs until it was idle for ``patience`` seconds, or SIGTERM comes.

    Args:
        store: Whose runs.
        patience: Seconds without a run, and without a page that asked for a ready worker.
        spare: Started before there is a run (see ``keep_spare``): what a
            first run on MNIST needs is imported and read meanwhile.

    Raises:
        StoreError: If the store does not answer for ``OUTAGE`` seconds.
    """
    with Sleep() as naps:
        _work(store, patience, naps, spare=spare)


def _work(store: Store, patience: float, naps: Sleep, *, spare: bool) -> None:
    stopping = False
    store.patience = OUTAGE

    def on_signal(_signal: int, _frame: object) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    code = Code()  # before the imports: what is edited during them is noticed
    process = ProcessId.of()
    register(store, process)
    _warm_up(spare=spare)
    idle_since = beat_due = look_due = answered = time.monotonic()
    while not stopping:
        if not store.present():
            _log.info("the store is gone; ending")
            return
        try:
            if code.changed():
                _log.info("the code was changed; a fresh worker takes over")
                strike(store, process)
                tend(store)
                return
            claims = take_ensemble(store, process)
            if claims:
                _carry_out(store, claims, lambda: stopping)
                idle_since = answered = time.monotonic()
                recover(store)
                continue
            if time.monotonic() > look_due:
                recover(store)
                look_due = time.monotonic() + _LOOK_AFTER_EVERY
            if store.server and time.monotonic() > beat_due:
                beat(store, process)
                beat_due = time.monotonic() + HEARTBEAT_EVERY
            answered = time.monotonic()
            idle = answered - idle_since
            if idle > patience and retire(store, process):
                _log.info("idle for %.0f s; ending", idle)
                return
        except StoreError as error:
            if time.monotonic() - answered > OUTAGE:
                raise
            _log.warning("%s It is tried again.", error)
            idle = 0.0
        if naps.sleep(_LOOK_EVERY if idle < 10 else _LOOK_EVERY_WHEN_IDLE):
            idle_since = time.monotonic()


def _carry_out(store: Store, claims: Sequence[Claim], interrupted: Callable[[], bool]) -> None:
    give_cores(cores_each(store))
    _log.info("runs %s: %s", [c.run.id for c in claims], claims[0].run.config_fields)
    try:
        for ended in execute_ensemble(claims, interrupted):
            _log.info("run %s: %s", ended.id, ended.status)
    except StoreError as error:
        _log.exception("runs %s are given up", [c.run.id for c in claims])
        _abandon(claims, error)


def _warm_up(*, spare: bool) -> None:
    """Import what every run needs before the first run is taken; a spare worker does more.

    A failure here is no reason to end: what is missing is named by the run that needs it.
    """
    importlib.import_module("torch")
    if spare:
        importlib.import_module("mlcore.mnist.train")
        digits = importlib.import_module("mlcore.mnist.data.digits")
        with suppress(MlcoreError):
            digits.load()
        if own():  # the first optimizer of torch's own in a process imports it: over a second
            importlib.import_module("torch._dynamo")
    gc.freeze()  # else the first run stands still while the collector walks through all of torch


def main() -> None:
    """Entry of ``python -m mlcore.runs.execution.worker [STORE] [--spare]``."""
    tell()
    with suppress(OSError, AttributeError):  # some systems do not allow or know it
        os.nice(_NICE)
    words = [word for word in sys.argv[1:] if word != SPARE]
    work(open_store(_address(words)), idle_for(), spare=SPARE in sys.argv[1:])


def _address(words: Sequence[str]) -> str | None:
    """The store's address, from MLCORE_STORE where the command line hides its password."""
    if not words or ("://" in words[0] and "***" in words[0]):
        return None
    return words[0]


if __name__ == "__main__":
    main()
