"""From the click on Start training to the run's first point, with a spare worker and without one.

    python tests/bench/click_to_point.py [--repeats 5] [--reading 4] [--idle]

For each repeat and in turn for both: a new server over an empty store, the page MNIST opened, read
for some seconds, and the button clicked; then clicked again for one epoch more. Printed: seconds
until the point is in the store and until it is drawn, the first paint of the page, and what the
worker that waits for work takes: memory, and its share of a core.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median

import psutil
from playwright.sync_api import Browser, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[2]))

from mlcore.runs import Store
from tests.bench.idle import wait_until_idle
from tests.e2e.conftest import CHROMIUM_FLAGS, DashboardServer, chromium_path

DRAWN = """() => new Promise(done => {
  const hues = () => [...document.querySelectorAll('g.mark-line path, g.mark-symbol path')]
    .filter(path => path.getAttribute('d'))
    .flatMap(path => [path.getAttribute('stroke'), path.getAttribute('fill')])
    .filter(hue => hue && hue.startsWith('#'))
  const before = new Set(hues())
  const look = () => hues().some(hue => !before.has(hue))
    ? done((performance.now() - began) / 1000) : requestAnimationFrame(look)
  const began = performance.now();
  [...document.querySelectorAll('button')]
    .find(one => one.textContent.includes('Start training')).click()
  look()
})"""
"""Clicks, and resolves with the seconds until a point of a new colour is drawn."""


class FirstPoint:
    """Watches a store for a run that was not there before: seconds until each thing happened."""

    def __init__(self, url: str) -> None:
        self._store = Store(url)
        self._known = {run.id for run in self._store.list()}
        self._began = time.time()
        self._found: dict[str, float] = {}
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def _watch(self) -> None:
        while not self._found and time.time() - self._began < 60:
            fresh = [run for run in self._store.list(limit=1) if run.id not in self._known]
            if fresh and len(fresh[0].metrics()):
                stored, run = time.time(), fresh[0].refresh()
                assert run.started is not None
                times = (run.created.timestamp(), run.started.timestamp(), stored)
                names = ("queued", "claimed", "stored")
                self._found = dict(zip(names, (t - self._began for t in times), strict=True))
            time.sleep(0.005)

    def wait(self) -> dict[str, float]:
        """Seconds from the click until the run was queued, claimed, and had a point."""
        self._thread.join()
        self._store.close()
        return self._found


def click(tab: Page, url: str) -> dict[str, float]:
    """Click, and return the seconds until each thing happened, the point drawn at last."""
    watch = FirstPoint(url)
    drawn = float(tab.evaluate(DRAWN))
    return watch.wait() | {"drawn": drawn}


def visit(browser: Browser, folder: Path, reading: float) -> dict[str, float]:
    """A first visit of a new server, and two clicks."""
    server = DashboardServer(folder)
    server.start()
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    try:
        tab, began = context.new_page(), time.monotonic()
        tab.goto(f"{server.url}/mnist?tab=Train&epochs=2", wait_until="commit")
        tab.get_by_role("button", name="Start training").wait_for()
        found = {"page": time.monotonic() - began}
        tab.wait_for_timeout(reading * 1000)
        found |= _of(server.workers())
        found |= click(tab, server.store)
        tab.get_by_text("finished").first.wait_for()
        tab.get_by_label("Epochs, exactly").fill("3")
        tab.get_by_label("Epochs, exactly").press("Enter")
        tab.wait_for_timeout(2000)
        again = click(tab, server.store)
        found |= {f"{name} again": seconds for name, seconds in again.items()}
    finally:
        context.close()
        server.close()
    return found


def _of(workers: list[psutil.Process]) -> dict[str, float]:
    if not workers:
        return {}
    assert len(workers) == 1, workers
    memory = workers[0].memory_full_info()
    names = [name for name in ("rss", "pss", "uss") if hasattr(memory, name)]
    share = workers[0].cpu_percent(2.0)
    return {f"{name} MB": getattr(memory, name) / 1e6 for name in names} | {"% of a core": share}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--reading", type=float, default=4.0, help="seconds before the click")
    parser.add_argument("--idle", action="store_true", help="wait for a quiet machine each time")
    given = parser.parse_args()
    found: dict[str, list[dict[str, float]]] = {"0": [], "1": []}
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as home:
        browser = playwright.chromium.launch(
            executable_path=chromium_path(), args=list(CHROMIUM_FLAGS)
        )
        for repeat in range(given.repeats):
            for spare, visits in found.items():
                if given.idle:
                    wait_until_idle()
                os.environ["MLCORE_SPARE_WORKER"] = spare
                folder = Path(home) / f"{repeat}.{spare}"
                folder.mkdir()
                visits.append(visit(browser, folder, given.reading))
                print(f"spare {spare}, load {os.getloadavg()[0]:.1f}: {visits[-1]}", flush=True)
        browser.close()
    for spare, visits in found.items():
        print(f"MLCORE_SPARE_WORKER={spare}, n = {len(visits)}, medians (range):")
        for name in visits[0]:
            values = [one[name] for one in visits if name in one]
            print(f"  {name:14} {median(values):7.2f} ({min(values):.2f}–{max(values):.2f})")


if __name__ == "__main__":
    main()
