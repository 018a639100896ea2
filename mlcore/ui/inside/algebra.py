"""The tab *Layer by layer*: one digit's forward pass, and the error when a width is broken."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from mlcore.mnist.insight import Broken, Row, algebra, sum_written_out
from mlcore.mnist.insight.predict import named_chain
from mlcore.ui import page, trained_models
from mlcore.ui.common import elements, torch_threads
from mlcore.ui.inside import evaluation, selection
from mlcore.ui.inside.algebra_table import algebra_table, answer_table

_NOTHING = "nothing"
_WIDEST = 4096


def show() -> None:
    """Draw the tab."""
    controls, picture = page.columns()
    with controls:
        chosen = selection.chosen()
        if chosen is None:
            return
        digit = selection.choose_digit(chosen.config, key="inside.algebra")
        intact = _rows(chosen.moment, digit.pixels, None)
        broken = _choose_break(intact)
        page.prose("inside_algebra")
    with picture, page.sentences():
        rows = intact if broken is None else _rows(chosen.moment, digit.pixels, broken)
        _table(rows)
        _refusal(rows, broken)
        if broken is None:
            _written_out(chosen, rows)
            _answer(chosen, rows)
        page.as_code(_script(chosen, broken), key="inside.algebra.code")


def _choose_break(rows: tuple[Row, ...]) -> Broken | None:
    layers = {row.name: row for row in rows if row.kind in ("Linear", "Conv2d")}
    name = st.selectbox(
        "Break",
        [_NOTHING, *layers],
        help="Builds one layer with a different width, to see which layer raises the error, and "
        "its message.",
        key="inside.algebra.break",
    )
    if name == _NOTHING:
        return None
    weight = layers[name].weight
    assert weight is not None  # noqa: S101 - linear and convolutional layers have one
    left, right = st.columns(2)
    what = "channels" if layers[name].kind == "Conv2d" else "values"
    # another layer has other right widths, so its boxes begin anew: the name is in their keys
    inputs = left.number_input(
        f"Takes ({what})",
        1,
        max(_WIDEST, 2 * weight[1]),
        weight[1] + 1,
        key=f"inside.algebra.in.{name}.{weight[1]}",
    )
    outputs = right.number_input(
        f"Gives ({what})",
        1,
        _WIDEST,
        weight[0],
        key=f"inside.algebra.out.{name}.{weight[0]}",
    )
    st.caption(f"It was trained with {weight[1]} inputs and {weight[0]} outputs.")
    if (inputs, outputs) == (weight[1], weight[0]):
        return None
    return Broken(name, int(inputs), int(outputs))


def _table(rows: tuple[Row, ...]) -> None:
    st.markdown("**What each layer does to this digit**")
    algebra_table(rows)
    sizes = [row.values for row in rows if row.values is not None]
    largest = max((float(np.abs(values).max(initial=0.0)) for values in sizes), default=1.0)
    worst = max((row.difference for row in rows if row.difference is not None), default=0.0)
    elements.agreement(worst, "Every row in float64", largest)


def _refusal(rows: tuple[Row, ...], broken: Broken | None) -> None:
    guilty = next((row for row in rows if row.error is not None), None)
    if guilty is None:
        if broken is not None:
            st.info(
                "No error: the widths still fit. The broken layer has new random weights, so only "
                "the shapes above mean anything."
            )
        return
    st.error(
        f"PyTorch says at **{page.plain(guilty.name)}**: {page.plain(guilty.error or '')}",
        icon=":material/block:",
    )
    wanted = guilty.weight[1] if guilty.weight and len(guilty.weight) > 1 else guilty.weight
    st.markdown(
        f"**Why.** The layer gets a tensor of shape `{guilty.input}`, but its weight "
        f"`{guilty.weight}` needs {wanted} {'channels' if guilty.kind == 'Conv2d' else ''} at its "
        "input. The error names the layer that receives the tensor, which need not be the one that "
        "was changed.\n\n**What to do.** Give each layer as many inputs as the one before it has "
        "outputs."
    )


def _written_out(chosen: selection.Chosen, rows: tuple[Row, ...]) -> None:
    from torch import nn

    layers = dict(named_chain(chosen.moment.model()))
    linear = [place for place, row in enumerate(rows) if row.kind == "Linear"]
    st.markdown("**One number written out**, largest three terms first")
    left, right = st.columns([1, 2])
    place = left.selectbox(
        "Layer",
        linear,
        index=len(linear) - 1,
        format_func=lambda number: rows[number].name,
        key=f"inside.algebra.layer.{len(rows)}",
    )
    out = rows[place].values
    assert out is not None  # noqa: S101 - nothing is broken here
    best = int(out[0].argmax())
    unit = best
    if out.shape[1] > 1:
        unit = right.slider(
            "Unit (by default the largest)",
            0,
            out.shape[1] - 1,
            best,
            key=f"inside.algebra.unit.{place}.{out.shape[1]}.{best}",
        )
    before = _given(rows, place)
    layer = layers[rows[place].name]
    assert isinstance(layer, nn.Linear)  # noqa: S101 - the list holds linear layers only
    weight = layer.weight[unit].detach().double().numpy()
    bias = float(layer.bias[unit].detach())
    st.latex(f"z_{{{unit}}} = {sum_written_out(before, weight, bias)}")
    said = float(out[0, unit])
    by_hand = float(before @ weight + bias)
    st.caption(
        f"PyTorch: {said:.6g}; the sum: {by_hand:.6g}. "
        f"{'They agree.' if abs(said - by_hand) <= 1e-9 * max(1, abs(said)) else 'They differ!'}"
    )


def _given(rows: tuple[Row, ...], place: int) -> NDArray[np.float64]:
    """The input of a linear layer: the output of the row before it."""
    values = rows[place - 1].values
    assert values is not None  # noqa: S101 - a linear layer stands after a flatten at least
    given: NDArray[np.float64] = values[0].ravel()
    return given


def _answer(chosen: selection.Chosen, rows: tuple[Row, ...]) -> None:
    import torch

    from mlcore.mnist.losses import probabilities

    logits = rows[-1].values
    assert logits is not None  # noqa: S101 - nothing is broken here
    shares = probabilities(chosen.config, torch.from_numpy(logits))[0].tolist()
    best = int(logits[0].argmax())
    st.markdown("**The prediction**")
    answer_table(chosen.classes, logits[0].tolist(), shares, best)
    how = (
        "the softmax of the outputs"
        if chosen.config.loss == "cross_entropy"
        else "the nearest vector of probabilities, as it was trained on squared error"
    )
    st.caption(f"Probability: {how}. Argmax: **{page.plain(chosen.classes[best])}**.")


@st.cache_data(max_entries=64, show_spinner=False)
@torch_threads.one_thread()
def _rows(
    moment: trained_models.Moment, pixels: NDArray[np.uint8], broken: Broken | None
) -> tuple[Row, ...]:
    return algebra(moment.model(), evaluation.normal(moment.config, pixels[None])[0], broken)


def _script(chosen: selection.Chosen, broken: Broken | None) -> str:
    extra = "" if broken is None else f", insight.{broken!r}"
    return (
        "import mlcore\n"
        "from mlcore.mnist import insight, load\n\n"
        f'digits, run = load("{chosen.config.dataset}"), mlcore.get_run("{chosen.run.id}")\n'
        "model = insight.on_pixels(run.model(), digits)\n"
        f"for row in insight.algebra(model, digits.test_images[0]{extra}):\n"
        "    print(row.name, row.equation, row.difference, row.error)"
    )
