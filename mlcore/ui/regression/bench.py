"""A problem with everything drawn of it that does not depend on the rate: fit, window, surface."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st
import torch
from torch import Tensor

from mlcore.regression import Dataset, Fit, Problem, RegressionConfig, problem_of, solve
from mlcore.ui.regression.numbers import finite

GRID = 41
"""Points along each side of the grid of heights."""
Window = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Bench:
    """A problem with its fit, window and surface.

    Attributes:
        problem: Data, model and loss.
        fit: Its least-squares fit.
        window: Part of the plane (w, b) to show: lowest w, highest w, lowest b, highest b.
        values: The loss at GRID × GRID points of it, row by row from the lowest b; None where it
            is beyond float64.
        lowest: The smallest of them.
        slots: Which parameters the plane's two axes are; None for the b of a line without one.
    """

    problem: Problem
    fit: Fit
    window: Window
    values: list[float | None]
    lowest: float
    slots: tuple[int, int | None]


def bench(config: RegressionConfig, data: Dataset) -> Bench:
    """The bench of a config on these points, cached while only the rate changes.

    Raises:
        DataError: (a ValueError) if the points cannot be used.
    """
    free = ["lr", "optimizer", "momentum", "steps", "batch_size"]
    if not config.validation_share:  # else the seed says which points are held out
        free.append("seed")
    kept = config.replace(
        **{name: RegressionConfig.model_fields[name].default for name in free},
        data="hours_scores",
        x_column="",
        y_column="",
    )
    return _bench(kept.to_json(), data)


@st.cache_resource(
    max_entries=32, show_spinner=False, hash_funcs={Dataset: lambda data: data.checksum()}
)
def _bench(config: str, data: Dataset) -> Bench:
    settings = RegressionConfig.from_json(config)
    problem = problem_of(settings, data)
    fit = solve(problem)
    plane = problem
    if "b" not in problem.names:  # the plane is that of the line, cut by the model at b = 0
        plane = problem_of(settings.replace(model="line"), data)
    line = solve(plane)
    window = _window(line.w, line.b, settings.start_w, settings.start_b)
    theta = _plane(torch.tensor(line.theta, dtype=torch.float64), window)
    heights = plane.losses(theta)
    last = len(problem.names) - 1
    slots = (0, last if "b" in problem.names else None)
    return Bench(problem, fit, window, finite(heights), float(heights.min()), slots)


def _window(w: float, b: float, start_w: float, start_b: float) -> Window:
    """A window around the fit that also holds (0, 0) and the start."""
    half_w = max(1.6 * abs(w), 1.15 * abs(start_w - w), 0.1)
    half_b = max(1.6 * abs(b), 1.15 * abs(start_b - b), 0.1)
    return w - half_w, w + half_w, b - half_b, b + half_b


def _plane(theta: Tensor, window: Window) -> Tensor:
    """Parameters at each grid point, shape (d, GRID²); all but the first and last as in the fit."""
    left, right, bottom, top = window
    grid = theta[:, None].repeat(1, GRID * GRID)
    grid[0] = torch.linspace(left, right, GRID, dtype=torch.float64).repeat(GRID)
    grid[-1] = torch.linspace(bottom, top, GRID, dtype=torch.float64).repeat_interleave(GRID)
    return grid
