"""The tab *Proof*: the same numbers from theory, from training and from NumPy."""

from __future__ import annotations

import math

import numpy as np
import streamlit as st
import torch
from numpy.typing import NDArray

from mlcore.regression import descend_on, rule_of
from mlcore.regression.closed_form import spread
from mlcore.ui.regression.panels import Scene

TOLERANCES = (0.1, 1e-2, 1e-3, 1e-4, 1e-6)
_MEASURED_MOST = 200_000


def proof(here: Scene) -> None:
    """Predicted against measured, eigenvalues and borders, closed form against NumPy."""
    _predicted(here)
    _curvature(here)


def _table(head: list[str], rows: list[list[str]]) -> None:
    lines = [head, ["---"] * len(head), *rows]
    st.markdown("\n".join("| " + " | ".join(line) + " |" for line in lines))


def _curvature(here: Scene) -> None:
    verdict, fit = here.verdict, here.bench.fit
    values = verdict.eigenvalues.tolist()
    rows = [
        ["λmax, curvature of the steepest direction", f"{values[-1]:.6g}"],
        ["λmin, curvature of the flattest direction", f"{values[0]:.6g}"],
        ["condition number κ = λmax/λmin", _condition(verdict.condition)],
        ["oscillates above η =", _number(verdict.oscillating)],
        ["largest stable rate", _number(verdict.divergent)],
        ["best rate in the long run", _number(verdict.best_rate)],
        [
            f"best rate for {here.config.steps:,} steps",
            _number(verdict.best_rate_for(here.config.steps)),
        ],
    ]
    if verdict.best_momentum is not None and here.config.loss == "squared":
        rate, momentum = verdict.best_momentum
        rows.append(["Polyak’s best momentum", f"η = {rate:.5g}, μ = {momentum:.5g}"])
    _table(["from the data alone", "value"], rows)
    off = float(np.max(np.abs(_numpy_fit(here) - np.array(fit.theta))))
    names = ", ".join(f"{n} = {v:.6g}" for n, v in zip(fit.names, fit.theta, strict=True))
    st.caption(f"Least squares: {names}, loss {fit.loss:.6g}. NumPy’s lstsq differs by {off:.1e}.")
    if verdict.note:
        st.caption(verdict.note)


def _numpy_fit(here: Scene) -> NDArray[np.float64]:
    """NumPy's least squares, on centred data if there is an intercept."""
    problem = here.bench.problem
    features, y = problem.features.numpy(), problem.y.numpy()
    if "b" not in problem.names or problem.centred is None or spread(problem.centred) is None:
        return np.asarray(np.linalg.lstsq(features, y, rcond=None)[0])
    means, level = features[:, :-1].mean(0), y.mean()
    slopes = np.linalg.lstsq(features[:, :-1] - means, y - level, rcond=None)[0]
    return np.append(slopes, level - means @ slopes)


def _condition(value: float) -> str:
    return f"{value:.6g}" if math.isfinite(value) else "infinite: one direction is flat"


def _number(value: float | None) -> str:
    return "not known" if value is None else f"{value:.6g}"


def _predicted(here: Scene) -> None:
    if not here.verdict.exact:
        st.info(here.verdict.note or "There is no closed form here.")
        return
    head = ["predicted before training, then measured"]
    rows = [[f"loss after {here.config.steps:,} steps"]]
    rows += [[f"steps until {tol:g} of the excess is left"] for tol in TOLERANCES]
    for shown in here.shown:
        lr, loss = float(shown.path.lr), shown.path.loss
        head += [f"{shown.label} η = {lr:.4g}", "measured"]
        closed = here.verdict.predicted_loss(lr, here.config.steps)
        predicted = [here.verdict.predicted_steps(lr, tol) for tol in TOLERANCES]
        rows[0] += [_shown(None if closed is None else float(closed)), _shown(float(loss[-1]))]
        measured = _measured(here, lr, predicted)
        for row, told, seen in zip(rows[1:], predicted, measured, strict=True):
            row += [_count(told), seen]
    _table(head, rows)
    st.caption(
        "Excess: the loss minus the least-squares loss, as a share of the excess at the start."
    )


def _measured(here: Scene, lr: float, predicted: list[float | None]) -> list[str]:
    """First step at which the path reaches each target; continues as far as that is cheap."""
    wanted = [int(p) for p in predicted if p is not None and p <= _MEASURED_MOST]
    steps = max([*wanted, here.config.steps])
    steps = min(int(1.05 * steps) + 2, 20_000)
    path = descend_on(
        here.bench.problem,
        lr=torch.tensor(lr, dtype=torch.float64),
        steps=steps,
        optimizer=rule_of(here.config),
        start=here.config.start(),
    )
    low, start = here.bench.fit.loss, float(path.loss[0])
    found = [path.steps_to(low + tol * (start - low))[0] for tol in TOLERANCES]
    return [f"{step:,}" if step is not None else f"not in {steps:,}" for step in found]


def _shown(value: float | None) -> str:
    if value is None:
        return "not known"
    return f"{value:.9g}" if math.isfinite(value) else "∞"


def _count(value: float | None) -> str:
    if value is None:
        return "not known"
    return f"{int(value):,}" if math.isfinite(value) else "never"
