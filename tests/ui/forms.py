"""Opens a script that holds a form, in a simulated browser."""

from __future__ import annotations

from pathlib import Path

from streamlit.testing.v1 import AppTest

from tests.waiting import PATIENCE

SCRIPT = """
import streamlit as st
from mlcore.mnist import MNISTConfig
from mlcore.ui import form

groups = {spec.group for spec in MNISTConfig.specs()}
config = form.config_form(MNISTConfig, key="f", open_groups=groups)
st.session_state["config"] = config
"""


def open_form(tmp_path: Path, code: str = SCRIPT, **params: str) -> AppTest:
    # A script of its own folder: beside the test's it would take tests/pages for pages.
    script = tmp_path / "script.py"
    script.write_text(code)
    at = AppTest.from_file(script, default_timeout=PATIENCE)
    at.query_params.update(params)
    at.run()
    assert not at.exception
    return at
