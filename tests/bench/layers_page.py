"""How soon the pages on layers answer: a slider to the redrawn page, a pointer to the lit cell.

    python tests/bench/layers_page.py [--moves 15]

Starts a dashboard of its own and a real Chromium. For each tab it moves one slider by its arrow
keys and takes the time from the key press to the moment when nothing in the page changes any more
for 100 ms (those 100 ms left out). For both grids it moves the pointer from cell to cell and takes
the time from the event to the painted frame, and counts what was sent to the server meanwhile.
Beside each slider stands the CPU time a move took in the server and in the whole browser: on a busy
machine that tells more than the clock does.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

import psutil
from playwright.sync_api import Page, WebSocket

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.bench.opened import dashboard_tab

SLIDERS = (
    ("normalization", "Samples N"),
    ("normalization?tab=Before and after", "Height H"),
    ("normalization?tab=Same or not", "By noise of σ"),
    ("normalization?tab=Train and eval", "Momentum"),
    ("activations", "x"),
    ("activations?tab=Chain", "Layers"),
    ("activations?tab=Dead units", "Bias of every unit"),
    ("activations?tab=Losses", "Logit of class 0"),
    ("convolution", "Padding"),
    ("initialization", "Hidden layers"),
)
GRIDS = (
    ("normalization?n=4&c=4&h=4&w=4", "x"),
    ("normalization?n=6&c=8&h=6&w=6", "x"),
    ("convolution", "output"),
)
# Settled when the server's run is over and no mutation came for 100 ms (600 if the run was too
# short to be seen): resolves with the time of the last one.
SETTLE = """async () => {
  const app = document.querySelector('[data-testid=stApp]')
  const running = () => app.dataset.testScriptState === 'running'
  let last = performance.now(), ran = false
  const seen = new MutationObserver(() => { last = performance.now(); ran ||= running() })
  seen.observe(document.body,
    {subtree: true, childList: true, attributes: true, characterData: true})
  window.settled = new Promise(done => {
    const look = () => !running() && performance.now() - last > (ran ? 100 : 600)
      ? (seen.disconnect(), done(last)) : setTimeout(look, 10)
    look()
  })
  window.pressed = 0
  const press = () => { window.pressed = performance.now() }
  addEventListener('keydown', press, {capture: true, once: true})
}"""
POINT = """async ([part, moves]) => {
  const deep = root => [...root.querySelectorAll('*')].flatMap(
    e => e.shadowRoot ? [e, ...deep(e.shadowRoot)] : [e])
  const canvas = deep(document).find(e => e.dataset?.part === part)
  const box = canvas.getBoundingClientRect(), spent = []
  for (let k = 0; k < moves; k++) {
    const at = {clientX: box.left + 22 + (k * 37) % (box.width - 26),
      clientY: box.top + 20 + (k * 53) % (box.height - 26), bubbles: true, pointerType: 'mouse'}
    const began = performance.now()
    canvas.dispatchEvent(new PointerEvent('pointermove', at))
    await new Promise(done => requestAnimationFrame(() => setTimeout(done)))
    spent.push(performance.now() - began)
  }
  return spent
}"""


def slide(tab: Page, address: str, label: str, moves: int) -> tuple[list[float], str]:
    """Milliseconds from each key press to the last change of the page, and the CPU time it took."""
    tab.goto(f"/{address}")
    slider = tab.get_by_role("slider", name=label, exact=False).first
    slider.wait_for()
    tab.wait_for_timeout(2500)
    slider.focus()
    spent = []
    for move in range(moves + 2):
        if move == 2:
            before = cpu_seconds()
        tab.evaluate(SETTLE)
        slider.press("ArrowRight" if move % 2 else "ArrowLeft")
        spent.append(tab.evaluate("async () => await window.settled - window.pressed"))
    server, browser = (
        1000 * (now - then) / moves for now, then in zip(cpu_seconds(), before, strict=True)
    )
    return spent[2:], f"CPU a move: server {server:.0f} ms, browser {browser:.0f} ms"


def cpu_seconds() -> tuple[float, float]:
    """CPU time so far of the server, and of the browser with all its processes."""
    server = browser = 0.0
    for process in psutil.Process().children(recursive=True):
        try:
            times = process.cpu_times()
            is_server = "streamlit" in process.cmdline()
        except psutil.NoSuchProcess:
            continue
        if is_server:
            server += times.user + times.system
        else:
            browser += times.user + times.system
    return server, browser


def count_frames(tab: Page) -> list[object]:
    """A list that grows by what the page sends to the server from now on."""
    sent: list[object] = []

    def watch(socket: WebSocket) -> None:
        socket.on("framesent", lambda frame: sent.append(frame))

    tab.on("websocket", watch)
    return sent


def main() -> None:
    """Print a line for each slider and each grid."""
    parser = argparse.ArgumentParser(description="Time from input to picture on the layers pages.")
    parser.add_argument("--moves", type=int, default=15)
    moves = parser.parse_args().moves
    with tempfile.TemporaryDirectory() as folder, dashboard_tab(Path(folder)) as (tab, _):
        for address, label in SLIDERS:
            spent, cpu = slide(tab, address, label, moves)
            show(f"slider {address}: {label}", spent)
            print(f"{'':58} {cpu}", flush=True)
        for address, part in GRIDS:
            sent = count_frames(tab)
            tab.goto(f"/{address}")
            tab.locator(f"canvas[data-part={part}]").wait_for()
            tab.wait_for_timeout(2500)
            before = len(sent)
            spent = tab.evaluate(POINT, [part, 4 * moves])
            show(f"pointer {address}: {part}", spent)
            print(f"{'':58} frames sent to the server meanwhile: {len(sent) - before}")


def show(name: str, spent: list[float]) -> None:
    """One line: median, 95th percentile, n."""
    high = sorted(spent)[int(0.95 * (len(spent) - 1))]
    print(
        f"{name:58} median {statistics.median(spent):6.1f} ms, p95 {high:6.1f} ms, n={len(spent)}",
        flush=True,
    )


if __name__ == "__main__":
    main()
