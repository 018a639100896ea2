"""Live charts by the stream, and by polling where it does not get through."""

import itertools
import threading
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, WebSocketRoute, expect
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from mlcore import MNISTConfig, Step
from mlcore.charts import palette
from mlcore.charts.training_curves import Axis, Curve, curve_rows
from mlcore.runs.execution.claims import take
from mlcore.runs.execution.recorder import execute
from mlcore.runs.process_id import ProcessId
from mlcore.runs.store.store import open_store
from mlcore.ui.common.assets import asset
from mlcore.ui.live_curves import POINTS
from mlcore.ui.stream.view import SLOW_POLL_S
from tests.e2e.conftest import PATIENCE, DashboardServer
from tests.e2e.settling import Asked

pytestmark = pytest.mark.browser

DRAWN_STEPS = """() => {
    const path = document.querySelector('.st-key-mnist-live-chart-loss g.mark-line path')
    const item = [path?.__data__].flat()[0]
    return (item?.mark.items ?? []).map(one => one.datum.x)
}"""


class Training:
    """A run that takes as many steps as it is told to, and records them as any run."""

    def __init__(self, server: DashboardServer, monkeypatch: pytest.MonkeyPatch) -> None:
        self.total = 1500
        self._wanted = 0
        monkeypatch.setattr(MNISTConfig, "train", lambda _config, _snapshot=None: self._steps())
        self._store = open_store(server.store)
        run = self._store.submit(MNISTConfig())
        claim = take(self._store, ProcessId.of(), run.id)
        assert claim is not None
        self.address = f"{server.url}/mnist?tab=Train&runs={run.id}"
        self.run_id = run.id
        self._thread = threading.Thread(target=execute, args=(claim,))

    def __enter__(self) -> "Training":
        self._thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.go_on(to=self.total)
        self._thread.join()
        self._store.close()

    def go_on(self, *, to: int) -> None:
        """Take steps up to this one, as fast as it goes."""
        self._wanted = to

    def _steps(self) -> Iterator[Step]:
        for index in range(1, self.total + 1):
            while index > self._wanted:
                time.sleep(0.01)
                yield Step(index - 1, index - 1, self.total, {})  # so that it is asked to flush
            time.sleep(0.001)
            yield Step(index, index, self.total, {"train_loss": 1 / index})


@pytest.fixture
def training(fresh_server: DashboardServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Training]:
    with Training(fresh_server, monkeypatch) as training:
        training.go_on(to=20)
        yield training


def sent_to(asked: Asked, end: str) -> int:
    """How much went to an address, by its end."""
    return sum(url.endswith(end) for url in asked.sent)


def wait_for_step(tab: Page, last: int) -> list[int]:
    """Wait until the curve ends at this step; at each look it has every step once, in order."""
    deadline = time.monotonic() + PATIENCE
    while True:
        steps: list[int] = tab.evaluate(DRAWN_STEPS)
        assert time.monotonic() < deadline, f"the curve ends at {steps[-1:]}, not at {last}"
        if last <= POINTS:
            assert steps == list(range(1, len(steps) + 1))
        assert steps == sorted(set(steps))
        if steps[-1:] == [last]:
            return steps
        tab.wait_for_timeout(100)


def test_points_arrive_once_and_in_order_under_load_and_over_a_restart_without_a_rerun(
    fresh_server: DashboardServer, training: Training, tab: Page
) -> None:
    asked = Asked(tab)
    tab.goto(training.address)
    wait_for_step(tab, 20)
    while not sent_to(asked, "/mlcore/live"):
        tab.wait_for_timeout(100)
    training.go_on(to=100)
    wait_for_step(tab, 100)
    asked.wait_for_silence()  # the page draws itself once more, now without a timer
    before, began = sent_to(asked, "/_stcore/stream"), time.monotonic()
    for last in (150, 200, 300):
        training.go_on(to=last)
        wait_for_step(tab, last)
        tab.wait_for_timeout(600)
    slow_polls = 1 + (time.monotonic() - began) / SLOW_POLL_S
    reruns = sent_to(asked, "/_stcore/stream") - before
    assert reruns <= slow_polls, "a rerun was asked for with each point"
    expect(tab.get_by_text("step 300 of 1,500")).to_be_visible()
    expect(tab.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "20")

    fresh_server.stop()
    training.go_on(to=340)
    fresh_server.start()
    wait_for_step(tab, 340)
    training.go_on(to=380)
    wait_for_step(tab, 380)

    training.go_on(to=1000)
    assert len(wait_for_step(tab, 1000)) <= POINTS
    training.go_on(to=training.total)
    expect(tab.locator(".stMarkdownBadge").get_by_text("finished")).to_be_visible()
    assert len(wait_for_step(tab, training.total)) <= POINTS
    expect(tab.get_by_role("button", name="Stop")).to_have_count(0)


