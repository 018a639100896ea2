"""Tabs stored in the URL, and choices that a link may leave empty."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeVar

import streamlit as st

from mlcore.ui.common.torch_threads import one_thread

Value = TypeVar("Value")
_RENAMED_TABS: Final = {"What it buys": "What you gain"}
"""Tabs by the names that older links use."""


def tabs(parts: Mapping[str, Callable[[], None]]) -> None:
    """Tabs stored in the URL; only the open one is drawn, and its controls rerun only it."""
    names = list(parts)
    renamed = _RENAMED_TABS.get(st.query_params.get("tab", ""))
    first = renamed if renamed in names else names[0]
    opened = st.tabs(names, default=first, key="tab", bind="query-params")
    for tab, name in zip(opened, names, strict=True):
        if tab.open:
            with tab:
                st.fragment(one_thread()(parts[name]), key=f"layers.{name}")()


def picked(chosen: Value | None, otherwise: Value) -> Value:
    """The value of a required choice; an empty URL parameter would make it None."""
    return otherwise if chosen is None else chosen
