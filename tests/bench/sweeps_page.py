"""What a sweep of 2,000 runs costs: to submit, to open its page, and to keep the page open.

A grid of 2,000 learning rates is submitted with no worker; then the page is opened in Chromium,
from Home by the menu and by its address in a fresh tab of a browser that has been there, until it
says how many runs are queued. Then half of the runs are written down as finished and the page is
opened again, until the points are drawn; last the processor time of the server while one tab
polls, as a share of one core.

Run it with: python tests/bench/sweeps_page.py
"""

from __future__ import annotations

import json
import math
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import psutil
from playwright.sync_api import BrowserContext, Page, sync_playwright
from sqlalchemy import select, update

sys.path.insert(0, str(Path(__file__).parents[2]))

import mlcore
from mlcore import MNISTConfig
from mlcore.runs.store.schema import runs
from mlcore.runs.store.store import Store, open_store
from tests.bench.idle import wait_until_idle
from tests.e2e.conftest import CHROMIUM_FLAGS, DashboardServer, chromium_path

RUNS = 2000
REPEATS = 5
WATCHED_S = 15.0


def main() -> None:
    """Measure and print."""
    busy = wait_until_idle(float(os.environ.get("WAIT_S", "600")))
    print(f"the machine is {busy:.0f} % busy with other things")
    os.environ["MLCORE_WORKERS"] = "0"
    with tempfile.TemporaryDirectory() as folder:
        server = DashboardServer(Path(folder))
        os.environ["MLCORE_STORE"] = server.store
        store = open_store()
        began = time.perf_counter()
        sweep = mlcore.sweep(
            MNISTConfig(model="linear", epochs=1),
            {"lr": mlcore.log_range(1e-4, 1, RUNS)},
            wait=False,
        )
        print(f"submit {len(sweep.members):,} runs: {time.perf_counter() - began:.2f} s")
        server.start()
        try:
            with sync_playwright() as playwright:
                chromium = playwright.chromium.launch(
                    executable_path=chromium_path(), args=list(CHROMIUM_FLAGS)
                )
                browser = chromium.new_context(viewport={"width": 1400, "height": 900})
                home = median([_home(browser, server) for _ in range(REPEATS)])
                print(f"to compare, the page Home: {home:.2f} s (n={REPEATS})")
                _opening(browser, server, sweep.id, f"{RUNS} queued", "queued")
                _finish_half(store)
                _opening(browser, server, sweep.id, f"{RUNS // 2} of {RUNS} runs done", "half done")
                _watching(browser, server, sweep.id)
                chromium.close()
        finally:
            server.close()
            store.close()


def _opening(
    browser: BrowserContext, server: DashboardServer, sweep_id: str, words: str, state: str
) -> None:
    cold = _opened(browser, server, sweep_id, words)
    warm = [_opened(browser, server, sweep_id, words) for _ in range(REPEATS)]
    menu = [_opened(browser, server, None, words) for _ in range(REPEATS)]
    print(
        f"open the page, {state}: by its address first {cold:.2f} s, then {median(warm):.2f} s; "
        f"by the menu {median(menu):.2f} s (n={REPEATS})"
    )


def _opened(
    browser: BrowserContext, server: DashboardServer, sweep_id: str | None, words: str
) -> float:
    tab = _tab(browser)
    if sweep_id is None:
        tab.goto(server.url)
        tab.get_by_role("button", name="Train the course's network").wait_for(timeout=60_000)
        tab.wait_for_load_state("networkidle")
    began = time.perf_counter()
    if sweep_id is None:
        tab.get_by_test_id("stSidebarNavLink").filter(has_text="Sweeps").click()
    else:
        tab.goto(f"{server.url}/sweeps?sweep={sweep_id}", wait_until="commit")
    tab.get_by_text(words).first.wait_for(timeout=60_000)
    if "done" in words and not words.startswith("0"):
        tab.locator("g.mark-symbol path").first.wait_for(timeout=60_000)
    seconds = time.perf_counter() - began
    tab.close()
    return seconds


def _home(browser: BrowserContext, server: DashboardServer) -> float:
    tab = _tab(browser)
    began = time.perf_counter()
    tab.goto(server.url, wait_until="commit")
    tab.get_by_role("button", name="Train the course's network").wait_for(timeout=60_000)
    seconds = time.perf_counter() - began
    tab.close()
    return seconds


def _watching(browser: BrowserContext, server: DashboardServer, sweep_id: str) -> None:
    tab = _tab(browser)
    tab.goto(f"{server.url}/sweeps?sweep={sweep_id}")
    tab.locator("g.mark-symbol path").first.wait_for(timeout=60_000)
    process = psutil.Process(server.pid)
    before = process.cpu_times()
    began = time.perf_counter()
    tab.wait_for_timeout(WATCHED_S * 1000)
    after = process.cpu_times()
    used = after.user + after.system - before.user - before.system
    share = used / (time.perf_counter() - began)
    memory = process.memory_info().rss / 2**20
    print(f"one tab polls, nothing changes: {share:.0%} of a core, server {memory:.0f} MB")
    tab.close()


def _tab(browser: BrowserContext) -> Page:
    return browser.new_page()


def _finish_half(store: Store) -> None:
    """Write half of the runs down as finished, with an accuracy that has a best rate."""
    now = time.time()
    with store.writing() as connection:
        for key, text in connection.execute(select(runs.c.key, runs.c.config)).all():
            if key % 2:
                rate = math.log10(json.loads(text)["lr"])
                accuracy = 0.92 - 0.02 * (rate + 1) ** 2
                values = {"status": "finished", "finished": now, "step": 938, "elapsed": 1.0}
                latest = json.dumps({"test_accuracy": accuracy})
                mine = update(runs).where(runs.c.key == key)
                connection.execute(mine.values(**values, done=938, total=938, latest=latest))


if __name__ == "__main__":
    main()
