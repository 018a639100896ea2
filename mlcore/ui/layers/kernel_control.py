"""The kernel of the page on convolution: a preset, a trained one, or one's own numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd
import streamlit as st

from mlcore.mnist.config import MNISTConfig
from mlcore.runs import Status, open_store, submit
from mlcore.ui import live_data, page
from mlcore.ui.common import parts
from mlcore.ui.layers import kernels

if TYPE_CHECKING:
    import torch

OWN: Final = "kernel"
_SMALL: Final = MNISTConfig(
    model="cnn",
    channels=(8, 8),
    kernels=(5, 3),
    dense=32,
    loss="cross_entropy",
    optimizer="adam",
    lr=0.005,
    batch_size=64,
    train_size=4000,
    epochs=1,
)
"""A network whose kernels show strokes after some seconds of training."""


def kernel_control() -> torch.Tensor:
    """Choose and edit a kernel, float64 ``[k, k]``."""
    name = st.selectbox("Kernel", kernels.PRESETS, key="preset", bind="query-params")
    if name == "trained":
        return _trained()
    if name == "my own":
        kernel = kernels.from_text(st.query_params.get(OWN, ""))
        if kernel is None:
            kernel = kernels.preset("identity", 3)
    else:
        size = st.slider("Kernel size", 1, 7, 3, key="size", bind="query-params")
        kernel = kernels.preset(name, size)
    _editor(kernel, name)
    return kernel


def _editor(kernel: torch.Tensor, name: str) -> None:
    """A grid of numbers; a changed one makes the kernel *my own*."""
    size = len(kernel)
    version = int(st.session_state.get("conv.version", 0))
    key = f"conv.editor.{name}.{size}.{version}"
    columns = [str(k) for k in range(size)]
    frame = pd.DataFrame(kernel.tolist(), columns=columns).round(4)

    def take_over() -> None:
        changed = kernel.clone()
        for row, cells in st.session_state[key]["edited_rows"].items():
            for column, value in cells.items():
                changed[int(row), int(column)] = 0.0 if value is None else float(value)
        st.query_params[OWN] = kernels.to_text(changed)
        st.session_state["preset"] = "my own"
        st.session_state["conv.version"] = version + 1

    st.data_editor(
        frame,
        hide_index=True,
        key=key,
        on_change=take_over,
        row_height=30,
        column_config={
            name: st.column_config.NumberColumn(label=" ", width=44, format="%.3g")
            for name in columns
        },
    )
    st.caption("Double-click a number to change it.")


def _trained() -> torch.Tensor:
    """A kernel of the first convolution of a finished run."""
    with page.sentences():
        live_data.tend_runs()
        runs = [
            run
            for run in open_store().list(
                experiment=MNISTConfig.experiment, status=Status.FINISHED, limit=200
            )
            if run.config_fields.get("model") == "cnn"
        ]
        if runs:
            by_id = {run.id: run for run in runs}
            chosen = st.selectbox("Run", list(by_id), key="run", bind="query-params")
            weight = _first_weight(open_store().url, chosen)
            number = st.slider(
                "Its kernel", 0, len(weight) - 1, 0, key="channel", bind="query-params"
            )
            return weight[number, 0]
        _wait_for_one()
    return kernels.preset("identity", 5)


def _wait_for_one() -> None:
    moving = [
        run
        for run in open_store().list(experiment=MNISTConfig.experiment, limit=50)
        if run.status.moving and run.config_fields.get("model") == "cnn"
    ]

    @st.fragment(run_every=0.5 if moving else None, key="conv.training")
    def progress() -> None:
        live_data.tend_runs()
        run = moving[0].refresh()
        st.progress(run.progress, text=f"Training `{run.id}` …")
        if not run.status.moving:
            st.rerun()

    if moving:
        progress()
    else:
        st.info("No convolutional run is finished yet. Until then the kernel is the identity.")
        st.button(
            "Train a small one",
            icon=":material/play_arrow:",
            key="conv.train",
            on_click=parts.acting(lambda: submit(_SMALL)),
        )
        parts.show_refused()


@st.cache_resource(max_entries=32, show_spinner=False)
def _first_weight(url: str, run_id: str) -> torch.Tensor:
    import torch

    model = open_store(url).get(run_id).model()
    first = next(layer for layer in model.modules() if isinstance(layer, torch.nn.Conv2d))
    return first.weight.detach().double()
