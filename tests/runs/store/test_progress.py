"""Solved tasks are kept once, by person and chapter, on every back end."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from mlcore.runs.store.people import LONGEST
from mlcore.runs.store.progress import remember_solved, solved_tasks
from mlcore.runs.store.store import Store


def test_what_was_solved_is_found_by_another_process_and_not_twice(store: Store) -> None:
    assert solved_tasks(store) == {}

    assert remember_solved(store, "autograd", ["gradient", "leaf"]) == {"gradient", "leaf"}
    assert remember_solved(store, "autograd", ["leaf", "stop", "stop"]) == {"stop"}
    remember_solved(store, "mnist", ["train"])

    other = Store(store.url)
    assert solved_tasks(other) == {
        "autograd": frozenset({"gradient", "leaf", "stop"}),
        "mnist": frozenset({"train"}),
    }
    other.close()


def test_people_do_not_share_their_progress(store: Store) -> None:
    remember_solved(store, "draw", ["seven"], person="Ada")

    assert solved_tasks(store) == {}
    assert solved_tasks(store, "Ada") == {"draw": frozenset({"seven"})}
    assert remember_solved(store, "draw", ["seven"], person="Bob") == {"seven"}


def test_tabs_that_solve_one_task_at_once_do_not_fail(store: Store) -> None:
    with ThreadPoolExecutor(4) as tabs:
        new = list(tabs.map(lambda _: remember_solved(store, "runs", ["star"]), range(8)))

    assert sorted(map(len, new)) == [0] * 7 + [1]


@pytest.mark.parametrize("name", ["", "x" * (LONGEST + 1)])
def test_a_name_that_is_none_is_refused(store: Store, name: str) -> None:
    with pytest.raises(ValueError, match=f"give 1 to {LONGEST}"):
        remember_solved(store, "autograd", [name])
