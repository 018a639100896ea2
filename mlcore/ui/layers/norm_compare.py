"""The tab *Same or not*: identities between norms, what each keeps, who feels one sample."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from mlcore.charts.normalization import influence_spec
from mlcore.layers import identities, keeps, perturb
from mlcore.layers.names import NORM_TITLES, Norm
from mlcore.layers.norm_parts import Shape
from mlcore.ui import page
from mlcore.ui.common import parts
from mlcore.ui.layers.norm_settings import epsilon_control, group_control, tensor_controls

_CASES: tuple[tuple[str, Norm, bool], ...] = (
    *((title, kind, True) for kind, title in NORM_TITLES.items()),
    ("BatchNorm, eval", "batch", False),
)


def show() -> None:
    """Draw the tab."""
    controls, picture = page.columns()
    with controls:
        tensor = tensor_controls()
        groups = group_control()
        eps = epsilon_control()
        n = tensor.shape[0]
        changed = 0
        if n > 1:
            changed = st.slider(
                "Sample to change",
                0,
                n - 1,
                min(1, n - 1),
                key="changed",
                bind="query-params",
            )
        amount = st.slider("By noise of σ", 0.1, 5.0, 1.0, 0.1, key="amount", bind="query-params")
    x = tensor.tensor()
    with picture, parts.refusals():
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
        parts.chart(influence_spec(), moved, key="norm.influence")
    with picture, parts.refusals():
        st.markdown("**Two ways to write it, one tensor, two real modules**")
        rows = identities(x, eps)
        parts.table(
            {
                "This and that": [
                    f"`{row.left}` **{'=' if row.equal else '≠'}** `{row.right}`" for row in rows
                ],
                "max|Δ|": [parts.power(row.max_difference) for row in rows],
                "Why": [row.why for row in rows],
            }
        )
    with picture, parts.refusals():
        _keeps(tensor.shape, groups)


def _keeps(shape: Shape, groups: int) -> None:
    st.markdown("**What each module learns and remembers**")
    st.dataframe(
        pd.DataFrame(
            {
                "Norm": NORM_TITLES[row.kind],
                "γ": _shape(row.weight),
                "β": _shape(row.bias),
                "Running mean and variance": _shape(row.running),
                "Learned numbers": row.learned,
            }
            for row in keeps(shape, groups)
        ),
        hide_index=True,
        key="norm.keeps",
    )


def _shape(shape: tuple[int, ...] | None) -> str:
    return "none" if shape is None else "×".join(map(str, shape))
