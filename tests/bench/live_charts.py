"""How long a new metric point takes to the screen, and what open tabs cost the server.

A run is fed at 5 points a second through the real recorder, store, server and browser; each tab
notes when its loss curve grows. Printed for one tab and for five, by the stream and, with the
stream's WebSocket refused, by polling: point → pixels (from the moment the experiment yields the
step, flushing included), redraws a second of the slowest tab, CPU of the server and of the browser
as a share of one core, growth of the server's memory; then the CPU with one idle tab after the end.

Run it with: python tests/bench/live_charts.py [stream | poll]
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

import psutil
from playwright.sync_api import Browser, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[2]))

from mlcore import MNISTConfig, Snapshot, Step
from mlcore.runs import Run
from mlcore.runs.execution.claims import take
from mlcore.runs.execution.recorder import execute
from mlcore.runs.process_id import ProcessId
from mlcore.runs.store.store import Store, open_store
from tests.e2e.conftest import CHROMIUM_FLAGS, DashboardServer, chromium_path

RATE = 5.0
"""Points a second: so few that no curve is thinned while it is watched, for they are counted."""
WAYS = ["stream", "poll"]
WARM_UP_S, MEASURED_S, IDLE_S = 8.0, 25.0, 20.0

WATCH_CURVE = """() => {
    window.drawn = []
    let before = 0
    const look = () => {
        let count = 0
        for (const path of document.querySelectorAll('g.mark-line path'))
            count = Math.max(count, (path.getAttribute('d') || '').split('L').length)
        if (count !== before) { before = count; window.drawn.push([Date.now() / 1000, count]) }
    }
    // a frame after the change: what was set is now painted; asking every frame would cost more
    new MutationObserver(() => requestAnimationFrame(() => setTimeout(look)))
        .observe(document.body, {subtree: true, attributes: true, attributeFilter: ['d']})
}"""


class PacedRun:
    """Yields a point every tenth of a second and notes when."""

    def __init__(self, store: Store, seed: int, seconds: float) -> None:
        self.total = int(seconds * RATE)
        self.yielded: list[float] = []
        self.run: Run = store.submit(MNISTConfig(seed=seed))
        claim = take(store, ProcessId.of(), self.run.id)
        assert claim is not None
        paced = self._train
        MNISTConfig.train = lambda _, snapshot=None: paced(snapshot)  # type: ignore[method-assign,assignment]
        self._thread = threading.Thread(target=execute, args=(claim,))

    def start(self) -> None:
        """Begin to yield."""
        self._thread.start()

    @property
    def ended(self) -> bool:
        """Whether all points have been yielded."""
        return len(self.yielded) == self.total

    def join(self) -> None:
        """Wait for the end."""
        self._thread.join()

    def _train(self, _snapshot: Snapshot | None = None) -> Iterator[Step]:
        began = time.monotonic()
        for index in range(1, self.total + 1):
            time.sleep(max(0.0, began + index / RATE - time.monotonic()))
            self.yielded.append(time.time())
            loss = 1 / index
            metrics = {"train_loss": loss, "train_accuracy": 1 - loss, "samples_per_second": RATE}
            yield Step(index, index, self.total, metrics)


@dataclass(frozen=True)
class Load:
    """What a server costs, over a stretch of time."""

    process: psutil.Process
    began: float
    cpu: float
    memory: int

    @classmethod
    def of(cls, pid: int) -> Load:
        """Begin to measure."""
        process = psutil.Process(pid)
        return cls(process, time.monotonic(), _cpu(process), process.memory_info().rss)

    def share(self) -> float:
        """Share of one core since then."""
        return (_cpu(self.process) - self.cpu) / (time.monotonic() - self.began)

    def grown(self) -> float:
        """Megabytes it holds more than then."""
        return (int(self.process.memory_info().rss) - self.memory) / 1e6


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _browser_cpu() -> float:
    total = 0.0
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if "chrom" in process.name():
                total += _cpu(process)
    return total


def measure(server: DashboardServer, browser: Browser, tabs: int, way: str) -> Page:
    """Print the figures for so many tabs on one live run; give back one of them, still open."""
    store = open_store(server.store)
    paced = PacedRun(
        store,
        seed=1000 + tabs + 100 * WAYS.index(way),
        seconds=WARM_UP_S + MEASURED_S + 25 + 15 * tabs,
    )
    paced.start()
    url = f"{server.url}/mnist?tab=Train&runs={paced.run.id}"
    pages = [
        browser.new_context(viewport={"width": 1400, "height": 900}).new_page() for _ in range(tabs)
    ]
    for page in pages:
        if way == "poll":
            page.route_web_socket("**/mlcore/live", lambda socket: socket.close())
        page.goto(url)
    for page in pages:
        page.wait_for_selector("g.mark-line path", state="attached")
        page.evaluate(WATCH_CURVE)
    time.sleep(WARM_UP_S)
    drawing, load, began = _browser_cpu(), Load.of(server.pid), time.time()
    time.sleep(MEASURED_S)
    share, grown, ended = load.share(), load.grown(), time.time()
    drawing = (_browser_cpu() - drawing) / (ended - began)
    assert not paced.ended, "The tabs took so long to open that the run ended in between."
    lags, rates = [], []
    for page in pages:
        drawn: list[tuple[float, int]] = page.evaluate("window.drawn")
        within = [(at, count) for at, count in drawn if began <= at <= ended]
        rates.append(len(within) / (ended - began))
        seen = 0
        for at, count in within:
            if seen:
                lags += [at - paced.yielded[point] for point in range(seen, count)]
            seen = count
    lags = [lag for lag in lags if lag > 0]
    p95 = quantiles(lags, n=20)[-1]
    print(
        f"{way}, {tabs} tab(s): point → pixels median {median(lags):.2f} s, p95 {p95:.2f} s "
        f"(n={len(lags)}); slowest tab redrawn {min(rates):.1f}×/s; server {share:.1%} of a core, "
        f"{grown:+.0f} MB; browser {drawing:.0%} of a core",
        flush=True,
    )
    paced.join()
    for page in pages[1:]:
        page.context.close()
    return pages[0]


def main() -> None:
    """Print one tab and five tabs either way, then one idle tab."""
    ways = [way for way in WAYS if way in sys.argv[1:]] or WAYS
    os.environ["MLCORE_WORKERS"] = "0"  # the runs are fed from here
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = DashboardServer(Path(folder))
        server.start()
        browser = playwright.chromium.launch(
            executable_path=chromium_path(), args=list(CHROMIUM_FLAGS)
        )
        try:
            page = None
            for way in ways:
                for tabs in (1, 5):
                    if page is not None:
                        page.context.close()
                    page = measure(server, browser, tabs, way)
            assert page is not None
            page.get_by_text("finished").first.wait_for()
            time.sleep(2)
            load = Load.of(server.pid)
            time.sleep(IDLE_S)
            print(f"1 idle tab: server {load.share():.1%} of a core over {IDLE_S:.0f} s")
        finally:
            browser.close()
            server.close()


if __name__ == "__main__":
    main()
