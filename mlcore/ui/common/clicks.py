"""Callbacks of buttons: an error becomes a sentence, shown at the next rerun."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import streamlit as st

from mlcore.core import MlcoreError
from mlcore.ui import page

_REFUSED: Final = "refused click"


def attempt(what: Callable[..., object], *args: Any, **options: Any) -> bool:
    """Call a function in a callback; the sentence of one of our errors waits for ``show_refusal``.

    Returns:
        Whether it succeeded.
    """
    try:
        what(*args, **options)
    except MlcoreError as refused:
        refuse(str(refused))
        return False
    return True


def act(what: Callable[..., object], *args: Any, **options: Any) -> None:
    """``attempt`` as the callback of a widget."""
    attempt(what, *args, **options)


def refuse(sentence: str) -> None:
    """Have ``show_refusal`` show a sentence at the next rerun."""
    st.session_state[_REFUSED] = sentence


def take_refusal() -> str | None:
    """The sentence that waits to be shown, which then waits no more."""
    refused: str | None = st.session_state.pop(_REFUSED, None)
    return refused


def show_refusal() -> None:
    """Show the sentence of the last click that was refused, once."""
    if (refused := take_refusal()) is not None:
        page.error(refused)
