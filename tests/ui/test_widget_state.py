"""Widgets that the program sets."""

import ast
from collections.abc import Iterator
from pathlib import Path

import mlcore.ui

SETTERS = {"set_widget", "settings.widget"}


def _sets(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) in SETTERS


def _widgets_set(tree: ast.Module) -> Iterator[ast.Call]:
    """Calls whose ``key`` comes from a setter, at once or by a name in the same function."""
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        names = {
            ast.unparse(target)
            for node in ast.walk(function)
            if isinstance(node, ast.Assign) and _sets(node.value)
            for target in node.targets
        }
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and any(
                word.arg == "key" and (_sets(word.value) or ast.unparse(word.value) in names)
                for word in node.keywords
            ):
                yield node


def test_streamlit_sends_what_the_program_set_until_the_browser_has_it() -> None:
    found, without = 0, []
    for file in Path(mlcore.ui.__file__).parent.rglob("*.py"):
        for call in _widgets_set(ast.parse(file.read_text("utf-8"))):
            found += 1
            words = {word.arg: ast.unparse(word.value) for word in call.keywords}
            if words.get("persist_state") != "'session'" and not words.get("on_select"):
                without.append(f"{file.name}:{call.lineno} {ast.unparse(call.func)}")
    assert found > 20
    assert not without
