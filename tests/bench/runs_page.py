"""How long the pages Runs and Compare take over a store of 1,000 runs of 1,000 points each.

In a real Chromium: from a click in the menu, and from opening the address, to the table of all
runs; from Enter in the filter line to the answer; from the button Compare to ten runs overlaid, and
from another metric to ten curves of 1,000 points; and what the server's memory grew by over all
that. Medians, with their number.

Run it with: python tests/bench/runs_page.py [FOLDER]
A folder keeps the store, so that a second run need not fill it anew.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles

import psutil
from playwright.sync_api import Locator, Page, expect, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[2]))

from mlcore.runs.filters.parser import parse
from mlcore.runs.store.run_table import run_table
from mlcore.runs.store.store import Store, open_store
from tests.bench.idle import wait_until_idle
from tests.bench.many_runs import fill
from tests.e2e.conftest import CHROMIUM_FLAGS, DashboardServer, chromium_path

RUNS, POINTS, OVERLAID, TIMES = 1000, 1000, 10, 9
FILTERS = (
    "lr < 0.05",
    "test_accuracy > 0.9",
    "hidden = 256,64 and optimizer = adam",
    "tag:week3 or starred",
    "batch_size = 64 and lr > 0.01 and not starred",
    "seed = 3",
    "name ~ run",
    "note ~ length and lr < 0.01",
    "optimizer in (sgd) and test accuracy > 50%",
)
MB = 1024 * 1024

TABLE_THERE = """() => document.querySelector('.stDataFrame canvas [role=gridcell]') !== null"""
LINES = """wanted => {
    const lines = [...document.querySelectorAll('g.mark-line path')].map(
        line => (line.getAttribute('d') || '').split('L').length)
    return lines.filter(points => points > LEAST && points < MOST).length === wanted
}"""
ANY_LINES = LINES.replace("LEAST", "1").replace("MOST", "Infinity")
LONG_LINES = LINES.replace("LEAST", "100").replace("MOST", "Infinity")
SHORT_LINES = LINES.replace("LEAST", "1").replace("MOST", "100")


def main() -> None:
    """Fill a store, time both pages, print."""
    expect.set_options(timeout=30_000)
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        server = DashboardServer(folder)
        store = open_store(server.store)
        if not len(run_table(store)):
            fill(store, RUNS, POINTS)
        busy = wait_until_idle(60.0)
        server.start()
        browser = playwright.chromium.launch(
            executable_path=chromium_path(), args=list(CHROMIUM_FLAGS)
        )
        tab = browser.new_page(viewport={"width": 1400, "height": 1000})
        try:
            _measure(tab, server, store)
        finally:
            browser.close()
            server.close()
            store.close()
        print(f"machine: {busy:.0f} % busy before the bench began")


def _measure(tab: Page, server: DashboardServer, store: Store) -> None:
    tab.goto(server.url)
    expect(_menu(tab, "5 Runs")).to_be_visible()
    tab.wait_for_timeout(3000)
    before = _memory(server)
    first = _from_menu(tab)
    _say("menu → table, the first time", [first])
    _say("menu → table", [_from_menu(tab) for _ in range(TIMES)])
    _say("address → table", [_from_address(tab, server) for _ in range(TIMES)])
    _say("filter → answer", [_filter(tab, store, text) for text in FILTERS])
    _compare(tab, server, choose=True)
    _metric(tab, "train_loss", LONG_LINES)  # stays chosen when the page is left and opened again
    overlaid, metric = [], []
    for _ in range(TIMES):
        overlaid.append(_compare(tab, server, choose=False))
        _metric(tab, "test_accuracy", SHORT_LINES)
        metric.append(_metric(tab, "train_loss", LONG_LINES))
    _say(f"Compare → {OVERLAID} curves of {POINTS:,} points overlaid", overlaid)
    _say(f"another metric → {OVERLAID} curves of {POINTS:,} points", metric)
    grown = _memory(server) - before
    print(f"server: {before:.0f} MB on Home, {grown:+.0f} MB after all this")


def _menu(tab: Page, title: str) -> Locator:
    return tab.get_by_test_id("stSidebarNavLink").filter(has_text=title)


def _from_menu(tab: Page) -> float:
    _menu(tab, "Home").click()
    expect(tab.locator("h1")).to_have_text("Gradient descent bench")
    expect(tab.get_by_text("All runs")).to_be_visible()
    tab.wait_for_timeout(500)
    began = time.perf_counter()
    _menu(tab, "5 Runs").click()
    tab.wait_for_function(TABLE_THERE)
    return time.perf_counter() - began


def _from_address(tab: Page, server: DashboardServer) -> float:
    tab.goto("about:blank")
    began = time.perf_counter()
    tab.goto(f"{server.url}/runs", wait_until="commit")
    tab.wait_for_function(TABLE_THERE)
    return time.perf_counter() - began


def _filter(tab: Page, store: Store, text: str) -> float:
    table = run_table(store)
    found = int(parse(text).mask(table).sum())
    assert 0 < found < RUNS, text
    box = tab.get_by_label("Filter")
    box.fill(text)
    began = time.perf_counter()
    box.press("Enter")
    expect(tab.get_by_text(f"{found:,} of {RUNS:,} runs")).to_be_visible()
    spent = time.perf_counter() - began
    tab.wait_for_timeout(300)
    return spent


def _compare(tab: Page, server: DashboardServer, *, choose: bool) -> float:
    """Ten runs of different configs, marked in the table once; then by the button each time."""
    if choose:
        tab.goto(f"{server.url}/runs?where=seed+%3D+0+and+optimizer+%3D+adam")
        tab.wait_for_function(TABLE_THERE)
        for row in range(OVERLAID):
            box = tab.locator(".stDataFrame").first.bounding_box()
            assert box is not None
            tab.mouse.click(box["x"] + 16, box["y"] + 35 * (row + 1) + 18)
            expect(tab.get_by_text(f"{row + 1} chosen")).to_be_visible()
    else:
        _menu(tab, "5 Runs").click()
        tab.wait_for_function(TABLE_THERE)
        expect(tab.get_by_text(f"{OVERLAID} chosen")).to_be_visible()
    tab.wait_for_timeout(500)
    began = time.perf_counter()
    main = tab.get_by_test_id("stMain")
    main.get_by_role("link", name="Compare", exact=True).click()
    tab.wait_for_function(ANY_LINES if choose else LONG_LINES, arg=OVERLAID)
    spent = time.perf_counter() - began
    tab.wait_for_timeout(500)
    return spent


def _metric(tab: Page, name: str, drawn: str) -> float:
    tab.get_by_role("combobox", name="Metric").click()
    option = tab.get_by_role("option", name=name)
    expect(option).to_be_visible()
    began = time.perf_counter()
    option.click()
    tab.wait_for_function(drawn, arg=OVERLAID)
    return time.perf_counter() - began


def _memory(server: DashboardServer) -> float:
    return psutil.Process(server.pid).memory_info().rss / MB


def _say(what: str, seconds: list[float]) -> None:
    spread = f", p95 {quantiles(seconds, n=20)[-1]:.2f}" if len(seconds) > 1 else ""
    print(f"{what}: median {median(seconds):.2f} s{spread} (n={len(seconds)})", flush=True)


if __name__ == "__main__":
    main()
