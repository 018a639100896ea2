"""Widgets set both by the user and by the program, guarded against outdated browser events.

With every request, those of a polling fragment included, a browser sends what all its widgets
show. A request that was on its way when the program set a widget brings the old value back, and
Streamlit takes it for a change by the user: a preset would be undone, a slider jump back.
So a callback first calls ``changed_by_user``.

A value in ``st.session_state`` reaches the browser with one message. Where another request cuts in
before that is sent, it is lost: the browser shows the widget's default, and sends that as a change
by the user. ``persist_state="session"`` makes Streamlit send the value until the browser has it, so
every widget that the program sets has it.
"""

import time
from dataclasses import dataclass, field
from typing import Final

import streamlit as st

OLD_NEWS_S: Final = 1.5
"""How long a request may have been on its way. Within it no user sets the same widget back
to the very value that the program replaced."""


@dataclass(slots=True)
class _Shown:
    """A widget's value, and values the program recently replaced, with times."""

    value: object
    replaced: list[tuple[float, object]] = field(default_factory=list)


def set_widget(key: str, value: object) -> str:
    """Set a widget's value; call it just before the widget of that key is drawn.

    The widget takes ``persist_state="session"`` too; see above.

    Returns:
        The key.
    """
    shown = _all_shown().setdefault(key, _Shown(value))
    if key in st.session_state and st.session_state[key] != value:
        shown.replaced.append((time.monotonic(), st.session_state[key]))
    if key not in st.session_state or st.session_state[key] != value:
        st.session_state[key] = value
    shown.value = value
    return key


def changed_by_user(key: str) -> bool:
    """Whether the user changed the widget, as far as its callback can tell.

    False where the browser only says what the program showed last, or what it replaced lately.
    Call it once for each change: requests come in the order in which they were sent, so a value
    set by the user means that all later requests are current as well.
    """
    shown, value = _all_shown().get(key), st.session_state[key]
    if shown is None:
        return True
    now = time.monotonic()
    shown.replaced = [(at, old) for at, old in shown.replaced if now - at < OLD_NEWS_S]
    if value == shown.value or any(value == old for _, old in shown.replaced):
        return False
    shown.replaced.clear()
    return True


def _all_shown() -> dict[str, _Shown]:
    shown: dict[str, _Shown] = st.session_state.setdefault("widgets set by the program", {})
    return shown
