"""The page on convolution: a window of the input, its products and sum, sizes and costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mlcore.charts import palette
from mlcore.layers import (
    Convolved,
    Pooled,
    convolve,
    convolve_backward,
    output_size,
    receptive_field,
    window_of,
)
from mlcore.layers.names import Pooling
from mlcore.ui import page
from mlcore.ui.common import elements, numbers, sample_digits, torch_threads
from mlcore.ui.common.assets import asset
from mlcore.ui.common.component import component
from mlcore.ui.layers.digit_strip import digit_control

if TYPE_CHECKING:
    import torch

_CHOSEN = "conv.cell"
_MOST_INPUTS = 4
_POOLED = {"max": "largest", "average": "mean"}


@dataclass(frozen=True, slots=True)
class Settings:
    """The page's settings: the digit, the layer's hyperparameters, and the pooling."""

    image: int
    inputs: int
    outputs: int
    stride: int
    padding: int
    dilation: int
    groups: int
    pooling: Pooling
    pool_size: int


def digits_of(settings: Settings) -> torch.Tensor:
    """The input: the chosen digits, float64 ``[1, C_in, 28, 28]``."""
    first = settings.image
    return sample_digits.pixels()[first : first + settings.inputs].unsqueeze(0)


def convolved(x: torch.Tensor, kernel: torch.Tensor, settings: Settings) -> Convolved:
    """The digits convolved with the kernel, by torch and window by window."""
    return convolve(
        x,
        weight_of(kernel, settings),
        stride=settings.stride,
        padding=settings.padding,
        dilation=settings.dilation,
        groups=settings.groups,
    )


def controls(strip: DeltaGenerator) -> Settings:
    """Draw all controls but the kernel's; the digit is chosen in ``strip``."""
    with elements.compact():
        stride = st.slider("Stride", 1, 5, 1, key="stride", bind="query-params")
        padding = st.slider("Padding", 0, 6, 1, key="padding", bind="query-params")
    with st.expander("Dilation, channels, groups, pooling", key="conv.more"):
        with elements.compact():
            dilation = st.slider("Dilation", 1, 6, 1, key="dilation", bind="query-params")
            groups = st.slider(
                "Groups",
                1,
                4,
                1,
                help="Must divide input and output channels.",
                key="groups",
                bind="query-params",
            )
        with elements.compact():
            inputs = st.slider(
                "Input channels",
                1,
                _MOST_INPUTS,
                1,
                help="The chosen digit and the ones that follow it in the test set.",
                key="inputs",
                bind="query-params",
            )
            outputs = st.slider(
                "Output channels",
                1,
                4,
                1,
                help="Each output channel uses the kernel rotated by another 90°.",
                key="outputs",
                bind="query-params",
            )
        with elements.compact():
            kinds: list[Pooling] = ["none", "max", "average"]
            pooling = st.selectbox("Pooling", kinds, key="pooling", bind="query-params")
            pool_size = 2
            if pooling != "none":
                pool_size = st.slider("Pooling window", 2, 8, 2, key="pool", bind="query-params")
    with strip:
        image = digit_control(_MOST_INPUTS - 1)
    return Settings(image, inputs, outputs, stride, padding, dilation, groups, pooling, pool_size)


