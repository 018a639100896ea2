"""The tab *Shapes*: the shapes of each layer's output, recorded by forward hooks."""

import pandas as pd
import streamlit as st

from mlcore.ui import form, page
from mlcore.ui.mnist.selection import FORM, MNISTConfig


def show() -> None:
    """Draw the tab."""
    controls, picture = page.columns()
    with controls:
        config = form.config_form(
            MNISTConfig,
            key=FORM,
            open_groups=("Network", "Schedule"),
            only=("Network", "batch_size"),
        )
        page.prose("mnist_shapes")
    if config is None:
        return
    with picture, page.sentences():
        layers, parameters = _ledger(config.to_json())
        st.markdown("**The output of each layer for one batch**")
        st.dataframe(
            layers,
            hide_index=True,
            key="mnist.shapes.ledger",
            column_config={
                "Parameters": st.column_config.NumberColumn(format="localized", width=80),
                "FLOPs": st.column_config.NumberColumn(format="compact", width=60),
                "Layer": st.column_config.TextColumn(width=140),
                "Shapes": st.column_config.TextColumn(width=230),
            },
        )
        _proof(layers, parameters, config.batch_size)
        page.as_code(_script(config), key="mnist.shapes.code")


def _proof(layers: pd.DataFrame, parameters: int, batch: int) -> None:
    ledger, flops = int(layers["Parameters"].sum()), int(layers["FLOPs"].sum())
    left, middle, right = st.columns(3)
    left.metric("Parameters", f"{ledger:,}")
    middle.metric("FLOPs per batch, forward", f"{flops / 1e6:,.1f} M")
    right.metric("FLOPs per image, forward", f"{flops / batch / 1e6:,.2f} M")
    st.caption(
        f"Parameters summed over the rows: {ledger:,}; counted by PyTorch over the whole network: "
        f"{parameters:,}. {'They agree.' if ledger == parameters else 'They differ!'}"
    )


@st.cache_data(max_entries=64, show_spinner="Building the network…")
def _ledger(config_json: str) -> tuple[pd.DataFrame, int]:
    import torch

    from mlcore.mnist import ledger

    config = MNISTConfig.from_json(config_json)
    network = config.build_model()
    rows = ledger(network, torch.zeros(config.batch_size, 28, 28))
    table = pd.DataFrame(
        {
            "Layer": [f"{row.kind} ({row.name})" for row in rows],
            "Shapes": [row.equation for row in rows],
            "Parameters": [row.parameters for row in rows],
            "FLOPs": [row.flops for row in rows],
        }
    )
    return table, sum(parameter.numel() for parameter in network.parameters())


def _script(config: MNISTConfig) -> str:
    return (
        "import mlcore, torch\n"
        "from mlcore.mnist import ledger\n\n"
        f"config = {config.as_python(call='')[1:-1]}\n"
        f"for layer in ledger(config.build_model(), torch.zeros({config.batch_size}, 28, 28)):\n"
        "    print(layer.kind, layer.equation, layer.parameters, layer.flops)"
    )
