"""The pages over a server's store: the same questions get the same kind of answers there."""

from __future__ import annotations

from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import mlcore
from mlcore import MNISTConfig
from mlcore.runs.store.store import Store
from tests.waiting import PATIENCE

ROOT = Path(__file__).parents[2]
TINY = MNISTConfig(model="linear", train_size=512, batch_size=256, epochs=2)


@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
def test_every_page_about_runs_opens_on_a_server(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert store.server
    st.cache_data.clear()
    monkeypatch.setenv("MLCORE_WORKERS", "0")
    runs = [mlcore.run(TINY.replace(seed=seed), progress=False) for seed in range(2)]
    sweep = mlcore.sweep(TINY, {"seed": [0, 1]}, wait=False)
    ids = ",".join(run.id for run in runs)
    visits = [
        ("pages/mnist.py", {"tab": "Train", "runs": ids}),
        ("pages/runs.py", {}),
        ("pages/compare.py", {"runs": ids}),
        ("pages/sweeps.py", {"sweep": sweep.id}),
    ]
    at = AppTest.from_file(ROOT / "dashboard.py", default_timeout=PATIENCE).run()
    for page, params in visits:
        at.switch_page(page)
        at.query_params.clear()
        at.query_params.update(params)
        at.run()
        assert not at.exception, page
        assert not at.error, (page, [error.value for error in at.error])
        assert len(at.get("vega_lite_chart")) + len(at.dataframe) > 0, page
