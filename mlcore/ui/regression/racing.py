"""The optimizer race: runs it, and prepares the data that the browser draws."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st
import torch

from mlcore.charts import palette
from mlcore.regression import (
    RULE_NAMES,
    Dataset,
    Problem,
    Race,
    Racer,
    Rule,
    Surface,
    Tuned,
    hours_scores,
    judge,
    race,
    regression_surface,
    surface,
    tune,
)
from mlcore.regression.modes import LINEAR, Modes
from mlcore.ui.regression.numbers import finite, finite_rows
from mlcore.ui.regression.views import colours, frames_of, plots_component

SURFACES = {
    "himmelblau": "Himmelblau",
    "rosenbrock": "Rosenbrock",
    "beale": "Beale",
    "saddle": "Saddle",
    "quadratic": "Quadratic",
    "regression": "Your regression",
}
MOMENTUM = ("momentum", "Nesterov")
"""The optimizers with momentum μ."""
RACERS = {
    "gradient descent": "gradient_descent",
    "momentum": "momentum",
    "Nesterov": "nesterov",
    "Adagrad": "adagrad",
    "RMSprop": "rmsprop",
    "Adam": "adam",
    "Rprop": "torch.optim.Rprop",
    "L-BFGS": "torch.optim.LBFGS",
}
"""Name on the page → our rule, or the class of torch.optim that runs in its place."""
HUES = dict(zip(RACERS, (*palette.RUN_COLOURS, palette.THEORY), strict=True))
STARTERS = ["gradient descent", "momentum", "Nesterov", "Adagrad", "RMSprop", "Adam"]
_RATES: Mapping[str, tuple[float, ...]] = {
    "himmelblau": (0.01, 0.005, 0.002, 0.5, 0.02, 0.1, 0.01, 1.0),
    "rosenbrock": (0.002, 0.002, 0.001, 0.5, 0.01, 1.0, 0.01, 1.0),
    "beale": (0.02, 0.005, 0.005, 1.0, 0.02, 0.2, 0.01, 1.0),
    "saddle": (0.05, 0.02, 0.05, 0.5, 0.01, 0.1, 0.01, 1.0),
    "quadratic": (0.0, 0.0, 0.0, 0.5, 0.02, 0.1, 0.01, 1.0),
    "regression": (0.0, 0.0, 0.0, 1.0, 0.05, 2.0, 0.05, 1.0),
}
_MU = Rule().momentum
_LBFGS = functools.partial(  # one line search a step, each of its gradient calls counted
    torch.optim.LBFGS,
    max_iter=1,
    max_eval=25,
    line_search_fn="strong_wolfe",
    tolerance_grad=1e-12,
    tolerance_change=1e-14,
)


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """A surface to race on.

    Attributes:
        key: Its key in ``SURFACES``.
        surface: The surface.
        steepest: The largest curvature, where it is the same everywhere; else None.
        code: Python that makes the argument ``surface`` of ``race``.
    """

    key: str
    surface: Surface
    steepest: float | None
    code: str


def ground(key: str, condition: float, standardize: bool) -> Ground:
    """The surface chosen; *your regression* is that of the points on the regression page."""
    if key == "quadratic":
        code = f'"quadratic", condition={condition:g}'
        return Ground(key, surface("quadratic", condition), condition, code)
    if key == "regression":
        data: Dataset = st.session_state.get("regression.points") or hours_scores()
        problem = Problem.of(data.x, data.y, standardize=standardize)
        steepest = float(judge(problem).eigenvalues[-1])
        code = f"regression.regression_surface(regression.Problem.of(x, y, {standardize=}))"
        return Ground(key, regression_surface(problem), steepest, code)
    return Ground(key, surface(key), None, f'"{key}"')  # type: ignore[arg-type]  # a SurfaceName


def default_rate(name: str, place: Ground, momentum: float) -> float:
    """A default rate: 90 % of the stable border where there is one, else tried beforehand."""
    rule = _rule(name, momentum)
    if place.steepest is not None and rule is not None and rule.name in LINEAR:
        return float(f"{0.9 * Modes(rule).divergent / place.steepest:.3g}")
    return _RATES[place.key][list(RACERS).index(name)]


def common_rate(place: Ground) -> float:
    """One rate for all: half of what the steepest direction allows gradient descent."""
    return 0.001 if place.steepest is None else float(f"{1 / place.steepest:.1g}")


def tuned_rates(
    place: Ground, start: tuple[float, float], names: Sequence[str], steps: int, momentum: float
) -> tuple[tuple[str, float], ...]:
    """Each optimizer's best rate of 200, by one search; torch.optim's optimizers keep theirs."""
    rules = {name: rule for name in names if (rule := _rule(name, momentum)) is not None}
    found = _tune(place, start, tuple(rules.values()), steps)
    best = dict(zip(rules, (float(f"{t.rate:.4g}") for t in found), strict=True))
    return tuple((name, best.get(name) or default_rate(name, place, momentum)) for name in names)


def _rule(name: str, momentum: float) -> Rule | None:
    """The rule of that name; None where torch.optim's optimizer runs."""
    known = {rule: rule for rule in RULE_NAMES}
    key = known.get(RACERS[name])  # type: ignore[call-overload]  # any text may be asked for
    return None if key is None else Rule(key, momentum=momentum)


def _named(place: Ground) -> str:
    """A key that tells surfaces apart; formula and window identify the data's as well."""
    minima = [(m.x, m.y) for m in place.surface.minima]
    return f"{place.key} {place.surface.formula} {place.surface.window} {minima} {place.steepest}"


