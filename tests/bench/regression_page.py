"""The regression page in a browser: rate slider to redrawn views, and a scrub of the step slider.

    python tests/bench/regression_page.py [http://127.0.0.1:8501]

Without an address it starts a dashboard of its own. Times are taken inside the browser: from the
key press to the second animation frame after the views have changed, that is, to the painted
picture.
"""

import shutil
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parents[2]
PORT, MOVES = 8639, 40
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
WATCH = """() => {
  const output = [...document.querySelectorAll('*')].map(e => e.shadowRoot).filter(Boolean)
    .map(r => r.querySelector('.legend')).find(Boolean)
  window.times = []
  let began = null
  document.addEventListener('keydown', () => { began ??= performance.now() }, true)
  new MutationObserver(() => {
    const from = began
    began = null
    if (from !== null) requestAnimationFrame(() => requestAnimationFrame(
      () => window.times.push(performance.now() - from)))
  }).observe(output, {childList: true, subtree: true, characterData: true})
}"""
SCRUB = """async moves => {
  const root = [...document.querySelectorAll('*')].map(e => e.shadowRoot).filter(Boolean)
    .find(r => r.querySelector('.views'))
  const slider = root.querySelector('input[type=range]'), drawn = [], painted = []
  for (let i = 0; i < moves; i++) {
    slider.value = String(Math.round(Number(slider.max) * (i % 20) / 20))
    const began = performance.now()
    slider.dispatchEvent(new Event('input', {bubbles: true}))
    drawn.push(performance.now() - began)
    await new Promise(done => requestAnimationFrame(() => setTimeout(done)))
    painted.push(performance.now() - began)
  }
  return {drawn, painted}
}"""


def shown(name: str, times: list[float]) -> None:
    ordered = sorted(times)
    p95 = ordered[int(0.95 * (len(ordered) - 1))]
    print(f"{name:48} {statistics.median(times):7.1f} ms median {p95:7.1f} ms p95  n={len(times)}")


def measure(tab: Page, url: str, query: str) -> None:
    tab.goto(f"{url}/regression{query}")
    tab.locator(".views output").filter(has_text="loss").wait_for(timeout=60_000)
    tab.wait_for_timeout(1500)
    tab.evaluate(WATCH)
    handle = tab.get_by_role("slider", name="Learning rate η")
    handle.focus()
    for move in range(MOVES):
        before = tab.evaluate("window.times.length")
        handle.press("ArrowRight" if move % 8 < 4 else "ArrowLeft")
        tab.wait_for_function(f"window.times.length > {before}")
        tab.wait_for_timeout(150)
    shown(f"rate slider to redrawn views {query}", tab.evaluate("window.times")[3:])
    scrubbed = tab.evaluate(SCRUB, 60)
    shown(f"scrub, input to drawn {query}", scrubbed["drawn"][3:])
    shown(f"scrub, input to painted {query}", scrubbed["painted"][3:])


def main() -> None:
    server = None
    url = sys.argv[1] if len(sys.argv) > 1 else f"http://127.0.0.1:{PORT}"
    if len(sys.argv) == 1:
        command = [sys.executable, "-m", "streamlit", "run", "dashboard.py"]
        command += ["--server.headless", "true", "--server.port", str(PORT)]
        server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        for _ in range(200):
            try:
                urllib.request.urlopen(f"{url}/_stcore/health", timeout=1)  # noqa: S310
                break
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        with sync_playwright() as playwright:
            path = shutil.which("chromium") or shutil.which("google-chrome")
            browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
            tab = browser.new_page(viewport={"width": 1400, "height": 900})
            measure(tab, url, "")
            measure(tab, url, "?standardize=true&lr=0.1")
            browser.close()
    finally:
        if server is not None:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
