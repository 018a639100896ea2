"""The tensor table, also as a quiz with scored predictions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import streamlit as st

from mlcore.autograd import Trace
from mlcore.autograd.export import value_text
from mlcore.autograd.predict import PROPERTIES, choices, score
from mlcore.ui.autograd.graph_view import has_run

# the numbers first and widest: they are what one looks for
_WIDTHS: Final = {"name": 70, "value": 150, ".grad": 150, "shape": 70, "dtype": 80, "device": 70}


def predicting(trace: Trace) -> bool:
    """Whether the learner is predicting and has not seen the score yet."""
    state = st.session_state
    return bool(state.get("predict")) and state.get("scored") != trace.program.text


def table_view(trace: Trace) -> None:
    """The table; before the backward pass each ``.grad`` is None, as in PyTorch.

    With *Predict first* what autograd decides is hidden until it was guessed.
    """
    hidden = st.toggle(
        "Predict first",
        key="predict",
        help="Hides is_leaf, requires_grad, grad_fn and .grad until you have guessed each.",
        on_change=st.session_state.update,
        args=({"scored": ""},),
    )
    if hidden:
        _predict(trace)
    else:
        ran = has_run(trace.program) or trace.failure is not None
        if not ran:
            st.caption("Each .grad is None until you step *Run backward* above to its end.")
        st.dataframe(
            [
                {
                    "name": row.name,
                    "value": value_text(row.value),
                    ".grad": value_text(row.grad if ran else None),
                    "requires_grad": row.requires_grad,
                    "is_leaf": row.is_leaf,
                    "grad_fn": row.grad_fn,
                    "retains_grad": row.retains_grad,
                    "shape": str(list(row.shape)),
                    "dtype": row.dtype.removeprefix("torch."),
                    "device": row.device,
                }
                for row in trace.tensors
            ],
            hide_index=True,
            key="tensor_table",
            column_config={
                name: st.column_config.Column(width=width) for name, width in _WIDTHS.items()
            },
            alt="Leaves and named results as PyTorch describes them "
            f"{'after' if ran else 'before'} the backward pass",
        )


def _predict(trace: Trace) -> None:
    config = st.column_config
    blank = [
        {
            "name": row.name,
            "value": value_text(row.value),
            **dict.fromkeys(PROPERTIES, None),
        }
        for row in trace.tensors
    ]
    truth = ["True", "False"]
    guessed = st.data_editor(
        blank,
        hide_index=True,
        disabled=["name", "value"],
        column_config={
            "name": config.Column(width=_WIDTHS["name"]),
            "value": config.Column(width=_WIDTHS["value"]),
            "is_leaf": config.SelectboxColumn("is_leaf ?", options=truth),
            "requires_grad": config.SelectboxColumn("requires_grad ?", options=truth),
            "grad_fn": config.SelectboxColumn("grad_fn ?", options=list(choices(trace.tensors))),
            "grad": config.TextColumn(".grad ?", help="A number, a list such as [1, 2], or None"),
        },
        placeholder="?",
        key=f"guesses_{trace.program.text}",
        alt="Your guesses of is_leaf, requires_grad, grad_fn and .grad for each tensor",
    )
    guesses: dict[str, dict[str, str]] = {
        str(row["name"]): {str(prop): str(row[prop] or "") for prop in PROPERTIES}
        for row in guessed
    }
    st.button(
        "Score my guesses",
        key="score",
        icon=":material/checklist:",
        type="primary",
        on_click=st.session_state.update,
        args=({"scored": trace.program.text},),
    )
    if st.session_state.get("scored") == trace.program.text:
        _scored(trace, guesses)


def _scored(trace: Trace, guesses: Mapping[str, Mapping[str, str]]) -> None:
    scores = score(trace, guesses)
    right = sum(s.right for s in scores)
    st.markdown(f"**{right} of {len(scores)} right.**" + " Well done." * (right == len(scores)))
    misses = [
        {
            "tensor": s.tensor,
            "property": "." + s.property,
            "your guess": s.guess or "no guess",
            "PyTorch": s.truth,
            "why": s.reason,
        }
        for s in scores
        if not s.right
    ]
    if misses:
        st.dataframe(
            misses,
            hide_index=True,
            key="misses",
            alt="Every miss, with PyTorch's value and the reason",
        )
