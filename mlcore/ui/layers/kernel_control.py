"""The controls of the kernel: a preset, one of a trained network, or typed numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import streamlit as st

from mlcore.mnist.config import MNISTConfig
from mlcore.runs import Status, open_store, submit
from mlcore.ui import live_data, page
from mlcore.ui.common import clicks, elements
from mlcore.ui.common.assets import asset
from mlcore.ui.common.component import component
from mlcore.ui.common.polling import poll
from mlcore.ui.layers import kernels

if TYPE_CHECKING:
    import torch

OWN: Final = "kernel"
"""The URL parameter of the user's kernel."""
_PRESET: Final = "preset"
_SIZE: Final = "size"
_GRID: Final = "conv.kernel"
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
"""A network that trains in some seconds, and whose kernels respond to strokes."""


def kernel_control() -> torch.Tensor:
    """Choose and edit a kernel, float64 ``[k, k]``."""
    with elements.compact():
        name = st.selectbox("Kernel", kernels.PRESETS, key=_PRESET, bind="query-params")
        if name == "my own":
            kernel = _own()
            st.session_state[_SIZE] = len(kernel)
        if name != "trained":
            size = st.slider(
                "Kernel size",
                1,
                kernels.LARGEST_SIZE,
                3,
                key=_SIZE,
                bind="query-params",
                on_change=_resize,
            )
    if name == "trained":
        kernel = _trained()
    elif name != "my own":
        kernel = kernels.preset(name, size)
    _grid(kernel)
    return kernel


def _own() -> torch.Tensor:
    """The kernel in the URL; the identity, and a sentence, if it holds none."""
    text = st.query_params.get(OWN, "")
    kernel = kernels.from_text(text)
    if kernel is not None:
        return kernel
    if text:
        page.error(
            f"kernel={page.one_line(text, 40)} in the URL is not a kernel: it must be 1 to "
            f"{kernels.LARGEST_SIZE} rows, separated by semicolons, with as many numbers each, "
            f"from −{kernels.LARGEST_WEIGHT:.0f} to {kernels.LARGEST_WEIGHT:.0f}, such as 0,1;2,0. "
            "The identity is used."
        )
    return kernels.preset("identity", 3)


def _resize() -> None:
    """Resize the user's kernel: zeros are added around it, or its edges cut off."""
    if st.session_state[_PRESET] != "my own":
        return
    kernel = kernels.from_text(st.query_params.get(OWN, ""))
    if kernel is None:
        kernel = kernels.preset("identity", 3)
    st.query_params[OWN] = kernels.to_text(kernels.resized(kernel, st.session_state[_SIZE]))


def _grid(kernel: torch.Tensor) -> None:
    """The kernel's numbers in fields; a changed one makes the kernel *my own*."""
    mount = component(
        "mlcore.kernel_grid",
        html=asset("layers/kernel_grid.html"),
        css=asset("layers/kernel_grid.css"),
        js=asset("common/cells.js") + asset("layers/kernel_grid.js"),
    )

    mount(
        key=_GRID,
        data={"values": kernel.tolist(), "most": kernels.LARGEST_WEIGHT},
        on_edit_change=_take_over,
    )


def _take_over() -> None:
    """Make the grid's kernel one's own; all of it, as edits in quick succession are merged."""
    import torch

    rows = st.session_state[_GRID].edit
    if rows is None:
        return
    text = kernels.to_text(torch.tensor(rows, dtype=torch.float64))
    if kernels.from_text(text) is not None:
        st.query_params[OWN] = text
        st.session_state[_PRESET] = "my own"


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
            number = (
                st.slider("Its kernel", 0, len(weight) - 1, 0, key="channel", bind="query-params")
                if len(weight) > 1
                else 0
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

    def progress() -> bool:
        run = moving[0].refresh()
        st.progress(run.progress, text=f"Training `{run.id}` …")
        return not run.status.moving

    if moving:
        poll(progress, key="conv.training", moving=True)
    else:
        st.info(
            "No convolutional network has been trained yet. Until then the kernel is the identity."
        )
        st.button(
            "Train a small one",
            icon=":material/play_arrow:",
            key="conv.train",
            on_click=clicks.act,
            args=(submit, _SMALL),
        )
        clicks.show_refusal()


@st.cache_resource(max_entries=32, show_spinner=False)
def _first_weight(url: str, run_id: str) -> torch.Tensor:
    import torch

    model = open_store(url).get(run_id).model()
    first = next(layer for layer in model.modules() if isinstance(layer, torch.nn.Conv2d))
    return first.weight.detach().double()
