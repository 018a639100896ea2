"""How long a person waits for the first paint of Home: a fresh server, then the next tab.

Each time a new server process that has imported nothing of ours is asked for the home page by a
browser that is already open. Printed: from the request to the title, and to the button.

Run it with: python tests/bench/first_paint.py
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.e2e.conftest import CHROMIUM_FLAGS, DashboardServer, chromium_path

RUNS = 5


def visit(browser: Browser, url: str) -> tuple[float, float]:
    """Seconds until the title, and until the button."""
    context = browser.new_context()
    page, began = context.new_page(), time.monotonic()
    page.goto(url, wait_until="commit")
    page.locator("h1").wait_for()
    title = time.monotonic() - began
    page.get_by_role("button", name="Train the course's network").wait_for()
    button = time.monotonic() - began
    context.close()
    return title, button


def main() -> None:
    """Print the medians."""
    cold, warm = [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium_path(), args=list(CHROMIUM_FLAGS)
        )
        visit_folder = tempfile.TemporaryDirectory()
        for run in range(RUNS):
            folder = Path(visit_folder.name) / str(run)
            folder.mkdir()
            server = DashboardServer(folder)
            server.start()
            try:
                cold.append(visit(browser, server.url))
                warm.append(visit(browser, server.url))
            finally:
                server.close()
        browser.close()
        visit_folder.cleanup()
    for label, times in (("fresh server", cold), ("next tab", warm)):
        title, button = (median(column) for column in zip(*times, strict=True))
        print(f"{label}: title after {title:.2f} s, button after {button:.2f} s (n={len(times)})")


if __name__ == "__main__":
    main()
