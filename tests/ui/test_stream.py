"""The live stream: what a page is told, and who is told nothing."""

import asyncio
import itertools
import json
from collections.abc import Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
import streamlit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update
from starlette.websockets import WebSocket

from mlcore import MNISTConfig, Run
from mlcore.charts.training_curves import Curve
from mlcore.runs.store.points import Point
from mlcore.runs.store.schema import runs
from mlcore.runs.store.store import Store
from mlcore.ui import live_data
from mlcore.ui.stream import feed, route, server
from mlcore.ui.stream.tails import Have, Tail

ORIGIN = "http://127.0.0.1:8501"
PATIENCE_S = 60


def in_a_loop(test: Coroutine[None, None, None]) -> None:
    """Run a coroutine in a thread: the browser's tests leave a loop running in the main one."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, test).result()


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    yield
    live_data._chart_rows.cache_clear()
    live_data._live_curves.cache_clear()


@pytest.fixture(autouse=True)
def nothing_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_data, "tend_runs", lambda: None)


@pytest.fixture
def run(store: Store) -> Run:
    return store.submit(MNISTConfig())


def grow(run: Run, first: int, last: int, status: str = "running") -> Run:
    """Write points as a worker does, some of them not finite, and move the run's step along."""
    values = {step: 1 / step if step % 7 else float("nan") for step in range(first, last + 1)}
    new = [Point(step, "train_loss", value, step / 10) for step, value in values.items()]
    new += [Point(step, "test_loss", 2.0, step / 10) for step in values if step % 10 == 0]
    with run.store.writing() as connection:
        run.store.point_table.write(connection, run.key, new)
        connection.execute(
            update(runs)
            .where(runs.c.key == run.key)
            .values(status=status, step=last, done=last, total=10_000, elapsed=last / 10)
        )
    return run.refresh()


class Told:
    """What a page knows that takes in messages as ``stream.js`` does."""

    def __init__(self) -> None:
        self.have = Have()
        self.curves: dict[str, dict[str, list[float | None]]] = {}
        self.state: dict[str, Any] = {}

    def take(self, text: str) -> None:
        """Take in a message."""
        message = json.loads(text)
        if message["whole"]:
            self.curves = {}
        for name, added in message["curves"].items():
            whole = {"low": added["value"], "high": added["value"]}
            whole |= {"odd": [0.0] * len(added["step"])} | added
            known = self.curves.setdefault(name, {column: [] for column in Curve.columns()})
            for column in known:
                known[column] += whole[column]
        self.state = message["state"]
        points = {name: len(curve["step"]) for name, curve in self.curves.items()}
        self.have = Have(message["reading"], points)

    def is_all_of(self, run: Run) -> bool:
        """Whether it has each point that a poll would draw now, once and in order."""
        _, curves = live_data.curves_of(run)
        assert self.curves.keys() == curves.keys()
        for name, curve in curves.items():
            for column, values in self.curves[name].items():
                mine = np.array(values, dtype=np.float64)
                np.testing.assert_array_equal(mine, getattr(curve, column))
        return True


SEEDS = itertools.count()


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    grown=st.lists(st.integers(1, 250), min_size=1, max_size=5),
    absent=st.sets(st.integers(0, 5)),
    back=st.integers(0, 6),
    restart=st.integers(0, 6),
)
def test_a_page_has_every_point_once_whatever_it_missed(
    store: Store, grown: list[int], absent: set[int], back: int, restart: int
) -> None:
    run = store.submit(MNISTConfig(seed=next(SEEDS)))
    always, sometimes, last = Told(), Told(), 0
    for turn, more in enumerate(grown):
        first = max(1, last - 20) if turn == back else last + 1  # resumed from a checkpoint
        run, last = grow(run, first, first + more), first + more
        if turn == restart:
            live_data._live_curves.cache_clear()
        tail = Tail(run, run.id)
        for page in (always, *([sometimes] if turn not in absent else [])):
            page.take(tail.message(page.have))
            assert page.is_all_of(run)
    run = grow(run, last + 1, last + 1, status="finished")
    sometimes.take(Tail(run, run.id).message(sometimes.have))
    assert sometimes.is_all_of(run)
    assert sometimes.state["moment"].startswith("finished")


class Socket:
    """The browser's end of a socket of the route, without a network."""

    def __init__(self, stream: route.Stream, origin: str | None = ORIGIN, host: str = "") -> None:
        headers = [(b"host", (host or ORIGIN.partition("//")[2]).encode())]
        headers += [(b"origin", origin.encode())] if origin else []
        scope: dict[str, Any] = {"type": "websocket", "path": route.path(), "headers": headers}
        scope |= {"client": ("127.0.0.1", 5), "query_string": b"", "subprotocols": []}
        self._to: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._from: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue()
        self._to.put_nowait({"type": "websocket.connect"})
        self.task = asyncio.ensure_future(
            stream.serve(WebSocket(scope, self._to.get, self._from.put))
        )

    def say(self, text: str | bytes) -> None:
        """Send a message to the server."""
        kind = "text" if isinstance(text, str) else "bytes"
        self._to.put_nowait({"type": "websocket.receive", kind: text})

    def ask(self, *run_ids: str) -> None:
        """Ask for runs of which nothing is known."""
        self.say(json.dumps({"runs": {one: {"reading": "", "points": {}} for one in run_ids}}))

    async def hear(self) -> Mapping[str, Any]:
        """The next message of the server: accepted, sent, or closed."""
        return await asyncio.wait_for(self._from.get(), PATIENCE_S)

    async def told(self) -> dict[str, Any]:
        """The next news, beats left out."""
        while True:
            message = await self.hear()
            if message["type"] == "websocket.send" and message["text"] != "{}":
                news: dict[str, Any] = json.loads(message["text"])
                return news

    async def leave(self) -> None:
        """Go away, and wait until the server has noticed."""
        self._to.put_nowait({"type": "websocket.disconnect", "code": 1000})
        with suppress(asyncio.CancelledError):
            await asyncio.wait_for(self.task, PATIENCE_S)


