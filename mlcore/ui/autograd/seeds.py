"""Initial values of widgets, from a link or a preset, and bounds of number boxes.

A value only written into ``st.session_state`` reaches the browser with one message; if another
rerun overtakes it, the browser shows the widget's own default instead. So a seed is the widget's
default in every run, and the session state is written only where a widget already lives, in the
one run that changes it (Streamlit allows a widget only one of the two at a time).
"""

from __future__ import annotations

from typing import Any, Final, TypeVar

import streamlit as st

_SEEDS: Final = "autograd_seeds"
_WRITTEN: Final = "autograd_written"
Value = TypeVar("Value")


def put(key: str, value: Any) -> None:
    """Set the widget's value, whether it is on the page already or will be."""
    st.session_state.setdefault(_SEEDS, {})[key] = value
    if key in st.session_state:
        st.session_state[key] = value
        st.session_state.setdefault(_WRITTEN, set()).add(key)


def put_first(key: str, value: Any) -> None:
    """Set a widget's initial value if it has none."""
    st.session_state.setdefault(_SEEDS, {}).setdefault(key, value)


def keep_number(key: str, otherwise: float, low: float, high: float) -> None:
    """Restore a box's last valid number if it is outside ``low`` to ``high``; a callback."""
    value, found = st.session_state.get(key), st.session_state.setdefault(_SEEDS, {})
    if isinstance(value, int | float) and low <= value <= high:  # false for NaN
        found[key] = value  # Streamlit itself resets a box to its default
    else:
        put(key, found.get(key, otherwise))
        st.toast(f"Only numbers from {low:g} to {high:g} are allowed here; the old value stays.")


def default(key: str, otherwise: Value) -> Value:
    """The default to pass to the widget; ``otherwise`` must be Streamlit's own."""
    written: set[str] = st.session_state.setdefault(_WRITTEN, set())
    if key in written:
        written.discard(key)
        return otherwise
    found: Value = st.session_state.setdefault(_SEEDS, {}).get(key, otherwise)
    return found


def now(key: str) -> Any:
    """The widget's current value, also before it is drawn for the first time."""
    if key in st.session_state:
        return st.session_state[key]
    return st.session_state[_SEEDS][key]
