"""What every test stands on: a store of its own, and no worker left behind."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from hypothesis import settings

from mlcore.runs.engines.local import reap_children
from mlcore.runs.store import Store, open_store

settings.register_profile("quick", deadline=None, derandomize=True, max_examples=60)
settings.register_profile("thorough", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """An empty store in a folder of its own, named by MLCORE_STORE; its workers end with it."""
    path = tmp_path / "store" / "runs.db"
    monkeypatch.setenv("MLCORE_STORE", str(path))
    monkeypatch.setenv("MLCORE_WORKERS", "1")
    opened = open_store()
    yield opened
    end_workers(opened.url)
    opened.close()


def end_workers(url: str) -> None:
    """Kill the workers of a store, and wait until they are gone."""
    mine = workers_of(url)
    for process in mine:
        process.kill()
    psutil.wait_procs(mine, timeout=10)
    reap_children()


def workers_of(url: str) -> list[psutil.Process]:
    """The worker processes of a store."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        line = process.info["cmdline"] or []
        if "mlcore.runs.worker" in line and url in line:
            found.append(process)
    return found
