"""The tabs on activation functions: values and slopes, chains of layers, dead units."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import pandas as pd
import streamlit as st

from mlcore.charts.signals import chain_spec, function_spec, units_spec
from mlcore.course.activations import State
from mlcore.layers import Activated, activate, chain, unit_activity
from mlcore.layers.activations import FORMULAS
from mlcore.layers.differences import worst
from mlcore.layers.names import ACTIVATION_TITLES, Activation
from mlcore.mnist.config import MNISTConfig
from mlcore.ui import page, tasks
from mlcore.ui.common import elements, numbers, sample_digits
from mlcore.ui.layers.function_lines import COLOURS, DASHES, chain_labels, function_labels

if TYPE_CHECKING:
    import torch

_FLOOR: Final = 1e-12
_JUST_ABOVE_0: Final = 1e-9
"""A point beside 0, so that a slope that jumps there is drawn as a step."""


def show_functions() -> None:
    """Draw the tab *Functions*."""
    import torch

    controls, picture = page.columns()
    with controls:
        names = _chosen(("sigmoid", "relu", "gelu"))
        x = st.slider("x", -6.0, 6.0, -1.0, 0.1, key="x", bind="query-params")
    with picture:
        if not names:
            st.info("Choose at least one function.")
            return
        grid = torch.linspace(-6, 6, 97, dtype=torch.float64)
        grid = torch.cat([grid, torch.tensor([_JUST_ABOVE_0], dtype=torch.float64)]).sort().values
        curves = {name: activate(name, grid) for name in names}
        rows = pd.concat(
            [
                pd.DataFrame(
                    {
                        "kind": "curve",
                        "tip": torch.arange(len(grid)).remainder(4).eq(0).numpy(),
                        "x": grid.numpy(),
                        "name": ACTIVATION_TITLES[name],
                        "value": curve.value.numpy(),
                        "slope": curve.slope.numpy(),
                        "colour": COLOURS[name],
                    }
                )
                for name, curve in curves.items()
            ]
        )
        at = {name: activate(name, torch.tensor([x], dtype=torch.float64)) for name in names}
        ends = {
            name: (float(curve.value[-1]), float(curve.slope[-1])) for name, curve in curves.items()
        }
        labels = function_labels(ends, float(grid[-1]))
        marks = (_marks(name, x, point) for name, point in at.items())
        rows = pd.concat([rows, *marks, labels])
        elements.chart(function_spec("value", DASHES, page.ink()), rows, key="act.functions")
        elements.chart(function_spec("slope", DASHES, page.ink()), rows, key="act.slopes")
        told = numbers.plain_number(x)
        elements.table(
            {
                "Function": [f"**{ACTIVATION_TITLES[name]}**" for name in names],
                "f": [f"${FORMULAS[name][0]}$" for name in names],
                f"f({told})": [numbers.power(float(at[name].value), 4) for name in names],
                "f′": [f"${FORMULAS[name][1]}$" for name in names],
                f"f′({told})": [numbers.power(float(at[name].slope), 4) for name in names],
            }
        )
        kinked = [ACTIVATION_TITLES[name] for name in names if name in ("relu", "leaky_relu")]
        if x == 0 and kinked:
            st.caption(
                f"At 0 {' and '.join(kinked)} {'has' if len(kinked) == 1 else 'have'} a kink and "
                "no derivative; PyTorch uses the slope on the left."
            )
        gap = worst(curve.max_difference for curve in curves.values())
        elements.agreement(gap, f"Values and slopes at {len(grid)} points each")
    page.as_code(
        "import torch\nfrom mlcore.layers import activate\n\n"
        f'result = activate("{names[0]}", torch.tensor([{x}], dtype=torch.float64))\n'
        "print(result.value, result.slope, result.max_difference)",
        key="act.functions.code",
    )
    tasks.look("activations", State(points=at))


def show_chain() -> None:
    """Draw the tab *Chain*."""
    import torch

    controls, picture = page.columns()
    with controls:
        names = _chosen(("sigmoid", "tanh", "relu", "gelu"))
        with elements.compact():
            depth = st.slider("Layers", 1, 50, 20, key="layers", bind="query-params")
            weight = st.slider("Weight w", 0.1, 3.0, 1.0, 0.05, key="weight", bind="query-params")
            start = st.slider("Input", -3.0, 3.0, 0.5, 0.1, key="input", bind="query-params")
    with picture:
        if not names:
            st.info("Choose at least one function.")
            return
        x = torch.tensor([start], dtype=torch.float64)
        chains = {name: chain(name, x, depth, weight) for name in names}
        rows = pd.concat(
            [
                pd.DataFrame(
                    {
                        "kind": "point",
                        "layer": range(1, depth + 1),
                        "exact": result.gradients[:-1, 0].numpy(),
                        "gradient": result.gradients[:-1, 0].abs().clamp(min=_FLOOR).numpy(),
                        "name": ACTIVATION_TITLES[name],
                        "colour": COLOURS[name],
                    }
                )
                for name, result in chains.items()
            ]
        )
        clamped = any(bool((r.gradients[:-1].abs() < _FLOOR).any()) for r in chains.values())
        drawn = rows["gradient"]
        starts = {
            name: max(abs(float(result.gradients[0, 0])), _FLOOR) for name, result in chains.items()
        }
        labels = chain_labels(starts, float(drawn.min()), float(drawn.max()))
        spec = chain_spec(depth, DASHES, page.ink(), clamped=clamped)
        with st.container(key="picture-act-chain"):
            elements.chart(spec, pd.concat([rows, labels]), key="act.chain")
        st.latex(
            r"\begin{aligned}a_{k+1}&=f(w\,a_k),\quad "
            rf"n={depth},\; w={weight:g}\\ "
            r"\frac{\partial a_n}{\partial a_0}&=\prod_{k=0}^{n-1} w\,f'(w\,a_k)\end{aligned}"
        )
        elements.table(
            {
                "Function": [ACTIVATION_TITLES[name] for name in names],
                "Output": [numbers.power(float(r.values[-1, 0]), 4) for r in chains.values()],
                "Gradient, autograd": [
                    numbers.power(float(r.gradients[0, 0]), 4) for r in chains.values()
                ],
                "Product of slopes": [
                    numbers.power(float(r.gradients_by_hand[0, 0]), 4) for r in chains.values()
                ],
            }
        )
        size = max(float(r.gradients.abs().max()) for r in chains.values())
        gap = worst(r.max_difference for r in chains.values())
        elements.agreement(gap, "Gradients at every layer", size)
    page.as_code(
        "import torch\nfrom mlcore.layers import chain\n\n"
        f'result = chain("{names[0]}", torch.tensor([{start}], dtype=torch.float64), {depth}, '
        f"{weight})\nprint(result.gradients[0], result.gradients_by_hand[0])",
        key="act.chain.code",
    )
    tasks.look("activations", State(chains=chains))


def show_units() -> None:
    """Draw the tab *Dead units*."""
    controls, picture = page.columns()
    with controls:
        with elements.compact():
            shift = st.slider(
                "Bias of every unit",
                -8.0,
                8.0,
                -1.0,
                0.25,
                help="Added to all pre-activations.",
                key="shift",
                bind="query-params",
            )
            scale = st.slider(
                "Weights multiplied by", 0.25, 10.0, 1.0, 0.25, key="scale", bind="query-params"
            )
        tolerance = st.select_slider(
            "Slopes below this count as 0",
            [1e-6, 1e-4, 1e-3, 1e-2, 0.1],
            value=1e-3,
            format_func=numbers.power,
            key="tolerance",
            bind="query-params",
        )
    z = _preactivations() * scale + shift
    with picture:
        states = {name: unit_activity(name, z, tolerance) for name in ACTIVATION_TITLES}
        rows = pd.DataFrame(
            {
                "name": ACTIVATION_TITLES[name],
                "share": share,
                "what": what,
            }
            for name, state in states.items()
            for what, share in (
                ("dead for every digit", state.dead_units),
                ("flat for a digit", state.flat_cells),
            )
        )
        with st.container(key="picture-act-units"):
            elements.chart(units_spec(), rows, key="act.units")
        st.markdown(
            f"**{z.shape[1]} units, {z.shape[0]} test digits.** The pre-activations have mean "
            f"{numbers.power(float(z.mean()))} and standard deviation "
            f"{numbers.power(float(z.std(correction=0)))}."
        )
        elements.table(
            {
                "Function": list(ACTIVATION_TITLES.values()),
                "Dead units": [f"{s.dead_units:.1%}" for s in states.values()],
                "Flat (digit, unit) pairs": [f"{s.flat_cells:.1%}" for s in states.values()],
                "Mean |slope|": [f"{s.mean_slope:.3f}" for s in states.values()],
            }
        )
        page.prose("activation_units")
    page.as_code(
        "import mlcore\nfrom mlcore.layers import unit_activity\n\n"
        "digits = mlcore.mnist.load()\n"
        "images = (digits.test_images[:400].double() / 255 - digits.mean) / digits.std\n"
        "layer = mlcore.MNISTConfig().build_model().get_submodule('hidden1')\n"
        f"z = layer(images.flatten(1).float()).detach().double() * {scale} + {shift}\n"
        f'print(unit_activity("relu", z, {tolerance}))',
        key="act.units.code",
    )
    tasks.look("activations", State(units=states))


def _chosen(default: tuple[Activation, ...]) -> list[Activation]:
    names: list[Activation] = list(ACTIVATION_TITLES)
    with st.container(horizontal=True, key="act.names"):
        return [
            name
            for name in names
            if st.checkbox(
                ACTIVATION_TITLES[name], value=name in default, key=name, bind="query-params"
            )
        ]


def _marks(name: Activation, x: float, point: Activated) -> pd.DataFrame:
    """The point at x and the ends of a tangent there."""
    value, slope = float(point.value), float(point.slope)
    half = 1.5 / math.hypot(1.0, slope)  # equally long for every slope
    shared = {"name": ACTIVATION_TITLES[name], "colour": COLOURS[name], "slope": slope}
    tangent = [
        {"kind": "tangent", "x": x + side, "value": value + side * slope, **shared}
        for side in (-half, half)
    ]
    return pd.DataFrame([{"kind": "now", "x": x, "value": value, **shared}, *tangent])


@st.cache_resource(max_entries=1, show_spinner=False)
def _preactivations() -> torch.Tensor:
    """Pre-activations of the first hidden layer of an untrained network, ``[400, 256]``."""
    import torch

    images, _ = sample_digits.digits(400)
    model = MNISTConfig().build_model()
    with torch.no_grad():
        z: torch.Tensor = model.get_submodule("hidden1")(images.flatten(1).float()).double()
    return z
