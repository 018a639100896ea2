"""What the dashboard's server does once when it starts."""

from __future__ import annotations

import asyncio
import webbrowser
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import streamlit as st


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[None]:
    """Open the browser, as ``streamlit run`` does for pages without an app of their own."""
    if not st.get_option("server.headless"):
        asyncio.get_running_loop().call_soon(webbrowser.open, address())
    yield


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
