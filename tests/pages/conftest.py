"""The dashboard in a simulated browser, over stores that no worker tends."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import mlcore
from mlcore import MNISTConfig, Run
from mlcore.runs.store.store import Store, open_store
from tests.waiting import PATIENCE

ROOT = Path(__file__).parents[2]
Open = Callable[..., AppTest]

TINY = MNISTConfig(model="linear", train_size=512, batch_size=256, epochs=2)
"""Trains in a blink."""


@pytest.fixture(autouse=True)
def no_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Queued runs stay queued, so that a test sees what it did."""
    monkeypatch.setenv("MLCORE_WORKERS", "0")


@pytest.fixture
def empty_store(tmp_path: Path, new_file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A store without runs."""
    shutil.copy(new_file, tmp_path / "runs.db")
    monkeypatch.setenv("MLCORE_STORE", str(tmp_path / "runs.db"))
    store = open_store()
    yield store
    store.close()


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """A finished run of ``TINY``; its store is ``tiny_run.store``."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLCORE_STORE", str(tmp_path_factory.mktemp("tiny") / "runs.db"))
        run = mlcore.run(TINY)
    assert run.status == "finished"
    yield run
    run.store.close()


@pytest.fixture
def with_run(tiny_run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The store of ``tiny_run`` is the one in use."""
    monkeypatch.setenv("MLCORE_STORE", tiny_run.store.url)
    return tiny_run


@pytest.fixture
def broken_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """MLCORE_STORE names a file that is no database."""
    path = tmp_path / "notes.db"
    path.write_text("Buy milk.\n" * 100)
    monkeypatch.setenv("MLCORE_STORE", str(path))
    return path


@pytest.fixture
def open_page() -> Open:
    """Open a page of the dashboard, the way a link with parameters does."""

    def open_page(page: str = "pages/home.py", **params: str) -> AppTest:
        at = AppTest.from_file(ROOT / "dashboard.py", default_timeout=PATIENCE)
        if page != "pages/home.py":
            at.switch_page(page)
        at.query_params.update(params)
        at.run()
        assert not at.exception
        return at

    return open_page


def captions(at: AppTest) -> str:
    """The text of all captions of a page."""
    return "\n".join(caption.value for caption in at.caption)
