"""The tab *Tensor*: a grid of cells that light up with those they share a mean with."""

from __future__ import annotations

from typing import Any

import streamlit as st

from mlcore.charts import palette
from mlcore.layers import Normalized, normalize, normalize_backward
from mlcore.layers.names import NORM_TITLES
from mlcore.ui import page
from mlcore.ui.common import parts
from mlcore.ui.common.assets import asset
from mlcore.ui.layers.norm_settings import (
    NormSettings,
    TensorSettings,
    norm_controls,
    tensor_controls,
)

CHOSEN = "norm.cell"


def show() -> None:
    """Draw the tab."""
    controls, picture = page.columns()
    with controls:
        norm = norm_controls()
        tensor = tensor_controls()
    with picture, parts.refusals():
        result = run(norm, tensor)
        words = {"rms": "x² only: the mean stays"}.get(norm.kind, "")
        axes = ", ".join(result.axes)
        st.markdown(
            f"**{NORM_TITLES[norm.kind]}** averages over **{axes}**: point at a cell to see "
            f"its company. {words}"
        )
        _grid_and_arithmetic(result, norm)
    _code(norm, tensor)


def run(norm: NormSettings, tensor: TensorSettings) -> Normalized:
    """The norm of the settings on the tensor of the settings.

    Raises:
        ValueError: torch's own.
    """
    return normalize(
        norm.kind,
        tensor.tensor(),
        groups=norm.groups,
        eps=norm.eps,
        affine=norm.affine,
        weight=norm.gamma,
        bias=norm.beta,
        training=norm.training,
    )


@st.fragment(key="norm.grid")
@parts.one_thread()
def _grid_and_arithmetic(result: Normalized, norm: NormSettings) -> None:
    chosen = min(int(st.session_state.get(CHOSEN, 0)), result.input.numel() - 1)
    mount = st.components.v2.component(
        "mlcore.tensor_grid",
        html=asset("layers/tensor.html"),
        css=asset("common/cells.css"),
        js=asset("common/cells.js") + asset("layers/tensor.js"),
    )
    mount(key="norm.tensor", data=_scene(result, norm, chosen), on_cell_change=_choose)
    st.latex(_arithmetic(result, norm, chosen))
    shown = result.output.abs().nan_to_num().max()
    parts.agreement(result.max_difference, f"All {result.input.numel()} cells", float(shown))
    back = normalize_backward(
        norm.kind,
        result.input,
        result.output,
        groups=norm.groups,
        eps=norm.eps,
        affine=norm.affine,
        weight=norm.gamma,
        training=norm.training,
    )
    parts.agreement(
        back.max_difference, "Gradients of ½Σy²", max(1.0, float(back.input.abs().max()))
    )


def _choose() -> None:
    cell = st.session_state["norm.tensor"].cell
    if cell is not None:
        st.session_state[CHOSEN] = int(cell)


def _scene(result: Normalized, norm: NormSettings, chosen: int) -> dict[str, Any]:
    running = norm.kind == "batch" and not norm.training
    return {
        "shape": list(result.input.shape),
        "x": parts.rounded(result.input),
        "y": parts.rounded(result.output),
        "cells": result.cells.flatten().tolist(),
        "mean": parts.rounded(result.mean),
        "variance": parts.rounded(result.variance),
        "square": "mean of x²" if norm.kind == "rms" else "σ²",
        "origin": "(running statistics of a fresh module)" if running else "",
        "chosen": chosen,
        "colours": {"diverging": list(palette.DIVERGING)},
    }


def _arithmetic(result: Normalized, norm: NormSettings, chosen: int) -> str:
    """The formula of one cell with its numbers, beside what the module returned."""
    number = int(result.cells.flatten()[chosen])
    x = float(result.input.flatten()[chosen])
    hand = float(result.by_hand.flatten()[chosen])
    module = float(result.output.flatten()[chosen])
    mean, variance = float(result.mean[number]), float(result.variance[number])
    root = rf"\sqrt{{{parts.latex(variance)}+{parts.latex(result.eps)}}}"
    top = parts.latex(x) if norm.kind == "rms" else f"{parts.latex(x)}-{parts.bracketed(mean)}"
    value = rf"\frac{{{top}}}{{{root}}}"
    letters = {
        "rms": r"\frac{x}{\sqrt{\overline{x^2}+\varepsilon}}",
    }.get(norm.kind, r"\frac{x-\mu}{\sqrt{\sigma^2+\varepsilon}}")
    if norm.affine:
        value = rf"{parts.bracketed(norm.gamma)}\cdot {value}"
        letters = rf"\gamma\,{letters}"
        if norm.kind != "rms":
            value += rf"+{parts.bracketed(norm.beta)}"
            letters += r"+\beta"
    gap = abs(hand - module)
    return (
        rf"\begin{{aligned}} \rule{{0pt}}{{2em}}y&={letters}={value}\\ &={parts.latex(hand, 6)}\\"
        rf"\texttt{{{type(result.module).__name__}}}&={parts.latex(module, 6)},\quad "
        rf"|\Delta|={parts.latex(gap, 2)} \end{{aligned}}"
    )


def _code(norm: NormSettings, tensor: TensorSettings) -> None:
    options = [f"groups={norm.groups}"] if norm.kind == "group" else []
    options += [f"eps={norm.eps:g}"] if norm.eps != 1e-5 else []
    options += [f"weight={norm.gamma}, bias={norm.beta}"] if norm.affine else ["affine=False"]
    options += [] if norm.training else ["training=False"]
    page.as_code(
        "import mlcore\nimport torch\nfrom mlcore.layers import normalize\n"
        "from torch.nn import functional\n\n"
        f"{tensor.code()}"
        f'result = normalize("{norm.kind}", x, {", ".join(options)})\n'
        "print(result.axes, result.mean, result.variance, result.max_difference)",
        key="norm.code",
    )
