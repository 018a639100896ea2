"""Times the autograd page in a real Chromium; run it as ``python tests/bench/autograd_page.py``.

Slider: from the release of the mouse to the frame that shows the last change anywhere on the page
(text, attributes, graph or canvas), after which nothing changes for half a second. Stepping: from
the click to the frame after the graph changed.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from mlcore.autograd.presets import PRESETS

ROOT = Path(__file__).parents[2]
FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
THUMB = "[class*=st-key-leaf_] div:has(> [data-testid=stSliderThumbValue])"
WATCH = """() => {
  const main = document.querySelector('[data-testid=stMain]')
  const roots = [main]
  for (const e of main.querySelectorAll('*')) if (e.shadowRoot) roots.push(e.shadowRoot)
  const b = window.bench = { last: 0, released: 0 }
  const changed = () => {
    if (b.released) requestAnimationFrame(() => { b.last = performance.now() })
  }
  // tables are drawn on a canvas; what lies inside its element is read aloud, not seen
  const seen = new MutationObserver((all) => {
    const where = all.map((m) => m.target.closest ? m.target : m.target.parentElement)
    if (where.some((element) => !element?.closest('canvas'))) changed()
  })
  const what = { subtree: true, childList: true, attributes: true, characterData: true }
  for (const root of roots) seen.observe(root, what)
  const draw = CanvasRenderingContext2D.prototype.fillText
  CanvasRenderingContext2D.prototype.fillText = function (...given) {
    changed()
    return draw.apply(this, given)
  }
  window.addEventListener('pointerup', () => { b.released = performance.now() }, true)
}"""


def slider(page: Page, tries: int) -> list[float]:
    """Milliseconds from release to the last frame that changed anything one can see."""
    page.evaluate(WATCH)
    thumb = page.locator(THUMB).first
    times = []
    for i in range(tries):
        box = thumb.bounding_box()
        assert box is not None
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + (18 if i % 2 == 0 else -18), y, steps=3)
        page.evaluate("() => { window.bench.last = 0 }")
        page.mouse.up()
        page.wait_for_function("() => bench.last && performance.now() - bench.last > 500")
        times.append(page.evaluate("() => bench.last - bench.released"))
    return times


def stepping(page: Page, tries: int) -> list[float]:
    """Milliseconds from a press of the step button to the frame that shows it."""
    return [
        page.evaluate("""() => new Promise((done) => {
          let root = null
          for (const e of document.querySelectorAll('*'))
            root ??= e.shadowRoot?.querySelector('.graph')
          const start = performance.now()
          root.querySelector(root.dataset.step > 1 ? '[data-do=back]' : '[data-do=last]').click()
          requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - start)))
        })""")
        for _ in range(tries)
    ]


def report(name: str, times: list[float]) -> None:
    times = sorted(times)
    p95 = times[min(len(times) - 1, int(0.95 * len(times)))]
    print(
        f"{name:34} median {statistics.median(times):6.1f} ms   p95 {p95:6.1f} ms   n={len(times)}"
    )


def long_program() -> str:
    return "z0 = x*y\n" + "\n".join(f"z{i} = sin(z{i - 1}*x) + y" for i in range(1, 67))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8622)
    parser.add_argument("--tries", type=int, default=20)
    options = parser.parse_args()
    url = f"http://127.0.0.1:{options.port}"
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "streamlit", "run", "dashboard.py"),
            *("--server.headless", "true", "--server.port", str(options.port)),
        ],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{url}/_stcore/health", timeout=1)  # noqa: S310  # our own
                break
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        with sync_playwright() as p:
            browser = p.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
            page = browser.new_page(viewport={"width": 1400, "height": 1000})
            queries = {key: f"preset={key}" for key in PRESETS}
            queries["200 operations"] = "leaf.x=0.5&program=" + urllib.parse.quote(long_program())
            for name, query in queries.items():
                page.goto(f"{url}/autograd?{query}")
                page.wait_for_selector("text=/of \\d+ · /", timeout=60_000)
                page.wait_for_timeout(1500)
                if page.locator(THUMB).count():
                    report(f"slider, {name}", slider(page, options.tries))
                report(f"step, {name}", stepping(page, 2 * options.tries))
            for tab in ("Ledger of .grad", "Curve", "Second derivatives", "Proof"):
                page.goto(f"{url}/autograd?preset=square")
                page.wait_for_selector("text=/of \\d+ · /", timeout=60_000)
                page.get_by_role("tab", name=tab).click()
                page.wait_for_timeout(1500)
                report(f"slider, square, {tab}", slider(page, options.tries))
            browser.close()
    finally:
        server.terminate()
        server.wait(10)


if __name__ == "__main__":
    main()