@st.cache_resource(
    max_entries=64, show_spinner="Trying 200 rates for each…", hash_funcs={Ground: _named}
)
def _tune(
    place: Ground, start: tuple[float, float], rules: tuple[Rule, ...], steps: int
) -> tuple[Tuned, ...]:
    return tune(place.surface, start, rules, steps) if rules else ()


@st.cache_resource(max_entries=64, show_spinner=False, hash_funcs={Ground: _named})
def run(
    place: Ground,
    start: tuple[float, float],
    rates: tuple[tuple[str, float], ...],
    steps: int,
    momentum: float,
) -> Race:
    """Run the race; cached between reruns."""
    entered = {name: entry(name, rate, momentum) for name, rate in rates}
    return race(place.surface, start, entered, steps)


def entry(name: str, rate: float, momentum: float) -> Any:
    """The ``race`` argument for an optimizer of that name."""
    rule = _rule(name, momentum)
    if rule is not None:
        return Racer(rule, rate)
    if RACERS[name] == "torch.optim.Rprop":
        return functools.partial(torch.optim.Rprop, lr=rate)
    return functools.partial(_LBFGS, lr=rate)


def scene(shown: Race) -> dict[str, Any]:
    """The data that the browser draws, as JSON values."""
    steps = len(shown.points) - 1
    frames = frames_of(steps)
    at = torch.tensor(frames)
    heights = shown.surface.grid()
    lowest = min(
        [float(heights.min()), *(_value(shown.surface, m.x, m.y) for m in shown.surface.minima)]
    )
    return {
        "title": f"{shown.surface.name}: click to choose another start",
        "axes": list(shown.surface.axes),
        "frames": frames,
        "start": shown.points[0, :, 0].tolist(),
        "racers": [
            {
                "name": name,
                "colour": HUES[name],
                "points": [row or [None, None] for row in finite_rows(shown.points[at, :, k])],
                "values": finite(shown.values[at, k]),
            }
            for k, name in enumerate(shown.names)
        ],
        "minima": [{"x": m.x, "y": m.y, "name": m.name} for m in shown.surface.minima],
        "surface": {
            "window": list(shown.surface.window),
            "values": finite(heights.flatten()),
            "size": heights.shape[0],
            "low": lowest,
        },
        "colours": colours(),
    }


def race_view(scene: dict[str, Any], *, key: str, on_start: Callable[[], None]) -> Any:
    """Mount the race; the result's ``start`` is [x, y] where the surface was clicked."""
    return plots_component("mlcore.race_view", "race")(
        key=key, data=scene, on_start_change=on_start
    )


def results(shown: Race, rates: Mapping[str, float]) -> pd.DataFrame:
    """One row an optimizer, ranked: fewest gradient calls to a minimum first, then the lowest f."""
    ranked = sorted(shown.results, key=lambda r: (r.calls is None, r.calls or 0, r.value, r.name))
    arrived = [r.calls for r in ranked if r.calls is not None]
    return pd.DataFrame(
        {
            "rank": [
                f"{arrived.index(r.calls) + 1}" if r.calls is not None else "–" for r in ranked
            ],
            "optimizer": [r.name for r in ranked],
            "learning rate η": [f"{rates[r.name]:.4g}" for r in ranked],
            "minimum reached": [r.minimum or "none" for r in ranked],
            "gradient calls to reach it": [
                f"{r.calls:,}" if r.calls is not None else f"not in {r.gradient_calls:,}"
                for r in ranked
            ],
            "gradient calls in all": [r.gradient_calls for r in ranked],
            "f at the end": [
                f"{r.value:.4g}" if math.isfinite(r.value) else "overflowed" for r in ranked
            ],
        }
    )


def progress(shown: Race) -> pd.DataFrame:
    """F above its lowest minimum against gradient calls, for ``race_chart``."""
    floor = min(_value(shown.surface, m.x, m.y) for m in shown.surface.minima)
    at = torch.tensor(frames_of(len(shown.points) - 1))
    parts = []
    for k, name in enumerate(shown.names):
        excess = (shown.values[at, k] - floor).clamp(min=1e-12)
        part = pd.DataFrame({"calls": shown.calls[at, k].numpy(), "excess": excess.numpy()})
        parts.append(part[part["excess"] < 1e12].assign(optimizer=name))
    return pd.concat(parts)


def script(
    place: Ground,
    start: tuple[float, float],
    rates: tuple[tuple[str, float], ...],
    steps: int,
    momentum: float,
) -> str:
    """Python code that runs exactly this race."""
    lines = ["import functools", "import torch", "from mlcore import regression", ""]
    if place.key == "regression":
        lines += ["data = regression.hours_scores()  # or your own points", "x, y = data.x, data.y"]
    lines.append("optimizers = {")
    for name, rate in rates:
        rule = RACERS[name]
        if rule == "torch.optim.LBFGS":
            made = (
                f"functools.partial(\n        torch.optim.LBFGS, lr={rate:g}, max_iter=1, "
                'max_eval=25,\n        line_search_fn="strong_wolfe", tolerance_grad=1e-12, '
                "tolerance_change=1e-14,\n    )"
            )
        elif rule.startswith("torch"):
            made = f"functools.partial({rule}, lr={rate:g})"
        else:
            more = f", momentum={momentum:g}" if name in MOMENTUM and momentum != _MU else ""
            made = f'regression.Racer(regression.Rule("{rule}"{more}), {rate:g})'
        lines.append(f'    "{name}": {made},')
    lines += [
        "}",
        "race = regression.race(",
        f"    {place.code}, start={start}, optimizers=optimizers, steps={steps}",
        ")",
        'print(*race.results, sep="\\n")',
    ]
    return "\n".join(lines)


def _value(place: Surface, x: float, y: float) -> float:
    return float(place.value(torch.tensor([[x], [y]], dtype=torch.float64)))
