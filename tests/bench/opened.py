"""A dashboard and a tab of a browser, for a bench of one page."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.e2e.conftest import CHROMIUM_FLAGS, DashboardServer, chromium_path


@contextmanager
def dashboard_tab(folder: Path) -> Iterator[tuple[Page, psutil.Process]]:
    """A tab that takes addresses from the server's root on, and the server's process.

    Args:
        folder: Holds the server's store, ``runs.db``.
    """
    server = DashboardServer(folder)
    server.start()
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=chromium_path(), args=list(CHROMIUM_FLAGS)
            )
            yield (
                browser.new_page(
                    viewport={"width": 1400, "height": 900},
                    reduced_motion="reduce",
                    base_url=server.url,
                ),
                psutil.Process(server.pid),
            )
            browser.close()
    finally:
        server.close()