def weight_of(kernel: torch.Tensor, settings: Settings) -> torch.Tensor:
    """The weight ``[C_out, C_in / groups, k, k]``: the kernel, rotated for each output channel."""
    import torch

    seen = max(1, settings.inputs // settings.groups)
    turned = [kernel.rot90(turn) for turn in range(settings.outputs)]
    return torch.stack([k.expand(seen, -1, -1) / seen for k in turned])


def size_formula(size: int, s: Settings) -> None:
    """Show how the output's side follows from the kernel size and the settings."""
    side = output_size(28, size, s.stride, s.padding, s.dilation)
    told = "" if side > 0 else r"\\ &\Rightarrow\text{no output: the kernel does not fit}"
    st.latex(
        r"\begin{aligned}\rule{0pt}{1.5em}H_{out}&="
        r"\Bigl\lfloor\tfrac{H+2p-d(k-1)-1}{s}\Bigr\rfloor+1\\ &="
        rf"\Bigl\lfloor\tfrac{{28+2\cdot{s.padding}-{s.dilation}\cdot({size}-1)-1}}{{{s.stride}}}"
        rf"\Bigr\rfloor+1={side}{told}\rule[-1em]{{0pt}}{{1em}}\end{{aligned}}"
    )


def _counts(result: Convolved, s: Settings) -> None:
    k = result.weight.shape[-1]
    convolution = (k, s.stride, s.dilation)
    layer = [convolution] if s.pooling == "none" else [convolution, (s.pool_size,) * 2 + (1,)]
    fields = [receptive_field(layer * depth) for depth in (1, 2, 3)]
    out = "×".join(map(str, result.output.shape[1:]))
    st.markdown(
        f"Output **{out}** · parameters **{result.parameters:,}** · multiply-adds "
        f"**{result.multiply_adds:,}** · receptive field **{fields[0]}×{fields[0]}** pixels "
        f"(of two such layers {fields[1]}×{fields[1]}, of three {fields[2]}×{fields[2]})"
    )


@st.fragment(key="conv.window.fragment")
@torch_threads.one_thread()
def window_view(result: Convolved, pooled: Pooled, s: Settings) -> None:
    """Draw input, kernel, output and pooling, with the window of the chosen output cell."""
    channels, height, width = result.output.shape[1:]
    wanted = st.session_state.get(_CHOSEN) or _strongest(result)
    chosen = [
        min(int(w), top - 1) for w, top in zip(wanted, (channels, height, width), strict=True)
    ]
    picture = component(
        "mlcore.convolution_window",
        html=asset("layers/window.html"),
        css=asset("common/cells.css"),
        js=asset("common/cells.js") + asset("layers/window.js"),
    )
    with st.container(key="picture-conv"):
        _counts(result, s)
        picture(key="conv.window", data=_scene(result, pooled, s, chosen), on_cell_change=_choose)
    tables = component(
        "mlcore.convolution_tables",
        html=asset("layers/window_tables.html"),
        css=asset("common/cells.css"),
        js=asset("layers/window_tables.js"),
    )
    tables(key="conv.tables")
    st.latex(_arithmetic(result, chosen))
    size = float(result.output.abs().max())
    elements.agreement(result.max_difference, numbers.every(result.output.numel(), "cell"), size)
    back = convolve_backward(
        result.input,
        result.weight,
        result.output,
        stride=s.stride,
        padding=s.padding,
        dilation=s.dilation,
        groups=s.groups,
    )
    elements.agreement(
        back.max_difference,
        "Gradients of ½Σy² for input, kernel and bias",
        float(back.weight.abs().max()),
    )
    if s.pooling != "none":
        elements.agreement(
            pooled.max_difference,
            numbers.every(pooled.output.numel(), "pooled cell"),
            size,
        )


def _strongest(result: Convolved) -> list[int]:
    """The cell with the largest absolute value."""
    _, height, width = result.output.shape[1:]
    place = int(result.output[0].abs().nan_to_num().argmax())
    return [place // (height * width), place // width % height, place % width]


def _choose() -> None:
    cell = st.session_state["conv.window"].cell
    if cell is not None:
        st.session_state[_CHOSEN] = list(cell)


def _scene(result: Convolved, pooled: Pooled, s: Settings, chosen: list[int]) -> dict[str, Any]:
    def plane(tensor: torch.Tensor) -> dict[str, Any]:
        return {"shape": list(tensor.shape), "values": numbers.rounded(tensor)}

    return {
        "input": plane(result.padded[0]),
        "output": plane(result.output[0]),
        "pooled": {**plane(pooled.output[0]), "size": s.pool_size, "kind": _POOLED[s.pooling]}
        if s.pooling != "none"
        else None,
        "kernel": plane(result.weight),
        "stride": s.stride,
        "padding": s.padding,
        "dilation": s.dilation,
        "groups": s.groups,
        "chosen": chosen,
        "colours": {
            "diverging": list(palette.DIVERGING),
            "grey": ["#0b0e14", "#ffffff"],
            "frame": palette.GRADIENT,
        },
    }


def _arithmetic(result: Convolved, chosen: list[int]) -> str:
    """The sum behind one cell with its numbers; zeros are left out, long sums shortened."""
    window = window_of(result, *chosen)
    weights = result.weight[chosen[0]].flatten().tolist()
    pairs = [
        (value, weight)
        for value, weight in zip(window.values.flatten().tolist(), weights, strict=True)
        if value != 0 and weight != 0
    ]
    terms = [f"{numbers.latex(v, 3)}\\cdot {numbers.bracketed(w, 3)}" for v, w in pairs[:4]]
    rows = ["+".join(terms[start : start + 2]) for start in range(0, len(terms), 2)]
    more = rf"\\ &+\dots\;({len(pairs)}\text{{ products in all}})" if len(pairs) > 4 else ""
    total = r"\\ &+".join(rows) + more if terms else r"0\;\text{(every product is 0)}"
    place = ",".join(map(str, chosen))
    return (
        rf"\begin{{aligned}} y_{{{place}}}&={total}\\ &={numbers.latex(window.total, 6)}\\"
        rf"\texttt{{Conv2d}}&={numbers.latex(window.output, 6)}\\ "
        rf"|\Delta|&={numbers.latex(abs(window.total - window.output), 2)}\end{{aligned}}"
    )


def as_script(kernel: torch.Tensor, s: Settings) -> None:
    """Show the same convolution as PyTorch code."""
    numbers = [[round(v, 5) for v in row] for row in kernel.tolist()]
    options = {
        "stride": s.stride,
        "padding": s.padding,
        "dilation": s.dilation,
        "groups": s.groups,
    }
    told = "".join(f", {name}={value}" for name, value in options.items())
    seen = max(1, s.inputs // s.groups)
    page.as_code(
        "import torch\nfrom mlcore.layers import convolve, window_of\nfrom mlcore.mnist import load"
        f"\n\nx = load().test_images[{s.image}:{s.image + s.inputs}].double()[None] / 255\n"
        f"kernel = torch.tensor({numbers}).double()\n"
        f"weight = torch.stack([kernel.rot90(turn).expand({seen}, -1, -1) / {seen} "
        f"for turn in range({s.outputs})])\n"
        f"result = convolve(x, weight{told})\n"
        "print(result.output.shape, result.max_difference, window_of(result, 0, 0, 0))",
        key="conv.code",
    )
