"""The left third of the race: surface, who starts, at which rate, from where."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from mlcore.ui import page
from mlcore.ui.regression import racing

STEPS = (50, 100, 200, 500, 1000, 2000, 5000)


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """What was chosen."""

    place: racing.Ground
    start: tuple[float, float]
    rates: tuple[tuple[str, float], ...]
    steps: int


def race_controls() -> Entry | None:
    """Draw the controls; None while nobody starts."""
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
        help="Rprop and L-BFGS are torch.optim’s own; L-BFGS asks for several gradients a step.",
    )
    steps = st.select_slider("Steps", STEPS, value=500, key="race.steps", bind="query-params")
    start = _start(place)
    rates = _rates(place, names)
    if not rates:
        page.error("Nobody starts: choose at least one optimizer with a rate above 0.")
        return None
    return Entry(place, start, rates, int(steps))


def restart(place: racing.Ground, at: list[float]) -> None:
    """Start from here from now on; call it in a callback."""
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


def _rates(place: racing.Ground, names: list[str]) -> tuple[tuple[str, float], ...]:
    rates = []
    with st.expander("Learning rates", key="race.rates"):
        columns = st.columns(2)
        for i, name in enumerate(n for n in racing.RACERS if n in names):
            rate = columns[i % 2].number_input(
                name,
                value=racing.default_rate(name, place),
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
