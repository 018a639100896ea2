"""Callbacks of buttons: an error becomes a sentence, shown at the next rerun."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import streamlit as st

from mlcore.core import MlcoreError
from mlcore.ui import page

_REFUSED: Final = "refused click"


def attempt(what: Callable[..., object], *args: Any, **options: Any) -> bool:
    """Call a function in a callback; an error of mlcore is kept for ``show_refusal``.

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
    """``attempt`` as a widget's callback."""
    attempt(what, *args, **options)


def refuse(sentence: str) -> None:
    """Have ``show_refusal`` show a sentence at the next rerun."""
    st.session_state[_REFUSED] = sentence


def take_refusal() -> str | None:
    """Take the error sentence that ``show_refusal`` would show, if there is one."""
    refused: str | None = st.session_state.pop(_REFUSED, None)
    return refused


def show_refusal() -> None:
    """Show, once, the error of the last click."""
    if (refused := take_refusal()) is not None:
        page.error(refused)
