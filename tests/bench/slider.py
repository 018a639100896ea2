"""Whether a page stays quick while a run trains, and the run while a page is open.

A real worker trains the course's network twice on this machine: with no tab open, and with one tab
that shows it live. Printed: training images a second of both, and slider → redrawn, from the key
press to the moment the number beside the slider has followed, while the second run trains.

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
from tests.e2e.conftest import CHROMIUM_FLAGS, DashboardServer, chromium_path

EPOCHS, MOVES = 40, 40

MOVE = """([slider, box]) => new Promise((resolve, reject) => {
    const before = box.value, began = performance.now()
    const look = () => box.value !== before
        ? resolve(performance.now() - began) : requestAnimationFrame(look)
    const keys = {key: 'ArrowRight', code: 'ArrowRight', keyCode: 39, bubbles: true}
    slider.dispatchEvent(new KeyboardEvent('keydown', keys))
    slider.dispatchEvent(new KeyboardEvent('keyup', keys))
    look()
    setTimeout(() => reject('The slider moved and nothing followed.'), 10000)
})"""


def speed(run: Run) -> float:
    """Median of the training images a second."""
    return float(run.metrics(["samples_per_second"])["value"].median())


def slider_times(tab: Page) -> list[float]:
    """Milliseconds from moving a slider to the number beside it, again and again."""
    box = tab.get_by_label("Weight decay, exactly").element_handle()
    slider = tab.get_by_role("slider", name="Weight decay").element_handle()
    times = []
    for _ in range(MOVES):
        tab.get_by_role("slider", name="Weight decay").focus()
        times.append(float(tab.evaluate(MOVE, [slider, box])))
        if len(times) % 9 == 0:  # before the slider's last stop
            tab.get_by_label("Weight decay, exactly").fill("0")
            tab.get_by_label("Weight decay, exactly").press("Enter")
            expect(tab.get_by_role("slider", name="Weight decay")).to_have_value("0")
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
        try:
            watched = mlcore.submit(MNISTConfig(epochs=EPOCHS, seed=1))
            tab = browser.new_page(viewport={"width": 1400, "height": 900})
            tab.goto(f"{server.url}/mnist?tab=Train&runs={watched.id}")
            tab.wait_for_selector("g.mark-line path", state="attached")
            times, still = slider_times(tab), watched.refresh().status
            watched = watched.wait()
            time.sleep(1)
        finally:
            browser.close()
            server.close()
        print(
            f"slider → redrawn while training ({still}): median {median(times):.0f} ms, "
            f"p95 {quantiles(times, n=20)[-1]:.0f} ms (n={len(times)})"
        )
        print(
            f"training: {speed(alone):,.0f} images/s with no tab, {speed(watched):,.0f} with one "
            f"live tab: {speed(watched) / speed(alone):.0%} (epochs={EPOCHS}, one run each)"
        )


if __name__ == "__main__":
    main()
