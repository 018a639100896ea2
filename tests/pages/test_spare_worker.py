"""Which pages ask for a worker before a run is started, and how often."""

import pytest

from mlcore.runs.execution import supervisor
from mlcore.runs.store.store import Store
from mlcore.ui.common import spare_worker
from tests.pages.conftest import Open
from tests.waiting import until


def test_pages_with_a_button_that_starts_a_run_ask_for_a_worker_once_for_all_tabs(
    empty_store: Store, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str | None] = []
    monkeypatch.setattr(supervisor, "prepare", asked.append)
    monkeypatch.setattr(spare_worker, "AFTER_S", 0.0)
    ask = spare_worker._ask

    open_page("pages/autograd.py")
    open_page("pages/regression.py")
    assert asked == [], "nothing can be trained there by a worker"

    ask.clear()
    for page, params in (
        ("pages/home.py", {}),
        ("pages/mnist.py", {"tab": "Train"}),
        ("pages/regression.py", {"tab": "As a run"}),
        ("pages/sweeps.py", {}),
    ):
        open_page(page, **params)
        until(lambda: len(asked) == 1)
        assert asked.pop() == empty_store.url.removeprefix("sqlite:///"), page
        open_page(page, **params)
        assert asked == [], "a second tab, a moment later"
        ask.clear()
