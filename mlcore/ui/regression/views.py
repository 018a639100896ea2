"""The four linked views: the data with which the browser draws a descent step by step."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from mlcore.charts import palette
from mlcore.regression import Dataset, Path, RegressionConfig, Verdict
from mlcore.ui.common.assets import asset
from mlcore.ui.common.component import component
from mlcore.ui.regression.bench import GRID, Bench
from mlcore.ui.regression.numbers import finite, finite_rows

MOST_FRAMES = 200
"""Moments of a descent the slider can stop at; early steps are all among them."""
MOST_POINTS = 1000
"""Points drawn; of more, evenly spaced ones are shown."""


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """A descent to draw: its label, its colour and its path."""

    label: str
    colour: str
    path: Path


def frames_of(steps: int, most: int = MOST_FRAMES) -> list[int]:
    """Steps to draw: all of them, or the first half of ``most`` and then wider and wider apart."""
    if steps < most:
        return list(range(steps + 1))
    near = most // 2
    ratio = (steps / near) ** (1 / near)
    return sorted({*range(near), *(round(near * ratio**i) for i in range(near)), steps})


def scene(
    bench: Bench,
    data: Dataset,
    config: RegressionConfig,
    shown: Sequence[Shown],
    verdict: Verdict,
    focus: int = 0,
    *,
    editable: bool = True,
) -> dict[str, Any]:
    """All the data for the browser, as JSON values; non-finite numbers become None."""
    problem, fit = bench.problem, bench.fit
    frames = frames_of(config.steps)
    at = torch.tensor(frames)
    order = torch.linspace(0, len(data) - 1, min(len(data), MOST_POINTS)).round().long()
    squared = problem.loss == "squared"
    start = float(shown[0].path.loss[0])
    lowest = min(_lowest(s.path.loss) for s in shown)
    if squared:
        lowest = min(lowest, fit.loss)
    highest = max(float(s.path.loss[s.path.loss.isfinite()].max()) for s in shown)
    low = max(0.85 * lowest, 1e-12 * start, 1e-300)
    series = []
    for s in shown:
        theta = s.path.theta[at]
        slope = problem.gradients(theta.T)[0] if theta.isfinite().all() else _slopes(bench, theta)
        closed = verdict.predicted_curve(float(s.path.lr), config.steps)
        series.append(
            {
                "label": s.label,
                "colour": s.colour,
                "lr": float(s.path.lr),
                "theta": finite_rows(theta),
                "loss": finite(s.path.loss[at]),
                "slope": finite(slope),
                "theory": None if closed is None else finite(closed[at]),
            }
        )
    low_x, high_x = float(data.x.min()), float(data.x.max())
    low_y, high_y = float(data.y.min()), float(data.y.max())
    return {
        "frames": frames,
        "series": series,
        "focus": focus,
        "theory": verdict.exact,
        "names": list(problem.names),
        "intercept": "b" in problem.names,
        "scaling": [problem.scaling.mean, problem.scaling.deviation],
        "points": {
            "x": finite(data.x[order]),
            "y": finite(data.y[order]),
            "index": order.tolist(),
            "editable": editable,
        },
        "fit": {"theta": list(fit.theta), "loss": fit.loss, "comparable": squared},
        "surface": {
            "window": list(bench.window),
            "values": bench.values,
            "size": GRID,
            "low": bench.lowest,
            "slots": list(bench.slots),
            "clickable": config.model != "polynomial",
        },
        "slice": {
            "window": _slice_window(bench, start),
            "curvature": _curvature(bench) if squared else None,
            "range": [0.0, 1.5 * max(start, 2.5 * bench.fit.loss if squared else 0.0)],
            "loss": config.loss,
            "delta": config.delta,
        },
        "domain": {
            "x": _padded(low_x, high_x),
            "y": _padded(low_y, high_y),
            "loss": [low, max(2 * start, min(2 * highest, 30 * start), 4 * low)],
        },
        "labels": {
            "x": data.x_name,
            "y": data.y_name,
            "w": _axis("w" if problem.names[0] == "w" else "w1", config),
            "b": "b" if config.model != "polynomial" else "b (other coefficients at their best)",
            "loss": f"{_LOSS_NAMES[config.loss]} loss",
        },
        "colours": colours(),
    }


def descent_views(
    scene: dict[str, Any],
    *,
    key: str,
    on_start: Callable[[], None],
    on_edit: Callable[[], None],
) -> Any:
    """Mount the views.

    Args:
        scene: As ``scene`` makes it.
        key: Unique on the page.
        on_start: Called when the surface is clicked; the result's ``start`` is then [w, b].
        on_edit: Called when the data are; ``edit`` is {"add": [x, y]} or {"remove": index}.
    """
    return plots_component("mlcore.descent_views", "views")(
        key=key, data=scene, on_start_change=on_start, on_edit_change=on_edit
    )


@functools.cache
def plots_component(name: str, files: str) -> Callable[..., Any]:
    """The component of ``<files>.html`` and ``<files>.js``, registered once per process."""
    return component(
        name,
        html=asset(f"regression/{files}.html"),
        css=asset("regression/style.css"),
        js=asset("regression/plots.js") + asset(f"regression/{files}.js"),
    )


def colours() -> dict[str, Any]:
    """The palette's colours by their meaning, for the browser."""
    return {
        "value": palette.VALUE,
        "gradient": palette.GRADIENT,
        "theory": palette.THEORY,
        "dash": list(palette.THEORY_DASH),
    }


_LOSS_NAMES = {"squared": "squared", "absolute": "absolute", "huber": "Huber"}


def _axis(name: str, config: RegressionConfig) -> str:
    return f"{name} (x standardized)" if config.standardize else name


def _curvature(bench: Bench) -> float:
    """∂²loss/∂w², constant for the squared loss: 2/n times the sum of squares of w's feature."""
    column = bench.problem.reduced.rows[:, 0]
    return 2 * float(column @ column) / bench.problem.points


def _slice_window(bench: Bench, start: float) -> list[float]:
    """A window in which the parabola fills its panel; fixed while the path moves."""
    left, right = bench.window[:2]
    half = (right - left) / 2
    if bench.problem.loss == "squared" and (curvature := _curvature(bench)) > 0:
        half = max(half, math.sqrt(1.8 * max(start, 2.5 * bench.fit.loss) / curvature))
    middle = (left + right) / 2
    return [middle - half, middle + half]


def _slopes(bench: Bench, theta: Tensor) -> Tensor:
    """Slopes along w of a path that overflows: infinite parameters give no number."""
    return bench.problem.gradients(theta.T)[0].nan_to_num(nan=math.inf)


def _lowest(loss: Tensor) -> float:
    return float(loss[loss.isfinite()].min())


def _padded(low: float, high: float) -> list[float]:
    margin = 0.06 * (high - low) or max(1.0, 0.1 * abs(high))
    return [low - margin, high + margin]