def test_where_the_socket_is_blocked_the_page_polls(training: Training, tab: Page) -> None:
    blocked: list[str] = []

    def block(socket: WebSocketRoute) -> None:
        blocked.append(socket.url)
        socket.close()

    tab.route_web_socket("**/mlcore/live", block)
    asked = Asked(tab)
    tab.goto(training.address)
    wait_for_step(tab, 20)
    before = sent_to(asked, "/_stcore/stream")
    for last in (60, 200):
        training.go_on(to=last)
        wait_for_step(tab, last)
    assert sent_to(asked, "/_stcore/stream") >= before + 2
    assert blocked
    training.go_on(to=training.total)
    expect(tab.locator(".stMarkdownBadge").get_by_text("finished")).to_be_visible()


def test_only_pages_of_this_server_are_told(dashboard_server: DashboardServer) -> None:
    address = f"{dashboard_server.url}/mlcore/live".replace("http", "ws", 1)
    with connect(address, origin=Origin(dashboard_server.url)) as socket:
        socket.send('{"runs": {"nobody22": {"reading": "", "points": {}}}}')
        assert '"moment":"gone"' in str(socket.recv(PATIENCE))
    with (
        pytest.raises(InvalidStatus, match="403"),
        connect(address, origin=Origin("http://elsewhere.example")),
    ):
        pass


def test_the_page_makes_the_rows_of_a_chart_as_the_server_does(tab: Page) -> None:
    rng = np.random.default_rng(0)
    cases, expected = [], []
    nothing = {"axis": "step", "smoothing": 0.0, "errorRate": False, "splits": {"train": "train"}}
    cases.append({"chart": nothing, "runs": [_run("first", "#111111", 0, {})], "end": 1})
    expected.append(curve_rows({}, {"a": "#111111"}, {"a": "first"}, end=1))
    for axis, smoothing, error, thinned in itertools.product(
        ("step", "time"), (0.0, 0.6), (False, True), (False, True)
    ):
        chart = {"axis": axis, "smoothing": smoothing, "errorRate": error}
        curves = {("a", "train"): _curve(rng, 150, thinned=thinned), ("a", "test"): _curve(rng, 7)}
        curves["b", "train"] = _curve(rng, 61)
        runs = [
            _run("first", "#111111", 0, {s: c for (r, s), c in curves.items() if r == "a"}),
            _run("second", "#222222", 1, {s: c for (r, s), c in curves.items() if r == "b"}),
        ]
        splits = {"train": "train", "test": "test"}
        cases.append({"chart": chart | {"splits": splits}, "runs": runs, "end": 500})
        rows = curve_rows(
            curves,
            {"a": "#111111", "b": "#222222"},
            {"a": "first", "b": "second"},
            end=500,
            axis=_axis(axis),
            smoothing=smoothing,
            error_rate=error,
        )
        expected.append(rows)
    script = asset("stream/rows.js") + "; return cases.map(c => chartRows(c.chart, c.runs, c.end))"
    drawn = tab.evaluate(f"cases => {{ {script} }}", cases)
    for mine, theirs in zip(drawn, expected, strict=True):
        assert len(mine) == len(theirs)
        for name in ("run", "colour", "dash", "kind", "tip"):
            assert [row[name] for row in mine] == theirs[name].tolist()
        for name in ("x", "value", "low", "high"):
            numbers = np.array([row[name] for row in mine], dtype=np.float64)
            np.testing.assert_allclose(numbers, theirs[name].to_numpy(np.float64), rtol=1e-12)


def _axis(name: str) -> Axis:
    return "step" if name == "step" else "time"


def _curve(rng: np.random.Generator, points: int, *, thinned: bool = False) -> Curve:
    step = np.cumsum(rng.integers(1, 4, points)).astype(np.float64)
    value = rng.random(points)
    value[rng.random(points) < 0.1] = np.nan
    value[rng.random(points) < 0.1] = np.inf
    value[3] = -np.inf
    spread = rng.random(points) if thinned else 0.0
    return Curve(step, step / 7, value, value - spread, value + spread)


def _run(label: str, colour: str, dash: int, curves: dict[str, Curve]) -> dict[str, Any]:
    columns = {
        name: {
            column: [None if one != one else one for one in getattr(curve, column).tolist()]
            for column in Curve.columns()
        }
        for name, curve in curves.items()
    }
    return {
        "label": label,
        "colour": colour,
        "dash": str(palette.run_dash(dash)),
        "curves": columns,
    }
