"""An engine that cannot be used: the page says why, and queues nothing that nobody would do."""

from __future__ import annotations

import pytest
import streamlit as st

from mlcore.runs.store.store import Store
from mlcore.sweeps import list_sweeps
from tests.pages.conftest import TINY, Open

TROUBLES = {
    "cluster": ("MLCORE_ENGINE", "ray://127.0.0.1:1", "SQLite's locks do not hold"),
    "workers": ("MLCORE_WORKERS", "many", "is 'many', but must be a whole number"),
    "cores": ("MLCORE_CORES", "0", "is '0', but must be a whole number"),
}


@pytest.fixture(params=TROUBLES)
def trouble(
    request: pytest.FixtureRequest, empty_store: Store, monkeypatch: pytest.MonkeyPatch
) -> str:
    """What a page has to say of an environment that no run can be carried out in."""
    st.cache_data.clear()
    assert empty_store.list() == []
    name, value, sentence = TROUBLES[request.param]
    monkeypatch.setenv(name, value)
    return sentence


def test_a_start_that_nobody_would_carry_out_is_refused(
    empty_store: Store, open_page: Open, trouble: str
) -> None:
    at = open_page()
    at.button(key="home.start.button").click().run()
    assert not at.exception
    assert trouble in at.error[0].value
    assert empty_store.list() == []


def test_a_sweep_that_nobody_would_carry_out_is_refused(
    empty_store: Store, open_page: Open, trouble: str
) -> None:
    at = open_page("pages/sweeps.py")
    buttons = [button for button in at.button if button.label == "Start the sweep"]
    if buttons:
        buttons[0].click().run()
    assert not at.exception
    assert any(trouble in error.value for error in at.error)
    assert list_sweeps(empty_store) == []


def test_a_run_that_waits_in_vain_says_why(
    empty_store: Store, open_page: Open, trouble: str
) -> None:
    run = empty_store.submit(TINY)
    at = open_page("pages/mnist.py", tab="Train", runs=run.id)
    assert any(trouble in error.value for error in at.error)
