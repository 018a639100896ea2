"""What the tests of sweeps share: somebody who does the work at once, here."""

from __future__ import annotations

import pytest

from mlcore.runs.execution.claims import take_ensemble
from mlcore.runs.execution.recorder import execute_ensemble
from mlcore.runs.process_id import ProcessId
from mlcore.runs.store.store import Store
from mlcore.sweeps import Sweep
from mlcore.sweeps.coordinator import advance


@pytest.fixture
def bench(store: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store without workers: the test itself carries runs out, one after another."""
    monkeypatch.setenv("MLCORE_WORKERS", "0")
    return store


def work_once(store: Store) -> int:
    """Carry out what a worker would take first; the number of runs."""
    claims = take_ensemble(store, ProcessId.of())
    return len(execute_ensemble(claims)) if claims else 0


def work_off(sweep: Sweep) -> Sweep:
    """Carry out all of a sweep."""
    while (now := sweep.refresh()).running:
        work_once(sweep.store)
        advance(sweep.store, sweep.id)
    return now
