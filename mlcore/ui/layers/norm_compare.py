"""The tab *Same or not*: which norms give equal outputs, and the parameters of each."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from mlcore.charts.normalization import influence_spec
from mlcore.layers import Identity, identities, keeps, perturb
from mlcore.layers.names import NORM_TITLES, Norm
from mlcore.layers.norm_parts import Shape
from mlcore.ui import page
from mlcore.ui.common import elements, numbers, torch_errors
from mlcore.ui.layers.norm_settings import epsilon_control, group_control, tensor_controls

_CASES: tuple[tuple[str, Norm, bool], ...] = (
    *((title, kind, True) for kind, title in NORM_TITLES.items()),
    ("BatchNorm, eval", "batch", False),
)


def show() -> None:
    """Draw the tab."""
    controls, picture = page.columns()
    with controls:
        first = elements.compact()
        with st.expander("Tensor shape, groups and ε", key="norm.compare.more"):
            tensor = tensor_controls()
            groups = group_control()
            eps = epsilon_control()
        n = tensor.shape[0]
        changed = 0
        with first:
            if n > 1:
                changed = st.slider(
                    "Sample to change",
                    0,
                    n - 1,
                    min(1, n - 1),
                    key="changed",
                    bind="query-params",
                )
            amount = st.slider(
                "Noise added to it, σ", 0.1, 5.0, 1.0, 0.1, key="amount", bind="query-params"
            )
    x = tensor.tensor()
    with picture, torch_errors.refusals():
        frames = [
            pd.DataFrame(
                {
                    "norm": title,
                    "sample": range(n),
                    "moved": perturb(
                        kind,
                        x,
                        sample=changed,
                        amount=amount,
                        groups=groups,
                        eps=eps,
                        training=training,
                    ).moved.tolist(),
                }
            )
            for title, kind, training in _CASES
        ]
        moved = pd.concat(frames, ignore_index=True)
        with st.container(key="picture-norm-compare"):
            elements.chart(influence_spec(page.ink()), moved, key="norm.influence")
    with picture, torch_errors.refusals():
        st.markdown("**Do two modules give the same output for this tensor?**")
        rows = identities(x, eps)
        elements.table(
            {
                "Two modules": [f"`{row.left}` **{_sign(row)}** `{row.right}`" for row in rows],
                "max|Δ|": [numbers.power(row.max_difference) for row in rows],
                "Why": [row.why + _exception(row) for row in rows],
            }
        )
    with picture, torch_errors.refusals():
        _keeps(tensor.shape, groups)


def _keeps(shape: Shape, groups: int) -> None:
    st.markdown("**Parameters and running statistics of each module**")
    st.dataframe(
        pd.DataFrame(
            {
                "Norm": NORM_TITLES[row.kind],
                "γ": _shape(row.weight),
                "β": _shape(row.bias),
                "Running mean and variance": _shape(row.running),
                "Parameters": row.learned,
            }
            for row in keeps(shape, groups)
        ),
        hide_index=True,
        key="norm.keeps",
    )


def _sign(row: Identity) -> str:
    """``=`` or ``≠`` as measured on this tensor."""
    return "=" if _alike(row) else "≠"


def _exception(row: Identity) -> str:
    """A sentence if this tensor does not show what holds in general."""
    if _alike(row) and not row.equal:
        return " For this tensor the outputs happen to be the same; for most they differ."
    if row.equal and not _alike(row):
        return " **They should be the same, but are not here.**"
    return ""


def _alike(row: Identity) -> bool:
    return row.max_difference <= elements.ROUNDING


def _shape(shape: tuple[int, ...] | None) -> str:
    return "none" if shape is None else "×".join(map(str, shape))
