"""The table of the tab *Layer by layer*: one row per layer, the failing one in red."""

from __future__ import annotations

from html import escape
from typing import Final

import numpy as np
import streamlit as st

from mlcore.charts import palette
from mlcore.mnist.insight import Row
from mlcore.ui.common.numbers import power

_FORMULAS: Final = {
    "Linear": "x Wᵀ + b",
    "Conv2d": "Σ W ⊙ window + b",
    "MaxPool2d": "max of each window",
    "ReLU": "max(0, x)",
    "LeakyReLU": "max(x, 0.01 x)",
    "GELU": "x Φ(x)",
    "SiLU": "x σ(x)",
    "Tanh": "tanh x",
    "Sigmoid": "σ(x)",
    "Identity": "x",
    "Flatten": "the same numbers in a row",
    "Unflatten": "the same numbers as an image",
    "Dropout": "x, in eval mode",
    "RMSNorm": "x / √(mean x² + ε) · γ",
}
_NORMALIZED: Final = "(x − μ) / √(σ² + ε) · γ + β"
_MANY: Final = 12
_STYLE: Final = f"""
<style>
.layers {{ width: 100%; border-collapse: collapse; font-size: 0.875rem; }}
.layers th {{ text-align: left; font-weight: 600; padding: 0.3rem 0.5rem; }}
.layers td {{ border-top: 1px solid rgba(125, 133, 144, 0.35); padding: 0.35rem 0.5rem;
  vertical-align: top; }}
.layers small {{ display: block; opacity: 0.8; }}
.layers .shapes {{ font-family: monospace; font-size: 0.75rem; opacity: 0.85; }}
.layers .shapes span {{ white-space: nowrap; }}
.layers .number {{ text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }}
.layers .some {{ min-width: 6.5rem; }}
.layers .guilty td {{ background: {palette.BAD}22; }}
.layers .guilty td:first-child {{ box-shadow: inset 3px 0 {palette.BAD}; }}
.layers .beyond {{ opacity: 0.45; }}
</style>
"""


def algebra_table(rows: tuple[Row, ...]) -> None:
    """Draw the rows of ``mlcore.mnist.insight.algebra``."""
    head = "".join(
        f"<th{' class=number' if last else ''}>{name}</th>"
        for name, last in (
            ("Layer", False),
            ("What it computes", False),
            ("Output", False),
            ("By hand max|Δ|", True),
        )
    )
    body = "".join(_row(row) for row in rows)
    st.html(
        f"{_STYLE}<div style='overflow-x:auto'><table class=layers><thead><tr>{head}</tr></thead>"
        f"{body}</table></div>"
    )


def answer_table(
    classes: tuple[str, ...], outputs: list[float], shares: list[float], best: int
) -> None:
    """Draw the outputs and their probabilities, one column per class."""

    def line(name: str, cells: list[str]) -> str:
        marked = (
            f"<td class=number>{'<b>' * (at == best)}{cell}{'</b>' * (at == best)}</td>"
            for at, cell in enumerate(cells)
        )
        return f"<tr><td>{name}</td>{''.join(marked)}</tr>"

    lines = [
        line("Class", [escape(name) for name in classes]),
        line("Output", [f"{value:.2f}".replace("-", "−") for value in outputs]),
        line("Probability", [f"{share:.1%}" for share in shares]),
    ]
    st.html(
        f"{_STYLE}<div style='overflow-x:auto'><table class=layers "
        f"style='font-size:0.75rem'>{''.join(lines)}</table></div>"
    )


def _row(row: Row) -> str:
    look = " class=guilty" if row.error is not None else "" if row.reached else " class=beyond"
    shapes = " ".join(f"<span>{escape(word)}</span>" for word in _words(row.equation))
    return (
        f"<tr{look}><td>{escape(row.name)}<small>{escape(row.kind)}</small></td>"
        f"<td>{_FORMULAS.get(row.kind, _NORMALIZED)}<div class=shapes>{shapes}</div></td>"
        f"<td>{_preview(row)}</td>"
        f"<td class=number>{'' if row.difference is None else power(row.difference)}</td></tr>"
    )


def _words(equation: str) -> list[str]:
    """The equation in parts that do not break across lines."""
    pieces = equation.replace(", ", ",\u00a0").split(" ")
    words: list[str] = []
    for piece in pieces:
        if words and words[-1][-1:] in "@+∗→":
            words[-1] += f"\u00a0{piece}"
        else:
            words.append(piece)
    return words


def _preview(row: Row) -> str:
    if row.error is not None:
        return "<b>refuses</b>"
    if row.values is None:
        return "not reached"
    values = row.values.ravel()
    many = len(values) > _MANY
    few = values[np.argsort(-np.abs(values), kind="stable")[:3]] if many else values[:3]
    numbers = ", ".join(f"{value:.3g}".replace("-", "−") for value in few.tolist())
    zeros = float((values == 0).mean())
    notes = [
        f"{'largest' if many else 'first'} of {len(values):,}",
        f"{zeros:.0%} are 0" * (zeros > 0),
    ]
    said = " · ".join(note for note in notes if note)
    return f"<div class=some>{numbers}, …</div><small>{said}</small>"
