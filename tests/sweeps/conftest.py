"""What the tests of sweeps share: somebody who does the work at once, here."""

from __future__ import annotations

import pytest

from mlcore.runs.claims import take_group
from mlcore.runs.groups import execute_group
from mlcore.runs.liveness import ProcessId
from mlcore.runs.store import Store
from mlcore.sweeps import Sweep
from mlcore.sweeps.coordinator import advance


@pytest.fixture
def bench(store: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store without workers: the test itself carries runs out, one after another."""
    monkeypatch.setenv("MLCORE_WORKERS", "0")
    return store


def work_once(store: Store) -> int:
    """Carry out what a worker would take first; the number of runs."""
    claims = take_group(store, ProcessId.of())
    return len(execute_group(claims)) if claims else 0


def work_off(sweep: Sweep) -> Sweep:
    """Carry out all of a sweep."""
    while (now := sweep.refresh()).running:
        work_once(sweep.store)
        advance(sweep.store, sweep.id)
    return now
