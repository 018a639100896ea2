"""The tab *Tensor*: a grid of cells; hover one to see which cells share its statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from mlcore.charts import palette
from mlcore.course.normalization import State
from mlcore.layers import Normalized, normalize, normalize_backward
from mlcore.layers.names import NORM_TITLES
from mlcore.ui import page, tasks
from mlcore.ui.common import elements, numbers, torch_errors, torch_threads
from mlcore.ui.common.assets import asset
from mlcore.ui.common.component import component
from mlcore.ui.layers.norm_settings import (
    NormSettings,
    TensorSettings,
    norm_and_tensor_controls,
)

if TYPE_CHECKING:
    import torch

CHOSEN = "norm.cell"


def show() -> None:
    """Draw the tab."""
    controls, picture = page.columns()
    with controls:
        norm, tensor = norm_and_tensor_controls()
    with picture, torch_errors.refusals():
        result = run(norm, tensor)
        axes = ", ".join(result.axes)
        title = NORM_TITLES[norm.kind]
        if norm.kind == "rms":
            st.markdown(
                f"**{title}** averages x² over **{axes}** and subtracts no mean: hover a cell to "
                "see which cells share its mean square."
            )
        else:
            st.markdown(
                f"**{title}** averages over **{axes}**: hover a cell to see which cells share its "
                "mean and variance."
            )
        _grid_and_arithmetic(result, norm)
        tasks.look("normalization", State(result))
    _code(norm, tensor)


def run(norm: NormSettings, tensor: TensorSettings) -> Normalized:
    """Apply the chosen norm to the chosen tensor.

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
@torch_threads.one_thread()
def _grid_and_arithmetic(result: Normalized, norm: NormSettings) -> None:
    chosen = min(int(st.session_state.get(CHOSEN, 0)), result.input.numel() - 1)
    mount = component(
        "mlcore.tensor_grid",
        html=asset("layers/tensor.html"),
        css=asset("common/cells.css"),
        js=asset("common/cells.js") + asset("layers/tensor.js"),
    )
    mount(key="norm.tensor", data=_scene(result, norm, chosen), on_cell_change=_choose)
    st.latex(_arithmetic(result, norm, chosen))
    elements.agreement(
        result.max_difference,
        numbers.every(result.input.numel(), "cell"),
        float(result.output.abs().max()),
    )
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
    elements.agreement(
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
        "x": numbers.rounded(result.input),
        "y": numbers.rounded(result.output),
        "cells": result.cells.flatten().tolist(),
        "mean": None if result.mean is None else numbers.rounded(result.mean),
        "square": numbers.rounded(_square(result)),
        "divisor": numbers.rounded(result.divisor),
        "origin": " (running statistics of a new module)" if running else "",
        "chosen": chosen,
        "colours": {"diverging": list(palette.DIVERGING)},
    }


def _square(result: Normalized) -> torch.Tensor:
    """The quantity ε is added to: the variance, or RMSNorm's mean square."""
    square = result.mean_square if result.variance is None else result.variance
    if square is None:
        raise TypeError("A norm has a variance or a mean square.")
    return square


def _arithmetic(result: Normalized, norm: NormSettings, chosen: int) -> str:
    """The formula of one cell with its numbers, beside the module's output."""
    number = int(result.cells.flatten()[chosen])
    x = float(result.input.flatten()[chosen])
    hand = float(result.by_hand.flatten()[chosen])
    module = float(result.output.flatten()[chosen])
    root = rf"\sqrt{{{numbers.latex(float(_square(result)[number]))}+{numbers.latex(result.eps)}}}"
    top = numbers.latex(x)
    if result.mean is not None:
        top += f"-{numbers.bracketed(float(result.mean[number]))}"
    value = rf"\frac{{{top}}}{{{root}}}"
    letters = {
        "rms": r"\frac{x}{\sqrt{\overline{x^2}+\varepsilon}}",
    }.get(norm.kind, r"\frac{x-\mu}{\sqrt{\sigma^2+\varepsilon}}")
    if norm.affine:
        value = rf"{numbers.bracketed(norm.gamma)}\cdot {value}"
        letters = rf"\gamma\,{letters}"
        if norm.kind != "rms":
            value += rf"+{numbers.bracketed(norm.beta)}"
            letters += r"+\beta"
    gap = abs(hand - module)
    return (
        rf"\begin{{aligned}} \rule{{0pt}}{{2em}}y&={letters}\\[0.6em] &={value}\\[0.6em]"
        rf" &={numbers.latex(hand, 6)}\\ "
        rf"\texttt{{{type(result.module).__name__}}}&={numbers.latex(module, 6)}\\ "
        rf"|\Delta|&={numbers.latex(gap, 2)} \end{{aligned}}"
    )


def _code(norm: NormSettings, tensor: TensorSettings) -> None:
    options = [f"groups={norm.groups}"] if norm.kind == "group" else []
    options += [f"eps={norm.eps:g}"] if norm.eps != 1e-5 else []
    options += [f"weight={norm.gamma}, bias={norm.beta}"] if norm.affine else ["affine=False"]
    options += [] if norm.training else ["training=False"]
    told = "result.mean_square" if norm.kind == "rms" else "result.mean, result.variance"
    page.as_code(
        "import mlcore\nimport torch\nfrom mlcore.layers import normalize\n"
        "from torch.nn import functional\n\n"
        f"{tensor.code()}"
        f'result = normalize("{norm.kind}", x, {", ".join(options)})\n'
        f"print({told}, result.divisor, result.max_difference)",
        key="norm.code",
    )
