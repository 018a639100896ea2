"""Whether a run stays quick while a page shows it, and the page while a run trains.

A real worker trains the course's network: with no tab open, with one tab that shows it live, and
with a tab in which a slider is moved again and again. Printed: training images a second of the
first two; and slider → redrawn, from the key press to the moment the number beside has followed.

Run it with: python tests/bench/slider.py
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles

from playwright.sync_api import Page, expect, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[2]))

import mlcore
from mlcore import MNISTConfig, Run
from mlcore.ui.steer import OLD_NEWS_S
from tests.e2e.conftest import CHROMIUM_FLAGS, DashboardServer, chromium_path

EPOCHS, MOVES = 30, 40

BOX = "Weight decay, exactly"
ARM = """label => {
    const shown = () => document.querySelector(`input[aria-label="${label}"]`)?.value
    window.followed = new Promise((resolve, reject) => addEventListener('keydown', () => {
        const before = shown(), began = performance.now()
        const look = () => shown() !== before
            ? resolve(performance.now() - began) : requestAnimationFrame(look)
        look()
        setTimeout(() => reject('The slider moved and nothing followed.'), 20000)
    }, {once: true, capture: true}))
}"""


def speed(run: Run) -> float:
    """Median of the training images a second."""
    return float(run.metrics(["samples_per_second"])["value"].median())


def slider_times(tab: Page) -> list[float]:
    """Milliseconds from moving a slider to the number beside it, again and again."""
    times: list[float] = []
    for _ in range(MOVES):
        slider = tab.get_by_role("slider", name="Weight decay")
        tab.evaluate(ARM, BOX)
        slider.press("ArrowRight")
        times.append(float(tab.evaluate("window.followed")))
        if len(times) % 9 == 0:  # before the slider's last stop
            time.sleep(2 * OLD_NEWS_S)
            tab.get_by_label(BOX).fill("0")
            tab.get_by_label(BOX).press("Enter")
            expect(slider).to_have_value("0")
    return times


def main() -> None:
    """Print both speeds and the slider's median."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = DashboardServer(Path(folder))
        os.environ["MLCORE_STORE"] = server.store
        os.environ["MLCORE_WORKERS"] = "1"
        alone = mlcore.submit(MNISTConfig(epochs=EPOCHS)).wait()
        server.start()
        browser = playwright.chromium.launch(
            executable_path=chromium_path(), args=list(CHROMIUM_FLAGS)
        )
        tab = browser.new_page(viewport={"width": 1400, "height": 900})
        try:
            watched = mlcore.submit(MNISTConfig(epochs=EPOCHS, seed=1))
            tab.goto(f"{server.url}/mnist?tab=Train&runs={watched.id}")
            watched = watched.wait()
            busy = mlcore.submit(MNISTConfig(epochs=10 * EPOCHS, seed=2))
            tab.goto(f"{server.url}/mnist?tab=Train&runs={busy.id}")
            tab.wait_for_selector("g.mark-line path", state="attached")
            times, still = slider_times(tab), busy.refresh().status
            busy.stop()
        finally:
            browser.close()
            server.close()
        print(
            f"training: {speed(alone):,.0f} images/s with no tab, {speed(watched):,.0f} with one "
            f"live tab: {speed(watched) / speed(alone):.0%} (epochs={EPOCHS}, one run each)"
        )
        print(
            f"slider → redrawn while training ({still}): median {median(times):.0f} ms, "
            f"p95 {quantiles(times, n=20)[-1]:.0f} ms (n={len(times)})"
        )


if __name__ == "__main__":
    main()
