"""How soon the page *Generalization* answers, and what its numbers cost.

    python tests/bench/generalization_page.py [--moves 15]

First the computations alone, on one thread: the best and the median of several calls. Then a
dashboard of its own and a real Chromium: a slider of each view is moved by its arrow keys, and the
time taken from the key press to the moment when the first chart is drawn anew, and to the last
change anywhere on the page.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from playwright.sync_api import Page

sys.path.insert(0, str(Path(__file__).parents[2]))

from mlcore.generalization import (
    NoisyFunction,
    Penalty,
    bias_variance,
    double_descent,
    draw_features,
    errors_by_degree,
    errors_by_strength,
    learning_curve,
)
from tests.bench.opened import dashboard_tab

SLIDERS = (
    ("generalization", "Degree"),
    ("generalization", "Training points n"),
    ("generalization?method=Ridge", "λ"),
    ("generalization?method=Lasso&degree=12", "λ"),
    ("generalization?more=Bias and variance", "Degree"),
    ("generalization?tab=Double descent", "Width as a multiple of n"),
    ("generalization?tab=Double descent", "λ"),
    ("generalization?tab=Double descent", "Inputs"),
    ("generalization?tab=Folds", "Folds"),
    ("generalization?tab=Folds", "Held-out fold"),
)
WATCH = """() => {
  const app = document.querySelector('[data-testid=stApp]')
  const running = () => app.dataset.testScriptState === 'running'
  let last = performance.now(), first = 0, ran = false
  window.pressed = 0
  addEventListener('keydown', () => { window.pressed = performance.now() },
    {capture: true, once: true})
  const drawn = node => (node.nodeType === 1 ? node : node.parentElement)?.closest('.vega-embed')
  const seen = new MutationObserver(changes => {
    last = performance.now(); ran ||= running()
    if (!first && window.pressed && changes.some(change => drawn(change.target))) first = last
  })
  seen.observe(document.body,
    {subtree: true, childList: true, attributes: true, characterData: true})
  window.settled = new Promise(done => {
    const look = () => !running() && performance.now() - last > (ran ? 150 : 800)
      ? (seen.disconnect(), done([first - window.pressed, last - window.pressed]))
      : setTimeout(look, 10)
    look()
  })
}"""


def timed(name: str, call: Callable[[], object], repeats: int = 15) -> None:
    """Print the best and the median time of a call."""
    call()
    spent = []
    for _ in range(repeats):
        began = time.perf_counter()
        call()
        spent.append(1000 * (time.perf_counter() - began))
    middle = statistics.median(spent)
    print(f"{name:58} best {min(spent):6.1f} ms, median {middle:6.1f} ms, n={repeats}", flush=True)


def computations() -> None:
    """Time what the views compute."""
    function, strengths = NoisyFunction(seed=2), [10 ** (-5 + 6 * k / 36) for k in range(37)]
    sizes = [11, 14, 18, 22, 28, 35, 44, 55, 69, 86, 108, 135, 169, 200]
    for penalty in (Penalty(), Penalty("ridge", 0.01), Penalty("lasso", 0.01)):
        kind = penalty.kind
        timed(f"{kind}: 16 degrees", partial(errors_by_degree, function, penalty))
        timed(
            f"{kind}: 37 λ at degree 12", partial(errors_by_strength, function, 12, kind, strengths)
        )
        timed(
            f"{kind}: learning curve, 14 sizes × 30 samples",
            partial(learning_curve, function, 9, penalty, sizes=sizes),
        )
        timed(f"{kind}: 200 resamples × 16 degrees", partial(bias_variance, function, penalty))
    timed("random features: draw 24 widths × 5", lambda: draw_features(40, seed=2))
    features = draw_features(40, seed=2)
    timed("random features: errors of both solutions", lambda: double_descent(features))


def slide(tab: Page, address: str, label: str, moves: int) -> tuple[list[float], list[float]]:
    """Milliseconds from each key press to the first redrawn chart and to the last change."""
    tab.goto(f"/{address}")
    slider = tab.get_by_role("slider", name=label, exact=False).first
    slider.wait_for()
    tab.wait_for_timeout(3000)
    slider.focus()
    spent = []
    for move in range(moves + 2):
        tab.evaluate(WATCH)
        slider.press("ArrowRight" if move % 2 else "ArrowLeft")
        spent.append(tab.evaluate("async () => await window.settled"))
    firsts, lasts = zip(*spent[2:], strict=True)
    return list(firsts), list(lasts)


def main() -> None:
    """Print a line for each computation and each slider."""
    parser = argparse.ArgumentParser(description="Times of the page Generalization.")
    parser.add_argument("--moves", type=int, default=15)
    moves = parser.parse_args().moves
    torch.set_num_threads(1)
    computations()
    with tempfile.TemporaryDirectory() as folder, dashboard_tab(Path(folder)) as (tab, _):
        for address, label in SLIDERS:
            first, last = slide(tab, address, label, moves)
            print(
                f"slider {address}: {label}".ljust(58),
                f"first chart {statistics.median(first):6.1f} ms, all "
                f"{statistics.median(last):6.1f} ms (medians, n={moves})",
                flush=True,
            )


if __name__ == "__main__":
    main()
