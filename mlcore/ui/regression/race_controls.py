"""The controls of the race: surface, optimizers, rates and start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import streamlit as st

from mlcore.ui import page
from mlcore.ui.common import tabs
from mlcore.ui.regression import racing

STEPS = (50, 100, 200, 500, 1000, 2000, 5000)
TUNED, SAME, OWN = "each tuned", "same for all", "my own"
_WORDS: Final = {
    TUNED: "Each optimizer races at the best of 200 rates for this start and number of steps: the "
    "one with the fewest gradient calls to a minimum.",
    SAME: "One rate for all. It has a different effect on each: Adam moves by about η a step, "
    "however small the gradient is; gradient descent by η times the gradient.",
    OWN: "Type a rate for each optimizer.",
}
_SHARED: Final = tuple(float(f"{d}e{e}") for e in range(-5, 1) for d in (1, 2, 5))
_MOMENTA: Final = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """The chosen race."""

    place: racing.Ground
    start: tuple[float, float]
    rates: tuple[tuple[str, float], ...]
    steps: int
    momentum: float


def race_controls() -> Entry | None:
    """Draw the controls; None while no optimizer is chosen."""
    key = st.selectbox(
        "Surface",
        list(racing.SURFACES),
        format_func=racing.SURFACES.__getitem__,
        key="race.surface",
        bind="query-params",
    )
    condition, standardize = 100.0, False
    if key == "quadratic":
        condition = float(
            st.select_slider(
                "Condition number κ",
                [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10_000],
                value=100,
                key="race.condition",
                bind="query-params",
                help="How many times steeper the surface is along y than along x.",
            )
        )
    if key == "regression":
        standardize = st.toggle("Standardize x", key="race.standardize", bind="query-params")
    place = racing.ground(key, condition, standardize)
    st.caption(f"$f = {place.surface.formula}$")
    names = st.pills(
        "Optimizers",
        list(racing.RACERS),
        selection_mode="multi",
        default=racing.STARTERS,
        wrap=True,
        key="race.optimizers",
        bind="query-params",
        help="Rprop and L-BFGS are the optimizers of torch.optim; L-BFGS makes several gradient "
        "calls per step.",
    )
    if not names:
        page.error("Choose at least one optimizer.")
        return None
    left, right = st.columns(2)
    steps = int(
        left.select_slider("Steps", STEPS, value=500, key="race.steps", bind="query-params")
    )
    momentum = 0.9
    if any(name in racing.MOMENTUM for name in names):
        momentum = float(
            right.select_slider(
                "Momentum μ",
                _MOMENTA,
                value=0.9,
                key="race.momentum",
                bind="query-params",
                help="The share of the last step that momentum and Nesterov add to the next one. "
                "At 0 both are gradient descent.",
            )
        )
    start = _start(place)
    rates = _rates(place, start, names, steps, momentum)
    if not rates:
        page.error("Give at least one of the chosen optimizers a learning rate above 0.")
        return None
    return Entry(place, start, rates, steps, momentum)


def restart(place: racing.Ground, at: list[float]) -> None:
    """Set the start of the race; call it in a callback."""
    for axis, value in zip(("x", "y"), at, strict=True):
        st.session_state[f"race.{place.key}.{axis}"] = float(value)


def _start(place: racing.Ground) -> tuple[float, float]:
    chosen = []
    for column, axis, name, value in zip(
        st.columns(2), ("x", "y"), place.surface.axes, place.surface.start, strict=True
    ):
        chosen.append(
            column.number_input(
                f"Start {name}",
                value=value,
                min_value=-1e6,
                max_value=1e6,
                format="%.4g",
                step=0.1,
                key=f"race.{place.key}.{axis}",
                bind="query-params",
            )
        )
    return float(chosen[0]), float(chosen[1])


def _rates(
    place: racing.Ground, start: tuple[float, float], names: list[str], steps: int, momentum: float
) -> tuple[tuple[str, float], ...]:
    chosen = [name for name in racing.RACERS if name in names]
    how = tabs.picked(
        st.segmented_control(
            "Learning rates",
            (TUNED, SAME, OWN),
            default=TUNED,
            required=True,
            key="race.rates",
            bind="query-params",
        ),
        TUNED,
    )
    st.caption(_WORDS[how])
    if how == SAME:
        rate = st.select_slider(
            "Learning rate η of all",
            sorted({*_SHARED, racing.common_rate(place)}),
            value=racing.common_rate(place),
            format_func=lambda value: f"{value:g}",
            key=f"race.{place.key}.same",
            bind="query-params",
        )
        return tuple((name, float(rate)) for name in chosen)
    if how == OWN:
        return _own_rates(place, chosen, momentum)
    if fixed := [name for name in chosen if racing.RACERS[name].startswith("torch")]:
        st.caption(
            f"{' and '.join(fixed)} {'run' if len(fixed) > 1 else 'runs'} as torch.optim has "
            f"{'them' if len(fixed) > 1 else 'it'} and {'keep' if len(fixed) > 1 else 'keeps'} the "
            "usual rate."
        )
    return racing.tuned_rates(place, start, chosen, steps, momentum)


def _own_rates(
    place: racing.Ground, names: list[str], momentum: float
) -> tuple[tuple[str, float], ...]:
    rates = []
    columns = st.columns(2)
    for i, name in enumerate(names):
        rate = columns[i % 2].number_input(
            name,
            value=racing.default_rate(name, place, momentum),
            min_value=0.0,
            max_value=1e3,
            format="%.3g",
            step=0.001,
            key=f"race.{place.key}.{racing.RACERS[name].rpartition('.')[2]}",
            bind="query-params",
        )
        if rate > 0:
            rates.append((name, float(rate)))
    return tuple(rates)
