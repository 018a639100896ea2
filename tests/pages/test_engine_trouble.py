"""A cluster that cannot be used: the page says why, and queues nothing that nobody would do."""

from __future__ import annotations

import pytest
import streamlit as st

from mlcore.runs.store import Store
from tests.pages.conftest import TINY, Open


@pytest.fixture(autouse=True)
def ray_over_a_file(empty_store: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    st.cache_data.clear()
    monkeypatch.setenv("MLCORE_ENGINE", "ray://127.0.0.1:1")
    return empty_store


def test_a_start_that_nobody_would_carry_out_is_refused(
    empty_store: Store, open_page: Open
) -> None:
    at = open_page()
    at.button(key="home.start.button").click().run()
    assert not at.exception
    assert "SQLite's locks do not hold" in at.error[0].value
    assert empty_store.list() == []


def test_a_run_that_waits_in_vain_says_why(empty_store: Store, open_page: Open) -> None:
    run = empty_store.submit(TINY)
    at = open_page("pages/mnist.py", tab="Train", runs=run.id)
    assert any("SQLite's locks do not hold" in error.value for error in at.error)
