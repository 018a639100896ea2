"""What every test stands on: a store of its own, and no worker left behind."""

from __future__ import annotations

import importlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psutil
import pytest
from hypothesis import settings

from mlcore.runs.execution.engines import local
from mlcore.runs.execution.engines.local import SPARE_VARIABLE, reap_children
from mlcore.runs.store.database import resolve_url
from mlcore.runs.store.store import Store, open_store
from tests.forked import ForkedWorker, ForkServer

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.scheduler import LoadScopeScheduling

    from tests.engines.server import PostgresServer

WORKER: Final = "mlcore.runs.execution.worker"
"""The module that a worker process runs."""

BACK_ENDS = ("sqlite", "postgresql")
ON_BOTH = ("runs",)
"""Folders of tests whose stores are kept in each of the back ends in turn."""

settings.register_profile("quick", deadline=None, derandomize=True, max_examples=60)
settings.register_profile("thorough", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


os.environ.setdefault("MLCORE_STEP", "manual-blas")  # instead of measuring; workers inherit it

TOGETHER = ("tests/compat/", "tests/e2e/", "tests/engines/test_ray.py")
"""Files whose tests stay on one process of ``pytest -n``: they share a server, a cluster, or
libraries that take seconds to import."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Give each process whole files of ``TOGETHER``, and else one test after the other.

    What ``--dist loadgroup`` is for, but pytest-xdist 3.8 does not find the groups under pytest
    9.2: each process then starts the server of each file.
    """
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
        def _split_scope(self, nodeid: str) -> str:
            return nodeid.split("::")[0] if nodeid.startswith(TOGETHER) else nodeid

    return Scheduling(config, log)


def pytest_configure() -> None:
    """Start no worker for a page that is only opened: it takes seconds of processor time.

    For good, as a page asks for it in a thread that may outlast the last test.
    """
    os.environ[SPARE_VARIABLE] = "0"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What a store promises it promises on every back end, so its tests run on each."""
    test = metafunc.definition
    folders = test.path.parent.relative_to(metafunc.config.rootpath / "tests").parts
    here = folders[:1] == ON_BOTH and test.get_closest_marker("sqlite") is None
    both = here or test.get_closest_marker("both_back_ends") is not None
    if both and "store" in metafunc.fixturenames:
        slow = test.get_closest_marker("slow_on_postgresql") is not None
        marks = {"postgresql": pytest.mark.fault} if slow else {}
        ends = [pytest.param(end, marks=marks.get(end, ())) for end in BACK_ENDS]
        metafunc.parametrize("store", ends, indirect=True)


@pytest.fixture(scope="session", autouse=True)
def components_are_looked_for_once() -> Iterator[None]:
    """Each AppTest would read the metadata of all installed packages for components of theirs.

    That is most of what opening a page costs here; a server does it once, when it starts.
    """
    with pytest.MonkeyPatch.context() as patch:
        if "streamlit.testing.v1" in sys.modules:  # a test is to open pages
            scanner = importlib.import_module("streamlit.components.v2.manifest_scanner")
            name = "scan_component_manifests"
            patch.setattr(scanner, name, cache(getattr(scanner, name)))
        yield


@pytest.fixture(scope="session")
def fork_server() -> Iterator[ForkServer]:
    """What starts dashboards and workers."""
    server = ForkServer()
    yield server
    server.close()


@pytest.fixture(scope="session", autouse=True)
def workers_are_forked(fork_server: ForkServer) -> Iterator[None]:
    """Start the workers of this process without importing PyTorch anew for each.

    Workers that a command or a dashboard starts are started as ever.
    """

    def start(words: Sequence[str], **how: Any) -> ForkedWorker | subprocess.Popen[bytes]:
        if WORKER not in words:
            return subprocess.Popen(words, **how)
        return ForkedWorker(fork_server, words, **how)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(local, "Popen", start)
        yield


@pytest.fixture
def one_thread() -> Iterator[None]:
    """One torch thread, as runs compute, and as many as before afterwards.

    Over small networks torch's threads wait for each other far longer than they compute.
    """
    from mlcore.mnist.torch_state import torch_threads

    with torch_threads(1):
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server, started when the first test needs it."""
    missing = "psycopg (pip install 'mlcore[postgres]')"
    if importlib.util.find_spec("psycopg") is not None:
        from tests.engines.server import PostgresServer, find_binaries

        missing = "PostgreSQL (apt-get install postgresql)"
        if (binaries := find_binaries()) is not None:
            server = PostgresServer(binaries)
            try:
                server.start()
                yield server
            finally:
                server.remove()
            return
    skip_unless_ci(missing)


def skip_unless_ci(missing: str) -> None:
    """Skip by name on a laptop that lacks something; fail where all must be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{missing} is missing, and CI=true")
    pytest.skip(f"{missing} is missing")


@pytest.fixture(scope="session")
def new_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store without runs, whose tables were made by migration; copy it."""
    path = tmp_path_factory.mktemp("new") / "runs.db"
    Store(resolve_url(str(path))).close()
    return path


@pytest.fixture
def store(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    new_file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Store]:
    """An empty store of its own, named by MLCORE_STORE; its workers end with it."""
    server: PostgresServer | None = None
    url = str(tmp_path / "store" / "runs.db")
    if getattr(request, "param", "sqlite") == "postgresql":
        server = request.getfixturevalue("postgres")
        assert server is not None
        url = server.new_store()
        monkeypatch.setenv("MLCORE_FILES", str(tmp_path / "files"))
    else:
        Path(url).parent.mkdir()
        shutil.copy(new_file, url)
    monkeypatch.setenv("MLCORE_STORE", url)
    monkeypatch.setenv("MLCORE_WORKERS", "1")
    opened = open_store()
    yield opened
    end_workers(opened.shown_url)
    opened.close()
    if server is not None:
        server.drop(url)


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
        line = " ".join(process.info["cmdline"] or []).split()
        if WORKER in line and url in line:
            found.append(process)
    return found
