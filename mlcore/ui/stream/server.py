"""What the dashboard's server does once when it starts."""

from __future__ import annotations

import asyncio
import logging
import webbrowser
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import streamlit as st

from mlcore.experiments import own


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[None]:
    """Open the browser, as ``streamlit run`` does for pages without an app of their own."""
    if own():
        _leave_the_folder()
    if not st.get_option("server.headless"):
        asyncio.get_running_loop().call_soon(webbrowser.open, address())
    yield


def _leave_the_folder() -> None:
    """Turn off Streamlit's router over the folder ``pages/`` before the first visit.

    ``st.navigation`` turns it off for good (see ``mlcore.ui.navigation``), but a first visit to a
    page that has no file there, as those of one's own experiments, would be told that there is no
    such page. Outside a session it does nothing else.
    """
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)  # it warns that there is no session
    try:
        st.navigation([st.Page(_leave_the_folder, title="none")])
    finally:
        logging.disable(before)


def address() -> str:
    """The dashboard's address on this machine."""
    host = st.get_option("server.address") or "localhost"
    if host in ("0.0.0.0", "::"):  # noqa: S104 - every address of this machine, to listen on
        host = "localhost"
    if ":" in host:
        host = f"[{host}]"
    secure = "s" if st.get_option("server.sslCertFile") else ""
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"http{secure}://{host}:{st.get_option('server.port')}/{base}"
