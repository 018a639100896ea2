"""The tabs on activations: functions and slopes, chains of layers, dead units."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd
import streamlit as st

from mlcore.charts import palette
from mlcore.charts.signals import chain_spec, function_spec, units_spec
from mlcore.layers import Activated, activate, chain, unit_activity
from mlcore.layers.activations import FORMULAS
from mlcore.layers.names import ACTIVATION_TITLES, Activation
from mlcore.mnist.config import MNISTConfig
from mlcore.ui import page
from mlcore.ui.common import parts

if TYPE_CHECKING:
    import torch

_HUES: Final = (*palette.RUN_COLOURS, palette.GOOD)
COLOURS: Final[dict[Activation, str]] = dict(zip(ACTIVATION_TITLES, _HUES, strict=False))
_FLOOR: Final = 1e-12


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
        rows = pd.concat([rows, *(_marks(name, x, point) for name, point in at.items())])
        parts.chart(function_spec("value"), rows, key="act.functions")
        parts.chart(function_spec("slope"), rows, key="act.slopes")
        _legend(names)
        parts.table(
            {
                "Function": [f"**{ACTIVATION_TITLES[name]}**" for name in names],
                "f": [f"${FORMULAS[name][0]}$" for name in names],
                f"f({x:g})": [parts.power(float(at[name].value), 4) for name in names],
                "f′": [f"${FORMULAS[name][1]}$" for name in names],
                f"f′({x:g})": [parts.power(float(at[name].slope), 4) for name in names],
            }
        )
        gap = max(curve.max_difference for curve in curves.values())
        parts.agreement(gap, f"Values and slopes at {len(grid)} points each")
    page.as_code(
        "import torch\nfrom mlcore.layers import activate\n\n"
        f'result = activate("{names[0]}", torch.tensor([{x}], dtype=torch.float64))\n'
        "print(result.value, result.slope, result.max_difference)",
        key="act.functions.code",
    )


def show_chain() -> None:
    """Draw the tab *Chain*."""
    import torch

    controls, picture = page.columns()
    with controls:
        names = _chosen(("sigmoid", "tanh", "relu", "gelu"))
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
        parts.chart(chain_spec(), rows, key="act.chain")
        _legend(names)
        st.latex(
            r"a_{k+1}=f(w\,a_k),\qquad \frac{\partial a_n}{\partial a_0}=\prod_{k=0}^{n-1}"
            rf" w\,f'(w\,a_k),\qquad n={depth},\; w={weight:g}"
        )
        parts.table(
            {
                "Function": [ACTIVATION_TITLES[name] for name in names],
                "Output": [parts.power(float(r.values[-1, 0]), 4) for r in chains.values()],
                "Gradient, autograd": [
                    parts.power(float(r.gradients[0, 0]), 4) for r in chains.values()
                ],
                "Product of slopes": [
                    parts.power(float(r.gradients_by_hand[0, 0]), 4) for r in chains.values()
                ],
            }
        )
        size = max(float(r.gradients.abs().max()) for r in chains.values())
        gap = max(r.max_difference for r in chains.values())
        parts.agreement(gap, "Gradients at every layer", size)
    page.as_code(
        "import torch\nfrom mlcore.layers import chain\n\n"
        f'result = chain("{names[0]}", torch.tensor([{start}], dtype=torch.float64), {depth}, '
        f"{weight})\nprint(result.gradients[0], result.gradients_by_hand[0])",
        key="act.chain.code",
    )


def show_units() -> None:
    """Draw the tab *Dead units*."""
    controls, picture = page.columns()
    with controls:
        shift = st.slider(
            "Bias of every unit",
            -8.0,
            8.0,
            -1.5,
            0.25,
            help="Added to all pre-activations.",
            key="shift",
            bind="query-params",
        )
        scale = st.slider("Weights times", 0.25, 10.0, 1.0, 0.25, key="scale", bind="query-params")
        tolerance = st.select_slider(
            "A slope counts as none below",
            [1e-6, 1e-4, 1e-3, 1e-2, 0.1],
            value=1e-3,
            format_func=parts.power,
            key="tolerance",
            bind="query-params",
        )
        page.prose("activation_units")
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
        parts.chart(units_spec(), rows, key="act.units")
        st.markdown(
            f"**{z.shape[1]} real units, {z.shape[0]} test digits.** Pre-activations have mean "
            f"{float(z.mean()):.2f} and standard deviation {float(z.std(correction=0)):.2f}."
        )
        parts.table(
            {
                "Function": list(ACTIVATION_TITLES.values()),
                "Dead units": [f"{s.dead_units:.1%}" for s in states.values()],
                "Flat (digit, unit) pairs": [f"{s.flat_cells:.1%}" for s in states.values()],
                "Mean slope": [f"{s.mean_slope:.3f}" for s in states.values()],
            }
        )
    page.as_code(
        "import mlcore\nfrom mlcore.layers import unit_activity\n\n"
        "digits = mlcore.mnist.load()\n"
        "images = (digits.test_images[:400].double() / 255 - digits.mean) / digits.std\n"
        "layer = mlcore.MNISTConfig().build_model().get_submodule('hidden1')\n"
        f"z = layer(images.flatten(1).float()).detach().double() * {scale} + {shift}\n"
        f'print(unit_activity("relu", z, {tolerance}))',
        key="act.units.code",
    )


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
    value, slope, half = float(point.value), float(point.slope), 1.2
    shared = {"name": ACTIVATION_TITLES[name], "colour": COLOURS[name], "slope": slope}
    tangent = [
        {"kind": "tangent", "x": x + side, "value": value + side * slope, **shared}
        for side in (-half, half)
    ]
    return pd.DataFrame([{"kind": "now", "x": x, "value": value, **shared}, *tangent])


def _legend(names: list[Activation]) -> None:
    parts.legend({ACTIVATION_TITLES[name]: COLOURS[name] for name in names})


@st.cache_resource(max_entries=1, show_spinner=False)
def _preactivations() -> torch.Tensor:
    """What the first hidden layer of the course's network gives for real digits, ``[400, 256]``."""
    import torch

    images, _ = parts.digits(400)
    model = MNISTConfig().build_model()
    with torch.no_grad():
        z: torch.Tensor = model.get_submodule("hidden1")(images.flatten(1).float()).double()
    return z
