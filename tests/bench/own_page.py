"""How long the page of an experiment of one's own takes, and that of a run of 1,000,000 points.

In a real Chromium, over the experiment that ``mlcore new`` writes: from opening the address, and
from a click in the menu, to the page with its form and no script running; from *Start*, after the
file was edited and saved, to the run of the new code being finished, and how long that run takes;
on Runs, from a click on the only run, of 1,000,000 points, to its curve. Medians.

Run it with: python tests/bench/own_page.py
"""

from __future__ import annotations

import math
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from playwright.sync_api import Page, Position, expect, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[2]))

import mlcore
from mlcore.cli import main as mlcore_command
from mlcore.runs.store.store import Store, open_store
from tests.bench.idle import wait_until_idle
from tests.e2e.conftest import CHROMIUM_FLAGS, DashboardServer, chromium_path
from tests.e2e.settling import settled_box

FIRST_BOX: Position = {"x": 16, "y": 54}
"""Pixels into the table of runs, to the box before its first row."""
POINTS, STEPS, TIMES = 1_000_000, 40, 5

SETTLED = """() => document.querySelector('[data-test-script-state=notRunning]') !== null
    && document.querySelector('[data-testid=stSkeleton]') === null"""
LONG_LINE = """() => [...document.querySelectorAll('g.mark-line path')].some(
    line => (line.getAttribute('d') || '').split('L').length > 100)"""
TABLE_THERE = """() => document.querySelector('.stDataFrame canvas [role=gridcell]') !== null"""


def main() -> None:
    """Start a dashboard beside an experiment and a long run, time both pages, print."""
    expect.set_options(timeout=60_000)
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        folder = Path(scratch)
        os.chdir(folder)
        mlcore_command(["new", "spiral"])
        server = DashboardServer(folder, cwd=folder)
        store = open_store(server.store)
        with mlcore.start_run("long", store=store.url) as run:
            for step in range(POINTS):
                run.log({"loss": math.exp(-step / 3e5) + step % 97 / 500}, step=step)
        busy = wait_until_idle(60.0)
        server.start()
        browser = playwright.chromium.launch(
            executable_path=chromium_path(), args=list(CHROMIUM_FLAGS)
        )
        tab = browser.new_page(viewport={"width": 1400, "height": 1000})
        try:
            _say(f"Runs: click → curve of {POINTS:,} points", _long_run(tab, server))
            _say("address → own page, the first time", [_from_address(tab, server)])
            _say("address → own page", [_from_address(tab, server) for _ in range(TIMES)])
            _say("menu → own page", [_from_menu(tab) for _ in range(TIMES)])
            file = folder / "experiments" / "spiral.py"
            cycles = [_cycle(tab, server, store, file, turn) for turn in range(TIMES)]
            _say("edit, save, Start → finished, the first time", [cycles[0][0]])
            _say("  of which the run", [cycles[0][1]])
            _say("edit, save, Start → finished", [whole for whole, _ in cycles[1:]])
            _say("  of which the run", [work for _, work in cycles[1:]])
        finally:
            browser.close()
            server.close()
            store.close()
        print(f"machine: {busy:.0f} % busy before the bench began")


def _from_address(tab: Page, server: DashboardServer) -> float:
    tab.goto("about:blank")
    began = time.perf_counter()
    tab.goto(f"{server.url}/experiment-spiral?steps={STEPS}", wait_until="commit")
    return _opened(tab, began)


def _from_menu(tab: Page) -> float:
    menu = tab.get_by_test_id("stSidebarNavLink")
    menu.filter(has_text="2 Regression").click()
    expect(tab.locator("h1")).to_have_text("Regression")
    tab.wait_for_timeout(1500)
    began = time.perf_counter()
    menu.filter(has_text="spiral").click()
    return _opened(tab, began)


def _opened(tab: Page, began: float) -> float:
    expect(tab.locator("h1")).to_have_text("spiral")
    expect(tab.get_by_role("button", name="Start", exact=True)).to_be_enabled()
    tab.wait_for_function(SETTLED)
    return time.perf_counter() - began


def _cycle(
    tab: Page, server: DashboardServer, store: Store, file: Path, turn: int
) -> tuple[float, float]:
    """Seconds from *Start* to the run's being finished on the page, and those of the run."""
    _from_address(tab, server)
    tab.wait_for_timeout(6000 if turn == 0 else 1000)  # a worker is made ready
    file.write_text(f"{file.read_text()}\n# edit {turn}\n")
    finished = tab.locator(".stMarkdownBadge").get_by_text("finished")
    before = finished.count()
    began = time.perf_counter()
    tab.get_by_role("button", name="Start", exact=True).click()
    expect(finished).to_have_count(before + 1)
    whole = time.perf_counter() - began
    return whole, store.list("spiral")[0].elapsed


def _long_run(tab: Page, server: DashboardServer) -> list[float]:
    found = []
    for _ in range(TIMES):
        tab.goto(f"{server.url}/runs")
        tab.wait_for_function(TABLE_THERE)
        tab.wait_for_timeout(1000)
        table = tab.locator(".stDataFrame").first
        settled_box(table)
        began = time.perf_counter()
        table.click(position=FIRST_BOX)
        tab.wait_for_function(LONG_LINE)
        found.append(time.perf_counter() - began)
        table.click(position=FIRST_BOX)
    return found


def _say(what: str, seconds: list[float]) -> None:
    print(f"{what:45} {median(seconds):6.2f} s (of {len(seconds)}; most {max(seconds):.2f} s)")


if __name__ == "__main__":
    main()
