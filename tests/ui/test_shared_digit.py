"""The digits of a session: the one on the sheet, and the person's own."""

from __future__ import annotations

import numpy as np
import pytest
import streamlit as st

from mlcore.ui import shared_digit
from mlcore.ui.shared_digit import SharedDigit


@pytest.fixture(autouse=True)
def session(monkeypatch: pytest.MonkeyPatch) -> None:
    """A session of our own."""
    monkeypatch.setattr(st, "session_state", {})


def digit(name: str, *, own: bool = True, ink: int = 1) -> SharedDigit:
    return SharedDigit(np.full((28, 28), ink, dtype=np.uint8), f"digit {name}", name, own)


def test_there_is_no_digit_at_first() -> None:
    assert shared_digit.current() is None
    assert shared_digit.own_digits() == ()


def test_a_digit_that_is_drawn_on_takes_its_own_place() -> None:
    states = [digit("a", ink=1), digit("b"), digit("a", ink=2)]
    for state in states:
        shared_digit.keep(state)

    assert shared_digit.current() is states[2]
    assert shared_digit.own_digits() == (states[1], states[2])


def test_a_digit_of_the_test_set_is_shown_but_is_not_ones_own() -> None:
    mine = digit("a")
    shared_digit.keep(mine)
    shared_digit.keep(digit("b", own=False))

    assert shared_digit.own_digits() == (mine,)


def test_an_empty_sheet_forgets_nothing() -> None:
    mine = digit("a")
    shared_digit.keep(mine)
    shared_digit.keep(None)

    assert shared_digit.current() is None
    assert shared_digit.own_digits() == (mine,)


def test_the_oldest_make_way() -> None:
    for number in range(shared_digit.REMEMBERED + 3):
        shared_digit.keep(digit(str(number)))

    names = [one.name for one in shared_digit.own_digits()]
    assert names == [str(number) for number in range(3, shared_digit.REMEMBERED + 3)]
