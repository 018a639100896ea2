"""Has a worker made ready before the button of a page is clicked that starts a run."""

from __future__ import annotations

import os
import threading
from typing import Final

import streamlit as st

from mlcore.runs.execution import supervisor

AFTER_S: Final = 0.5
"""Seconds from the button to the start of the worker: the browser draws the page meanwhile."""

ASK_EVERY_S: Final = 30.0
"""Seconds between two requests, which may be of many tabs; fewer than an idle worker stays."""


def keep_ready() -> None:
    """Have a worker ready from now on, while somebody uses the page; call where a run is offered.

    Costs the page nothing: all is done later and elsewhere. A tab that is only open asks for
    nothing, so that the worker ends some time after the last use (``MLCORE_WORKER_IDLE``).
    """
    _ask(os.environ.get("MLCORE_STORE"))


@st.cache_data(ttl=ASK_EVERY_S, max_entries=8, show_spinner=False)
def _ask(store_url: str | None) -> None:
    later = threading.Timer(AFTER_S, supervisor.prepare, (store_url,))
    later.daemon = True
    later.start()
