"""Tasks on the pages: shown under the question, noticed, announced once and remembered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from mlcore.course import KEYS, tasks_of
from mlcore.runs.store.progress import remember_solved, solved_tasks
from mlcore.runs.store.store import Store
from mlcore.ui import navigation, tasks
from tests.pages.conftest import Open


def row(at: AppTest) -> str:
    """What stands beside the button of the tasks."""
    [words] = [m.value for m in at.markdown if m.value.startswith(("**Try this:**", "All solved"))]
    return words


def links(at: AppTest) -> list[str]:
    return [link.proto.label for link in at.get("page_link") if ": " in link.proto.label]


@pytest.mark.parametrize("chapter", navigation.chapters(), ids=lambda chapter: chapter.file)
def test_a_fresh_page_has_nothing_solved_and_ends_with_its_neighbours(
    empty_store: Store, open_page: Open, chapter: navigation.Chapter
) -> None:
    at = open_page(f"pages/{chapter.file}.py")

    assert tasks_of(chapter.file)[0].goal in row(at)
    assert not at.toast
    assert solved_tasks(empty_store) == {}
    before, after = navigation.neighbours(chapter)
    assert before is not None
    expected = [f"Previous: {before.title}"] + ([f"Next: {after.title}"] if after else [])
    assert links(at) == expected


def test_a_task_is_announced_once_and_known_after_a_reload(
    empty_store: Store, open_page: Open
) -> None:
    at = open_page("pages/autograd.py")
    at.slider(key="leaf_x").set_value(4.0).run()

    assert [toast.value for toast in at.toast] == [
        "**Solved: Move x until ∂z/∂w is 4.**  \n" + tasks_of("autograd")[0].shows
    ]
    assert "switch off its grad" in row(at)
    assert solved_tasks(empty_store) == {"autograd": frozenset({"gradient"})}

    at.slider(key="leaf_x").set_value(2.0).run()
    at.slider(key="leaf_x").set_value(4.0).run()
    assert not at.toast
    assert "switch off its grad" in row(at)

    assert "switch off its grad" in row(open_page("pages/autograd.py"))


@pytest.mark.usefixtures("empty_store")
def test_a_moved_slider_asks_the_store_nothing(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = open_page("pages/convolution.py")

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("the store was asked")

    monkeypatch.setattr(Store, "reading", refuse)
    monkeypatch.setattr(Store, "writing", refuse)
    at.slider(key="padding").set_value(3).run()

    assert not at.exception


def test_all_solved_is_said(empty_store: Store, open_page: Open) -> None:
    remember_solved(empty_store, "draw", KEYS["draw"])

    assert row(open_page("pages/draw.py")) == "All solved."


def test_without_a_store_what_is_solved_counts_in_the_tab(
    broken_store: Path, open_page: Open
) -> None:
    at = open_page("pages/autograd.py")
    at.slider(key="leaf_x").set_value(4.0).run()

    assert not at.exception
    assert at.toast
    assert "switch off its grad" in row(at)
    [trouble] = [m.value for m in at.markdown if "could not be saved" in m.value]
    assert broken_store.name in trouble


@pytest.mark.parametrize(
    ("page", "params", "solved"),
    [
        ("convolution", {"padding": "1", "stride": "2"}, "half"),
        ("normalization", {"norm": "GroupNorm", "groups": "1"}, "layer"),
        ("activations", {"x": "5"}, "flat"),
        ("activations", {"tab": "Chain", "input": "0"}, "chain"),
        ("activations", {"tab": "Dead units", "shift": "-5"}, "dead"),
        ("activations", {"tab": "Losses", "z0": "10", "z1": "0"}, "sure"),
        ("initialization", {"depth": "30"}, "survive"),
        ("autograd", {"program": "y = a*a", "leaf.a": "3"}, "twice"),
        (
            "optimizers",
            {"race.rates": "my own", "race.himmelblau.gradient_descent": "0.9"},
            "diverge",
        ),
        ("generalization", {"degree": "5"}, "best"),
        (
            "generalization",
            {"method": "Ridge", "degree": "15", "strength": "0.01"},
            "ridge",
        ),
        ("generalization", {"tab": "Double descent", "width": "1"}, "peak"),
        (
            "generalization",
            {"tab": "Folds", "sample": "100", "copies": "4", "leak": "Copies"},
            "leak",
        ),
        ("regression", {"lr": "3.5e-4", "steps": "50"}, ""),
    ],
)
def test_each_page_gives_its_own_state(
    empty_store: Store, open_page: Open, page: str, params: dict[str, str], solved: str
) -> None:
    at = open_page(f"pages/{page}.py", **params)

    found = solved_tasks(empty_store).get(page, frozenset())
    assert solved in found or not solved
    assert len(at.toast) == len(found)
    assert set(found) <= set(KEYS[page])


def test_neighbours_go_through_the_whole_course() -> None:
    assert navigation.neighbours(navigation.HOME)[0] is None
    way = [navigation.HOME]
    while (after := navigation.neighbours(way[-1])[1]) is not None:
        assert navigation.neighbours(after)[0] == way[-1]
        way.append(after)
    assert way == [navigation.HOME, *navigation.chapters()]
    assert callable(tasks.look)