def test_a_page_is_told_what_it_asks_for_and_one_reader_serves_all(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    grow(run, 1, 5)
    looks: list[set[str]] = []
    look = feed.Feed._look

    def counted(self: feed.Feed, wanted: set[str]) -> set[str]:
        looks.append(wanted)
        return look(self, wanted)

    monkeypatch.setattr(feed.Feed, "_look", counted)

    async def test() -> None:
        stream = route.Stream()
        pages = [Socket(stream) for _ in range(5)]
        for page in pages:
            page.ask(run.id, "nobody22")
            assert (await page.hear())["type"] == "websocket.accept"
            told = {news["run"]: news for news in [await page.told(), await page.told()]}
            assert told[run.id]["curves"]["train_loss"]["step"] == [1, 2, 3, 4, 5]
            assert told["nobody22"]["state"] == {"moment": "gone"}
            assert told["nobody22"]["curves"] == {}
        grow(run, 6, 6)
        looks.clear()
        news = [await page.told() for page in pages]
        assert all(one["curves"]["train_loss"]["step"] == [6] for one in news)
        assert not any(one["whole"] for one in news)
        assert len(looks) < 5 * len(pages)
        for page in pages:
            await page.leave()
        assert stream._feed is not None
        looking = stream._feed._looking
        assert looking is not None
        await asyncio.wait_for(looking, PATIENCE_S)
        assert stream._feed.tails == {}
        assert stream._open.total() == 0

    in_a_loop(test())


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        (None, ""),
        ("http://elsewhere.example", ""),
        ("http://127.0.0.1:8502", ""),  # another server of this machine
        ("null", ""),
        (ORIGIN, "elsewhere.example"),
    ],
)
def test_a_page_of_another_origin_is_refused(origin: str | None, host: str) -> None:
    async def test() -> None:
        page = Socket(route.Stream(), origin, host)
        assert await page.hear() == {"type": "websocket.close", "code": 1008, "reason": ""}

    in_a_loop(test())


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("x" * (route.MOST_BYTES + 1), 1009),
        (b"{}", 1009),
        ("not JSON", 1008),
        ("[]", 1008),
        ('{"runs": {"../../etc": {"reading": "", "points": {}}}}', 1008),
        ('{"runs": {"abcdefgh": {"reading": "", "points": {"loss": "many"}}}}', 1008),
        ('{"runs": {"abcdefgh": 5}}', 1008),
        ('{"runs": {"abcdefgh": {"reading": "", "points": {"loss": Infinity}}}}', 1008),
        ("[" * 20_000, 1008),
        (
            json.dumps({"runs": {f"{i:08}": {"reading": "", "points": {}} for i in range(51)}}),
            1008,
        ),
    ],
    ids=[
        *("long", "bytes", "no JSON", "no object", "no id", "no count", "no run", "infinite"),
        *("deep", "many"),
    ],
)
def test_a_message_that_asks_for_too_much_ends_the_connection(said: str | bytes, code: int) -> None:
    async def test() -> None:
        page = Socket(route.Stream())
        page.say(said)
        assert (await page.hear())["type"] == "websocket.accept"
        closed = await page.hear()
        assert (closed["type"], closed["code"]) == ("websocket.close", code)
        assert closed["reason"].endswith(".")

    in_a_loop(test())


def test_more_sockets_than_one_address_may_have_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(route, "MOST_SOCKETS_OF_ONE", 2)

    async def test() -> None:
        stream = route.Stream()
        pages = [Socket(stream) for _ in range(2)]
        for page in pages:
            assert (await page.hear())["type"] == "websocket.accept"
        assert (await Socket(stream).hear())["code"] == 1013
        await pages[0].leave()
        assert (await Socket(stream).hear())["type"] == "websocket.accept"

    in_a_loop(test())


def test_a_store_that_does_not_answer_ends_the_stream_so_that_pages_poll(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        page = Socket(route.Stream())
        page.ask(run.id)
        await page.told()
        monkeypatch.setattr(Store, "marks", lambda *_: 1 / 0)
        while (closed := await page.hear())["type"] != "websocket.close":
            pass
        assert closed["code"] == 1013

    in_a_loop(test())


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"server.address": "127.0.0.1"}, "http://127.0.0.1:8501/"),
        ({"server.address": "::", "server.baseUrlPath": "/ml/"}, "http://localhost:8501/ml"),
        ({"server.address": "::1", "server.sslCertFile": "a"}, "https://[::1]:8501/"),
    ],
)
def test_the_browser_opens_where_the_server_listens(
    options: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {"server.port": 8501, **options}
    monkeypatch.setattr(streamlit, "get_option", known.get)
    assert server.address() == expected
