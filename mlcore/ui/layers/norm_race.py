"""The tab *What you gain*: one network trained without and with each norm."""

from __future__ import annotations

from typing import Final, Literal

import streamlit as st

from mlcore.charts import palette
from mlcore.layers.names import NORM_TITLES
from mlcore.mnist.config import MNISTConfig
from mlcore.ui import page
from mlcore.ui.common import tabs
from mlcore.ui.layers.race import Entrant, race

RATES: Final = (0.01, 0.1, 1.0, 3.0, 10.0)
BATCHES: Final = (8, 32, 128)
_NAMES: Final = {"none": "no norm", **{str(kind): title for kind, title in NORM_TITLES.items()}}
_COLOURS: Final = dict(zip(_NAMES.values(), palette.RUN_COLOURS, strict=False))


def show() -> None:
    """Draw the tab."""
    controls, picture = page.columns()
    with controls:
        network = st.segmented_control(
            "Network",
            ["mlp", "cnn"],
            default="mlp",
            required=True,
            format_func={"mlp": "Three dense layers", "cnn": "Convolutions"}.__getitem__,
            key="network",
            bind="query-params",
        )
        norms = ["none", "batch", "layer", "group", "rms"]
        norms += ["instance"] if network == "cnn" else []
        with st.container(horizontal=True, key="norm.race.norms"):
            chosen = [
                norm
                for norm in norms
                if st.checkbox(
                    _NAMES[norm],
                    value=norm not in ("group", "instance"),
                    key=f"with_{norm}",
                    bind="query-params",
                )
            ]
        rates = st.pills(
            "Learning rates",
            RATES,
            selection_mode="multi",
            default=[0.01, 0.1, 1.0, 3.0],
            format_func=lambda rate: f"{rate:g}",
            key="rates",
            bind="query-params",
        )
        batches = st.pills(
            "Batch sizes",
            BATCHES,
            selection_mode="multi",
            default=[32],
            key="batches",
            bind="query-params",
        )
        activations: list[Literal["relu", "tanh", "sigmoid"]] = ["relu", "tanh", "sigmoid"]
        activation = st.segmented_control(
            "Activation",
            activations,
            default="relu",
            required=True,
            key="activation",
            bind="query-params",
        )
        seed = page.whole_number("Seed", 0, 9999, 0, key="seed")
        page.prose("normalization_race")
    with picture:
        if not (chosen and rates and batches):
            st.info("Choose at least one norm, one learning rate and one batch size.")
            return
        base = MNISTConfig(
            model="cnn" if network == "cnn" else "mlp",
            hidden=(64, 64, 64),
            channels=(8, 8),
            kernels=(5, 3),
            dense=32,
            activation=tabs.picked(activation, "relu"),
            loss="cross_entropy",
            momentum=0.0,
            train_size=4000,
            epochs=1,
            seed=seed,
        )
        entrants = [
            Entrant(_NAMES[norm], base.replace(normalization=norm, lr=rate, batch_size=batch))
            for batch in sorted(batches)
            for norm in chosen
            for rate in sorted(rates)
        ]
        race(entrants, _COLOURS, key="norm.race")
    page.config_as_code(entrants[0].config, key="norm.race.code")
