"""Whether a run stays quick while a page shows it, and the page while a run trains.

One real worker trains the course's network for long. A tab shows it live and an empty page in
turn, for some seconds each, so that both ways are timed on the same run and the same machine; then
a slider is moved again and again. Printed: training images a second of both ways and their ratio;
and slider → redrawn, from the key press to the moment the number beside has followed.

Run it with: python tests/bench/slider.py [--windows 7] [--moves 40]
"""

from __future__ import annotations

import argparse
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
from mlcore.ui.widget_state import OLD_NEWS_S
from tests.e2e.conftest import CHROMIUM_FLAGS, DashboardServer, chromium_path

EPOCHS, WINDOW_S, SETTLE_S = 1000, 4.0, 2.0

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
    """Median of the training images a second over the next seconds."""
    seen = run.refresh().step
    time.sleep(WINDOW_S)
    return float(run.metrics(["samples_per_second"], after=seen)["value"].median())


def slider_times(tab: Page, moves: int) -> list[float]:
    """Milliseconds from moving a slider to the number beside it, again and again."""
    times: list[float] = []
    for _ in range(moves):
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
    """Print both speeds, their ratio and the slider's median."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--windows", type=int, default=7)
    parser.add_argument("--moves", type=int, default=40)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = DashboardServer(Path(folder))
        os.environ["MLCORE_STORE"] = server.store
        os.environ["MLCORE_WORKERS"] = "1"
        server.start()
        browser = playwright.chromium.launch(
            executable_path=chromium_path(), args=list(CHROMIUM_FLAGS)
        )
        tab = browser.new_page(viewport={"width": 1400, "height": 900})
        run = mlcore.submit(MNISTConfig(epochs=EPOCHS))
        page = f"{server.url}/mnist?tab=Train&runs={run.id}"
        alone: list[float] = []
        watched: list[float] = []
        try:
            for _ in range(arguments.windows):
                for address, speeds in ((page, watched), ("about:blank", alone)):
                    tab.goto(address)
                    if address == page:
                        tab.wait_for_selector("g.mark-line path", state="attached")
                    time.sleep(SETTLE_S)
                    speeds.append(speed(run))
            tab.goto(page)
            tab.wait_for_selector("g.mark-line path", state="attached")
            times, still = slider_times(tab, arguments.moves), run.refresh().status
            run.stop().wait()
        finally:
            browser.close()
            server.close()
        ratio = median(w / a for w, a in zip(watched, alone, strict=True))
        print(
            f"training: {median(alone):,.0f} images/s with no tab, {median(watched):,.0f} with one "
            f"live tab: {ratio:.0%} (median of {arguments.windows} pairs of {WINDOW_S:g} s; "
            f"load {os.getloadavg()[0]:.1f})"
        )
        print(
            f"slider → redrawn while training ({still}): median {median(times):.0f} ms, "
            f"p95 {quantiles(times, n=20)[-1]:.0f} ms (n={len(times)})"
        )


if __name__ == "__main__":
    main()
