"""How soon each view of the page Inside stands for a run nobody has looked at yet.

    python tests/bench/inside_page.py [--rounds 5] [--idle]

Trains small runs of three kinds (the networks are those of the presets, the training is short: a
view examines the whole test set either way), starts a dashboard of its own and a real Chromium.
For each kind and view it stands at a view without a run, names the run in the URL, clicks the
view's tab, and takes the time from the click to the moment when nothing in the page changes any
more for 150 ms (those 150 ms left out). Each time it is a run whose views were never computed. The
first time a browser tab shows a view, when it also loads the code that draws, is told apart. Beside
the clock stands the CPU time that server and browser took for it: on a busy machine that tells more
than the clock does. Last it moves the slider over the epochs and takes the time from the event to
the painted frame.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import psutil
from playwright.sync_api import Page

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.bench.idle import wait_until_idle
from tests.bench.opened import dashboard_tab

VIEWS = ("Matrices", "Layer by layer", "Where it errs", "Plane")
KINDS = ("linear baseline", "course", "99 % CNN")
# Settled when the server's run is over and no mutation came for 150 ms.
SETTLE = """async () => {
  const app = document.querySelector('[data-testid=stApp]')
  const running = () => app.dataset.testScriptState === 'running'
  let last = performance.now(), ran = false
  const seen = new MutationObserver(() => { last = performance.now(); ran ||= running() })
  seen.observe(document.body,
    {subtree: true, childList: true, attributes: true, characterData: true})
  window.settled = new Promise(done => {
    const look = () => !running() && performance.now() - last > (ran ? 150 : 900)
      ? (seen.disconnect(), done(last)) : setTimeout(look, 10)
    look()
  })
  const press = () => { window.pressed = performance.now() }
  addEventListener('pointerdown', press, {capture: true, once: true})
}"""
SLIDE = """async moves => {
  const deep = root => [...root.querySelectorAll('*')].flatMap(
    e => e.shadowRoot ? [e, ...deep(e.shadowRoot)] : [e])
  const slider = deep(document).find(e => e.id === 'moment'), spent = []
  for (let k = 0; k < moves; k++) {
    slider.value = k % (Number(slider.max) + 1)
    const began = performance.now()
    slider.dispatchEvent(new Event('input', {bubbles: true}))
    await new Promise(done => requestAnimationFrame(() => setTimeout(done)))
    spent.push(performance.now() - began)
  }
  return spent
}"""


class Opened(NamedTuple):
    """What opening a view took, in milliseconds: on the clock, and of CPU in server and browser."""

    clock: float
    server: float
    browser: float


def train(rounds: int) -> dict[str, list[str]]:
    """Ids of finished runs, a fresh one for each kind, view and round, and one a kind to warm up.

    All in the store that MLCORE_STORE names.
    """
    import mlcore
    from mlcore import MNISTConfig

    found: dict[str, list[str]] = {}
    for kind in KINDS:
        base = MNISTConfig.presets[kind].replace(train_size=1024, epochs=3)
        found[kind] = [
            mlcore.run(base.replace(seed=seed), progress=False).id
            for seed in range(rounds * len(VIEWS) + 1)
        ]
    return found


def open_view(tab: Page, server: psutil.Process, run: str, view: str) -> Opened:
    """Click a view's tab and wait until it has settled."""
    tab.get_by_role("tab", name="Two losses").click()
    tab.get_by_text("Nothing is trained yet").wait_for()
    tab.wait_for_timeout(700)
    tab.evaluate("run => history.replaceState(null, '', `?tab=Two losses&run=${run}`)", run)
    tab.evaluate(SETTLE)
    before = cpu_seconds(server)
    tab.get_by_role("tab", name=view).click()
    clock: float = tab.evaluate("async () => await window.settled - window.pressed")
    after = cpu_seconds(server)
    assert run in tab.url
    return Opened(clock, *(1000 * (now - then) for now, then in zip(after, before, strict=True)))


def cpu_seconds(server: psutil.Process) -> tuple[float, float]:
    """CPU time so far of the server, and of the browser with all its processes."""
    mine = server.cpu_times()
    browser = 0.0
    for process in psutil.Process().children(recursive=True):
        try:
            if process.pid != server.pid:
                times = process.cpu_times()
                browser += times.user + times.system
        except psutil.NoSuchProcess:
            continue
    return mine.user + mine.system, browser


def main() -> None:
    """Print a line for each kind and view, and one for the slider."""
    parser = argparse.ArgumentParser(description="Time to open each view of the page Inside.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--idle", action="store_true", help="wait for a quiet machine before each")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MLCORE_STORE"] = str(Path(folder) / "runs.db")
        runs = train(arguments.rounds)
        with dashboard_tab(Path(folder)) as (tab, server):
            for kind, ids in runs.items():
                warm = ids.pop()
                tab.goto(f"/inside?tab=Two losses&run={warm}")
                for view in VIEWS:
                    first = open_view(tab, server, warm, view)
                    print(f"  first {kind}, {view}: {first.clock:.0f} ms", flush=True)
                for view in VIEWS:
                    spent = []
                    for _ in range(arguments.rounds):
                        if arguments.idle:
                            wait_until_idle()
                        spent.append(open_view(tab, server, ids.pop(), view))
                    show(f"{kind}, {view}", spent)
            tab.get_by_role("tab", name="Matrices").click()
            tab.get_by_role("slider", name="Epoch").wait_for()
            moved = tab.evaluate(SLIDE, 40)
            print(
                f"slider over the epochs: median {statistics.median(moved):.1f} ms, n={len(moved)}"
            )
        from mlcore.runs import open_store

        open_store().close()
    print(f"load {os.getloadavg()[0]:.1f}")


def show(name: str, spent: list[Opened]) -> None:
    """One line: median and longest on the clock, medians of the CPU times, n."""
    clocks, servers, browsers = zip(*spent, strict=True)
    print(
        f"{name:34} median {statistics.median(clocks):5.0f} ms, longest {max(clocks):5.0f} ms, "
        f"CPU server {statistics.median(servers):4.0f} ms, browser "
        f"{statistics.median(browsers):5.0f} ms, n={len(spent)}",
        flush=True,
    )


if __name__ == "__main__":
    main()
