"""Components draw the newest data last, whichever order the browser calls their modules in."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
import streamlit as st

import mlcore.ui
from mlcore.ui.common import component as components

UI = Path(mlcore.ui.__file__).parent


def test_every_component_is_made_where_its_data_are_numbered() -> None:
    elsewhere = [
        file.name
        for file in UI.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and ast.unparse(node) == "st.components.v2.component"
        if file.name != "component.py"
    ]
    modules = {file: file.read_text("utf-8") for file in UI.rglob("*.js")}
    drawing = [file for file, text in modules.items() if "export default" in text]

    assert not elsewhere
    assert len(drawing) > 15
    assert all("export default inOrder(function" in modules[file] for file in drawing)


def test_equal_data_keep_their_number_and_changed_data_get_a_larger_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    state: dict[str, Any] = {}
    monkeypatch.setattr(st, "session_state", state)

    numbers = [components._order("a", {"x": x})[1] for x in (1, 1, 2, 1)]
    session = components._order("a", {"x": 1})[0]

    assert numbers == [1, 1, 2, 3]
    assert components._order("b", {"x": 2}) == [session, 1]
    state.clear()
    assert components._order("a", {"x": 1})[0] != session
