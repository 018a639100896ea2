"""Histograms as rows for charts, with common bin edges."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    import torch


def histogram(values: torch.Tensor, low: float, high: float, bins: int) -> pd.DataFrame:
    """Shares of values in equal bins from low to high: columns low, high, share.

    Values beyond the ends are counted in the outer bins; those that are no number in none.
    """
    import torch

    finite = values[values.isfinite()].flatten().double()
    edges = torch.linspace(low, high, bins + 1, dtype=torch.float64)
    counts = torch.histc(finite.clamp(low, high), bins, low, high)
    return pd.DataFrame(
        {
            "low": edges[:-1].numpy(),
            "high": edges[1:].numpy(),
            "share": (counts / max(1, values.numel())).numpy(),
        }
    )


def sideways(rows: pd.DataFrame, line: float, width: float) -> pd.DataFrame:
    """Histogram rows with ``edge``: the end of each bar, drawn sideways from a line.

    Args:
        rows: As ``histogram`` makes them.
        line: Where the bars start.
        width: Of the longest bar; below 0 they go to the left.
    """
    longest = max(float(rows["share"].max()), 1e-12)
    return rows.assign(edge=line + width * rows["share"] / longest)


def reach(values: Iterable[torch.Tensor]) -> tuple[float, float]:
    """The smallest and the largest finite number of some tensors, never quite equal."""
    finite = [v[v.isfinite()] for v in values]
    low = min((float(v.min()) for v in finite if v.numel()), default=0.0)
    high = max((float(v.max()) for v in finite if v.numel()), default=0.0)
    margin = 0.5 * max(1e-9, 1e-3 * max(abs(low), abs(high))) if high - low < 1e-9 else 0.0
    return low - margin, high + margin
