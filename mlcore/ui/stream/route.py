"""The WebSocket route of the live stream.

A page sends one message, and another whenever it shows other runs::

    {"runs": {"k3x9q2ma": {"reading": "5f0c.2", "points": {"train_loss": 120}}}}

It names the runs, and what the page has of each: after a gap in the network it is told the points
since then. After a restart of the server, or when a long history was downsampled anew, the name of
the reading is another, and the page is told the curves whole. So no point is missing or told twice.

The answers are those of ``mlcore.ui.stream.tails.Tail.message``, and ``{}`` now and then, by which
the page knows that the connection lives. For each page at most one message waits: a page that is
slow finds more points, or the curves whole, in its next one.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import streamlit as st
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

if TYPE_CHECKING:
    from mlcore.ui.stream.feed import Feed, Follower
    from mlcore.ui.stream.tails import Have

MOST_RUNS: Final = 50
"""Runs that one page may watch."""

MOST_BYTES: Final = 32 * 2**10
"""Length of a page's message."""

MOST_SOCKETS: Final = 400
"""Sockets in all."""

MOST_SOCKETS_OF_ONE: Final = 40
"""Sockets from one address."""

BEAT_S: Final = 5.0
"""Seconds without news after which a page is told that the connection lives."""

SEND_S: Final = 10.0
"""Seconds that a page may take to accept a message; then its socket is closed."""

_ID: Final = re.compile(r"[a-z0-9]{8}")
_POLICY, _TOO_BIG, _TRY_LATER = 1008, 1009, 1013


class RefusedError(Exception):
    """A socket is closed, with a code of RFC 6455 and the reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


def path() -> str:
    """Where on the server the route is."""
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}/mlcore/live" if base else "/mlcore/live"


def routes() -> list[WebSocketRoute]:
    """The route, for ``st.App(…, routes=…)``."""
    return [WebSocketRoute(path(), Stream().serve)]


class Stream:
    """Serves all sockets of a server from one feed."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()
        self._feed: Feed | None = None

    async def serve(self, socket: WebSocket) -> None:
        """Answer one page until it leaves. What may not be here is refused before the handshake."""
        address = socket.client.host if socket.client else ""
        full = self._open.total() >= MOST_SOCKETS or self._open[address] >= MOST_SOCKETS_OF_ONE
        if full or not _from_this_server(socket):
            await socket.close(_TRY_LATER if full else _POLICY)
            return
        self._open[address] += 1
        try:
            await socket.accept()
            await self._answer(socket)
        except RefusedError as error:
            with suppress(RuntimeError, WebSocketDisconnect):  # it has left by itself
                await socket.close(error.code, error.reason)
        except (WebSocketDisconnect, TimeoutError, RuntimeError):
            pass  # left, or too slow: the page connects anew and says what it has
        finally:
            self._open[address] -= 1
            self._open += Counter()  # without the addresses that have none left

    async def _answer(self, socket: WebSocket) -> None:
        # in a thread: if no page was open yet, this takes a second in which all others would wait
        feed = await asyncio.to_thread(import_module, "mlcore.ui.stream.feed")
        self._feed = self._feed or feed.Feed()
        follower: Follower = feed.Follower()
        follower.watch(_asked(await socket.receive()))
        self._feed.join(follower)
        sending = asyncio.create_task(self._send(socket, follower, self._feed))
        listening = asyncio.create_task(_listen(socket, follower))
        try:
            done, _ = await asyncio.wait((sending, listening), return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            self._feed.leave(follower)
            for task in (sending, listening):
                task.cancel()
            await asyncio.gather(sending, listening, return_exceptions=True)

    async def _send(self, socket: WebSocket, follower: Follower, feed: Feed) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(follower.news.wait(), BEAT_S)
            beat = not follower.news.is_set()
            follower.news.clear()
            if follower.failed:
                raise RefusedError(_TRY_LATER, "The store does not answer.")
            if beat:
                await asyncio.wait_for(socket.send_text("{}"), SEND_S)
            while (message := follower.next_message(feed.tails)) is not None:
                await asyncio.wait_for(socket.send_text(message), SEND_S)


async def _listen(socket: WebSocket, follower: Follower) -> None:
    while True:
        follower.watch(_asked(await socket.receive()))


def _asked(received: Any) -> dict[str, Have]:
    """The runs a page asks for, checked, and what it has of them.

    Raises:
        RefusedError: If the message is not of the form above, or asks for too much.
        WebSocketDisconnect: If it is none: the page has left.
    """
    from mlcore.ui.stream.tails import Have

    if received["type"] != "websocket.receive":
        raise WebSocketDisconnect(received.get("code", 1000))
    text = received.get("text")
    if text is None or len(text) > MOST_BYTES:
        raise RefusedError(_TOO_BIG, f"A message has at most {MOST_BYTES} characters.")
    try:
        runs = json.loads(text)["runs"]
        asked = {
            _checked(run_id): Have(
                str(one["reading"]), {name: max(0, int(n)) for name, n in one["points"].items()}
            )
            for run_id, one in runs.items()
        }
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        raise RefusedError(_POLICY, "A message names runs and what is known of them.") from None
    if len(asked) > MOST_RUNS:
        raise RefusedError(_POLICY, f"A page watches at most {MOST_RUNS} runs.")
    return asked


def _checked(run_id: str) -> str:
    if not _ID.fullmatch(run_id):
        raise ValueError(run_id)
    return run_id


def _from_this_server(socket: WebSocket) -> bool:
    """Whether the page that opens the socket came from this server.

    A browser names the page's origin and no page can forge it; so a page of another site cannot
    read runs over the shoulder of who visits it. ``server.allowedHosts`` is kept to as well.
    """
    origin, host = socket.headers.get("origin"), socket.headers.get("host")
    if not origin or not host:
        return False
    allowed = [str(one) for one in st.get_option("server.corsAllowedOrigins") or []]
    if urlsplit(origin).netloc.lower() != host.lower() and origin not in allowed:
        return False
    hosts = [str(one).lower() for one in st.get_option("server.allowedHosts") or []]
    name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
    return not hosts or any(
        one in ("*", name) or (one.startswith("*.") and name.endswith(one[1:])) for one in hosts
    )
