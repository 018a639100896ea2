"""The tabs on initialization: activations and gradients before training, and training itself."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import pandas as pd
import streamlit as st

from mlcore.charts import palette
from mlcore.charts.line_labels import apart
from mlcore.charts.signals import PLOT_HEIGHTS, layer_histogram_spec, signal_spec
from mlcore.course.initialization import State
from mlcore.layers.differences import worst
from mlcore.layers.initialization import propagate
from mlcore.layers.names import ACTIVATION_TITLES, SCHEME_TITLES, Scheme
from mlcore.mnist.config import MNISTConfig
from mlcore.ui import page, tasks
from mlcore.ui.common import elements, sample_digits, tabs
from mlcore.ui.layers.race import Entrant, race
from mlcore.ui.layers.signal_verdict import conclusion
from mlcore.ui.layers.spread import histogram, reach, sideways

if TYPE_CHECKING:
    from mlcore.layers import Propagated

Trainable = Literal["relu", "leaky_relu", "gelu", "silu", "tanh", "sigmoid"]
_ACTIVATIONS: Final[tuple[Trainable, ...]] = (
    "relu",
    "leaky_relu",
    "gelu",
    "silu",
    "tanh",
    "sigmoid",
)
COLOURS: Final[dict[Scheme, str]] = dict(zip(SCHEME_TITLES, palette.RUN_COLOURS, strict=True))
_FLOOR: Final = 1e-12
_IMAGES: Final = 128
_MOST_HISTOGRAMS: Final = 10
_LABEL_PIXELS: Final = 14


@dataclass(frozen=True, slots=True)
class _Network:
    depth: int
    width: int
    activation: Trainable
    schemes: tuple[Scheme, ...]
    scale: float
    seed: int


def show_signals() -> None:
    """Draw the tab *Signals*."""
    controls, picture = page.columns()
    with controls:
        network = _controls()
    with picture:
        if not network.schemes:
            st.info("Choose at least one scheme.")
            return
        results = {scheme: _propagated(network, scheme) for scheme in network.schemes}
        st.markdown(
            conclusion(
                {
                    SCHEME_TITLES[scheme]: (
                        result.activation_std,
                        # with equal weights what is measured is rounding error around 0
                        result.theory.gradient_std if result.theory.exact else result.gradient_std,
                    )
                    for scheme, result in results.items()
                },
                ACTIVATION_TITLES[network.activation],
            )
        )
        left, right = st.columns(2, gap="small")
        with left:
            _spread_chart(results, "activation", network.depth)
        with right:
            _spread_chart(results, "gradient", network.depth)
        _histograms(results)
        gap = worst(result.max_difference for result in results.values())
        elements.agreement(gap, "Activations and gradients of every layer, relative to their size")
    scheme = network.schemes[0]
    page.as_code(
        "from mlcore.layers import propagate\nfrom mlcore.mnist import load\n\n"
        "digits = load()\n"
        f"images = (digits.test_images[:{_IMAGES}].double() / 255 - digits.mean) / digits.std\n"
        f"result = propagate(images, digits.test_labels[:{_IMAGES}], depth={network.depth}, "
        f'width={network.width}, activation="{network.activation}", scheme="{scheme}", '
        f"scale={network.scale}, seed={network.seed})\n"
        "print(result.activation_std, result.theory.activation_std, result.gradient_std)",
        key="init.code",
    )
    tasks.look("initialization", State(results))


def show_training() -> None:
    """Draw the tab *Train them*."""
    controls, picture = page.columns()
    with controls:
        network = _controls()
        rate = st.select_slider(
            "Learning rate",
            [0.001, 0.01, 0.03, 0.1, 0.3, 1.0],
            value=0.1,
            key="lr",
            bind="query-params",
        )
        page.prose("initialization_race")
    with picture:
        if not network.schemes:
            st.info("Choose at least one scheme.")
            return
        entrants = [Entrant(SCHEME_TITLES[s], _config(network, s, rate)) for s in network.schemes]
        named = {SCHEME_TITLES[scheme]: colour for scheme, colour in COLOURS.items()}
        race(entrants, named, key="init.race")
    page.config_as_code(entrants[0].config, key="init.race.code")


def _config(network: _Network, scheme: Scheme, rate: float) -> MNISTConfig:
    config = MNISTConfig(
        hidden=(network.width,) * network.depth,
        activation=network.activation,
        initialization=scheme,
        loss="cross_entropy",
        lr=rate,
        momentum=0.0,
        batch_size=32,
        train_size=4000,
        epochs=1,
        seed=network.seed,
    )
    scaled = scheme in ("constant", "normal")
    return config.replace(init_scale=network.scale) if scaled else config


def _controls() -> _Network:
    with elements.compact():
        depth = st.slider("Hidden layers", 1, 30, 10, key="depth", bind="query-params")
        width = st.slider("Width", 8, 256, 64, 8, key="width", bind="query-params")
    activation = st.selectbox(
        "Activation",
        _ACTIVATIONS,
        format_func=lambda name: ACTIVATION_TITLES[name],
        key="activation",
        bind="query-params",
    )
    schemes: list[Scheme] = list(SCHEME_TITLES)
    with st.container(horizontal=True, key="init.schemes"):
        chosen = tuple(
            scheme
            for scheme in schemes
            if st.checkbox(
                SCHEME_TITLES[scheme],
                value=scheme in ("default", "normal", "xavier", "kaiming"),
                key=scheme,
                bind="query-params",
            )
        )
    with elements.compact():
        scale = st.select_slider(
            "Scale",
            [0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 1.0],
            value=0.03,
            help="σ of the scheme *Normal σ*, or the value of *Constant*.",
            key="scale",
            bind="query-params",
        )
        seed = page.whole_number("Seed", 0, 9999, 0, key="seed")
    return _Network(depth, width, activation, chosen, scale, seed)


def _propagated(network: _Network, scheme: Scheme) -> Propagated:
    scale = network.scale if scheme in ("constant", "normal") else 0.01
    return _cached(network.depth, network.width, network.activation, scheme, scale, network.seed)


@st.cache_resource(max_entries=64, show_spinner=False)
def _cached(
    depth: int, width: int, activation: Trainable, scheme: Scheme, scale: float, seed: int
) -> Propagated:
    images, labels = sample_digits.digits(_IMAGES)
    return propagate(
        images,
        labels,
        depth=depth,
        width=width,
        activation=activation,
        scheme=scheme,
        scale=scale,
        seed=seed,
    )


def _spread_chart(
    results: dict[Scheme, Propagated], what: Literal["activation", "gradient"], depth: int
) -> None:
    rows = _rows(results, what)
    clamped = bool((rows["std"] != rows["exact"]).any())
    ends = rows[(rows["way"] == "measured") & (rows["layer"] == depth)]
    low, high = math.log(rows["std"].min()), math.log(rows["std"].max())
    gap = _LABEL_PIXELS * max(high - low, 1.0) / PLOT_HEIGHTS["signal"]
    places = apart([math.log(v) for v in ends["std"]], gap, low, high)
    labels = ends.assign(
        way="label",
        std=[math.exp(place) for place in places],
        scheme=ends["scheme"].replace({SCHEME_TITLES["default"]: "default"}),
    )
    elements.chart(
        signal_spec(what, depth, page.ink(), clamped=clamped),
        pd.concat([rows, labels]),
        key=f"init.{what}",
    )


def _rows(
    results: dict[Scheme, Propagated], what: Literal["activation", "gradient"]
) -> pd.DataFrame:
    rows = []
    for scheme, result in results.items():
        if what == "activation":
            measured, theory = result.activation_std, result.theory.activation_std
        else:
            measured, theory = result.gradient_std, result.theory.gradient_std
        for way, values in (("measured", measured), ("theory", theory)):
            rows += [
                {
                    "layer": layer,
                    "std": min(max(value, _FLOOR), 1 / _FLOOR),
                    "exact": value,
                    "scheme": SCHEME_TITLES[scheme],
                    "way": way,
                    "colour": COLOURS[scheme],
                }
                for layer, value in enumerate(values, start=1)
            ]
    return pd.DataFrame(rows)


def _histograms(results: dict[Scheme, Propagated]) -> None:
    left, right = st.columns(2)
    scheme = left.selectbox(
        "Histograms of",
        list(results),
        index=len(results) - 1,
        format_func=SCHEME_TITLES.__getitem__,
        key="of",
        bind="query-params",
    )
    kinds: list[Literal["activations", "gradients"]] = ["activations", "gradients"]
    chosen = right.segmented_control(
        "Show", kinds, default="activations", required=True, key="what", bind="query-params"
    )
    what = tabs.picked(chosen, "activations")
    result = results[tabs.picked(scheme, list(results)[-1])]
    tensors = result.activations if what == "activations" else result.gradients
    depth = len(tensors)
    every = -(-depth // _MOST_HISTOGRAMS)
    shown = [layer for layer in range(1, depth + 1) if (layer - 1) % every == 0]
    low, high = reach([tensors[layer - 1] for layer in shown])
    rows = pd.concat(
        [
            sideways(histogram(tensors[layer - 1], low, high, 24), layer, 0.9 * every).assign(
                layer=layer
            )
            for layer in shown
        ]
    )
    rows = rows[rows["share"] > 0]
    colour = palette.VALUE if what == "activations" else palette.GRADIENT
    elements.chart(layer_histogram_spec(what, colour), rows, key=f"init.histograms.{what}")
