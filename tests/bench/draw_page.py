"""How soon probabilities follow a stroke, and what the way of a drawing costs in accuracy.

    python tests/bench/draw_page.py [--strokes 12] [--wait]

Trains two multilayer perceptrons and the 99 % CNN, starts a dashboard and a real Chromium, and
draws sevens with the mouse. Every pointer event counts: from the event to the painted answer of
the first snapshot that holds it. Two runs answer at once.

Then each view is opened twice, and the slider that fools is moved step by step in the browser.

Last, each of the 10,000 test digits becomes a bitmap of 280×280 and goes the way of a drawing
(``prepare``): as squares, as a smooth enlargement, and as that in black and white, as a pen draws.
The CNN's accuracy stands beside each.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from playwright.sync_api import Page

sys.path.insert(0, str(Path(__file__).parents[2]))

import mlcore
from mlcore import MNISTConfig, Run
from mlcore.mnist import insight, load
from mlcore.mnist.insight.preprocess import Bytes, enlarged, prepare
from tests.bench.idle import wait_until_idle
from tests.bench.opened import dashboard_tab

CASES = (
    ("two MLPs", ("MLP, cross-entropy", "course")),
    ("CNN and MLP", ("99 % CNN", "MLP, cross-entropy")),
)
# Notes when each pointer event came, which snapshot took it along, and when its answer was painted.
WATCH = """([pad, answers]) => {
  const waiting = [], spent = []
  window.spent = spent
  const canvas = pad.querySelector('canvas')
  for (const name of ['pointerdown', 'pointermove', 'pointerup']) {
    canvas.addEventListener(name, e => {
      if (name === 'pointermove' && !e.buttons) return
      waiting.push({at: performance.now(), n: null})
    }, {capture: true})
  }
  new MutationObserver(() => {
    const n = Number(pad.dataset.sent)
    for (const event of waiting) event.n ??= n
  }).observe(pad, {attributes: true, attributeFilter: ['data-sent']})
  new MutationObserver(() => requestAnimationFrame(() => setTimeout(() => {
    const now = performance.now(), n = Number(answers.dataset.answered)
    for (let i = waiting.length - 1; i >= 0; i--) {
      if (waiting[i].n !== null && waiting[i].n <= n) spent.push(now - waiting.splice(i, 1)[0].at)
    }
  }))).observe(answers, {attributes: true, attributeFilter: ['data-answered']})
}"""

VIEWS = {
    "Pixels": ".maps .group:has-text('Occlusion')",
    "Layers": ".maps .group:has-text('output')",
    "Neighbours": ".maps .group:has-text('nearest')",
    "Fool it": ".walk .bars",
}
"""What shows that a view is there."""
SLIDE = """async slider => {
  const spent = []
  for (let level = 1; level <= 60; level++) {
    const began = performance.now()
    slider.value = level
    slider.dispatchEvent(new Event('input'))
    await new Promise(done => requestAnimationFrame(() => setTimeout(done)))
    spent.push(performance.now() - began)
  }
  return spent
}"""


def draw_sevens(tab: Page, runs: tuple[Run, Run], tool: str, strokes: int) -> list[float]:
    """Milliseconds from each pointer event to its painted answer."""
    first, second = runs
    tab.goto(f"/draw?run={first.id}&beside={second.id}&tab={tool}")
    tab.locator(".run[data-answer='7']").first.wait_for()
    tab.wait_for_timeout(2500)
    sheet, said = tab.locator(".pad"), tab.locator(".answers")
    tab.evaluate(WATCH, [sheet.element_handle(), said.element_handle()])
    box = tab.locator(".sheet canvas").bounding_box()
    assert box is not None
    corners = ((0.25, 0.25), (0.75, 0.25), (0.45, 0.85))
    for _ in range(strokes):
        tab.get_by_role("button", name="Clear", exact=True).click()
        tab.wait_for_timeout(400)
        for corner, (x, y) in enumerate(corners):
            if corner == 0:
                tab.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
                tab.mouse.down()
                before = (x, y)
                continue
            for part in range(1, 16):
                u, v = (a + (b - a) * part / 15 for a, b in zip(before, (x, y), strict=True))
                tab.mouse.move(box["x"] + u * box["width"], box["y"] + v * box["height"])
                tab.wait_for_timeout(16)
            before = (x, y)
        tab.mouse.up()
        tab.wait_for_timeout(600)
    spent: list[float] = tab.evaluate("window.spent")
    return spent


def open_views(tab: Page, run: Run) -> dict[str, tuple[float, float]]:
    """Milliseconds from the click on a tab to its picture, the first time and the second."""
    tab.goto(f"/draw?run={run.id}&tab=As Python")
    tab.locator(".run[data-answer='7']").first.wait_for()
    spent: dict[str, tuple[float, float]] = {}
    for view, content in VIEWS.items():
        times = []
        for _ in range(2):
            tab.get_by_role("tab", name="As Python", exact=True).click()
            tab.get_by_test_id("stCode").first.wait_for()
            tab.wait_for_timeout(500)
            began = time.perf_counter()
            tab.get_by_role("tab", name=view).click()
            tab.locator(content).first.wait_for()
            times.append(1000 * (time.perf_counter() - began))
        spent[view] = (times[0], times[1])
    return spent


def slide(tab: Page) -> list[float]:
    """Milliseconds from each move of the slider that fools to the painted frame."""
    tab.get_by_role("tab", name="Fool it").click()
    spent: list[float] = tab.locator(".walk input").evaluate(SLIDE)
    return spent


def accuracy(run: Run, pictures: Bytes) -> float:
    """Share of the test digits that a run reads right, after some change to all of them."""
    digits = load("mnist")
    model = insight.on_pixels(run.model(), digits)
    with torch.no_grad():
        outputs = [model(torch.from_numpy(part) / 255) for part in np.array_split(pictures, 20)]
    return float((torch.cat(outputs).argmax(dim=1) == digits.test_labels).float().mean())


def smooth(pixels: Bytes) -> Bytes:
    """The digit enlarged by bicubic interpolation."""
    return np.asarray(Image.fromarray(pixels).resize((280, 280), Image.Resampling.BICUBIC))


def pen(pixels: Bytes) -> Bytes:
    """The digit as a pen draws it: black or white."""
    return np.where(smooth(pixels) > 127, 255, 0).astype(np.uint8)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description="Stroke to probabilities on the page Draw.")
    parser.add_argument("--strokes", type=int, default=12)
    parser.add_argument("--wait", action="store_true", help="begin when nobody else computes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MLCORE_STORE"] = f"sqlite:///{folder}/runs.db"
        names = dict.fromkeys(name for _, pair in CASES for name in pair)
        runs = {name: mlcore.run(MNISTConfig.presets[name], progress=False) for name in names}
        if options.wait:
            wait_until_idle()
        with dashboard_tab(Path(folder)) as (tab, server):
            for name, (one, other) in CASES:
                for tool in ("As Python", "Pixels"):
                    before = sum(server.cpu_times()[:2])
                    began = time.perf_counter()
                    spent = draw_sevens(tab, (runs[one], runs[other]), tool, options.strokes)
                    busy = (sum(server.cpu_times()[:2]) - before) / (time.perf_counter() - began)
                    show(f"{name}, open view: {tool}", spent, busy)
            for name in CASES[0][1][:1] + CASES[1][1][:1]:
                for view, (once, again) in open_views(tab, runs[name]).items():
                    print(f"{f'{name}: view {view} opens':46} {once:6.0f} ms, again {again:.0f} ms")
            show("slider that fools, to the painted frame", slide(tab))
        images = load("mnist").test_images.numpy()
        cnn = runs["99 % CNN"]
        print(f"{'accuracy of the CNN on the test set':46} {accuracy(cnn, images):.4f}")
        ways: dict[str, Callable[[Bytes], Bytes]] = {
            "as squares": enlarged,
            "smooth": smooth,
            "as a pen draws": pen,
        }
        for way, render in ways.items():
            began = time.perf_counter()
            prepared = np.stack([prepare(render(pixels)) for pixels in images])
            spent_ms = 1000 * (time.perf_counter() - began) / len(images)
            same = (prepared == images).all(axis=(1, 2)).mean()
            print(
                f"{f'… drawn on 280×280 {way}':46} {accuracy(cnn, prepared):.4f}, unchanged "
                f"{same:.2%}, {spent_ms:.2f} ms a digit"
            )


def show(name: str, spent: list[float], busy: float | None = None) -> None:
    """One line: median, 95th percentile, n, the server's CPU."""
    high = sorted(spent)[int(0.95 * (len(spent) - 1))]
    print(
        f"{name:46} median {statistics.median(spent):6.1f} ms, p95 {high:6.1f} ms, "
        f"n={len(spent)}" + ("" if busy is None else f", server {busy:.0%} of a core"),
        flush=True,
    )


if __name__ == "__main__":
    main()
