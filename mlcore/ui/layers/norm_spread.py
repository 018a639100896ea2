"""The tab *Before and after*: the values of each channel and sample before and after the norm."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from mlcore.charts.normalization import spread_spec
from mlcore.layers import Normalized
from mlcore.ui import page
from mlcore.ui.common import elements, torch_errors
from mlcore.ui.layers import norm_tensor
from mlcore.ui.layers.norm_settings import norm_and_tensor_controls
from mlcore.ui.layers.spread import histogram, reach, sideways

_BINS = 24
_SETS = {
    "channel (N, H, W)": (0, 2, 3),
    "sample (C, H, W)": (1, 2, 3),
    "sample and channel (H, W)": (2, 3),
    "the whole tensor": (0, 1, 2, 3),
}


def show() -> None:
    """Draw the tab."""
    controls, picture = page.columns()
    with controls:
        norm, tensor = norm_and_tensor_controls()
    with picture, torch_errors.refusals():
        result = norm_tensor.run(norm, tensor)
        by = st.segmented_control(
            "One histogram for each",
            ["channel", "sample"],
            default="channel",
            required=True,
            key="by",
            bind="query-params",
        )
        by = by or "channel"  # None where the URL holds an empty parameter
        axis = 1 if by == "channel" else 0
        elements.chart(spread_spec(by), _rows(result, axis), key=f"norm.spread.{by}")
        st.markdown("**Mean and standard deviation over each set of axes**")
        st.dataframe(_table(result), hide_index=True, key="norm.spread.table")
        st.caption(
            "Each entry is the range over all channels, samples or planes. Where the columns "
            "*after* show 0 and 1, the norm gave each of them mean 0 and standard deviation 1."
        )


def _rows(result: Normalized, axis: int) -> pd.DataFrame:
    low, high = reach([result.input, result.output])
    frames = []
    for when, values, width in (("before", result.input, -0.45), ("after", result.output, 0.45)):
        for part, cells in enumerate(values.movedim(axis, 0)):
            rows = sideways(histogram(cells, low, high, _BINS), part, width)
            frames.append(rows[rows["share"] > 0].assign(part=part, when=when))
    return pd.concat(frames, ignore_index=True)


def _table(result: Normalized) -> pd.DataFrame:
    rows = []
    for name, axes in _SETS.items():
        row = {"For each": name}
        for when, values in (("before", result.input), ("after", result.output)):
            row[f"Mean {when}"] = _range(values.mean(axes))
            row[f"Std {when}"] = _range(values.std(axes, correction=0))
        rows.append(row)
    return pd.DataFrame(rows)


def _range(values: object) -> str:
    import torch

    numbers = torch.as_tensor(values).flatten()
    low, high = float(numbers.min()), float(numbers.max())
    low, high = (0.0 if abs(v) < 5e-7 else v for v in (low, high))
    if abs(high - low) < 5e-4 or low != low:
        return f"{low:.3f}"
    return f"{low:.3f} … {high:.3f}"
