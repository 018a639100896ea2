"""The chart of a logged histogram."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import altair as alt

from mlcore.charts import palette
from mlcore.charts.specs import ROWS, bare_spec

if TYPE_CHECKING:
    import pandas as pd


def histogram_rows(content: bytes) -> tuple[pd.DataFrame, int]:
    """Rows for ``histogram_spec``: low, high, count; and how many values were not finite.

    Args:
        content: Of an ``mlcore.Histogram``.
    """
    import pandas as pd

    told = json.loads(content)
    edges = told["edges"]
    rows = {"low": edges[:-1], "high": edges[1:], "count": told["counts"]}
    return pd.DataFrame(rows), int(told.get("not_finite", 0))


@lru_cache(maxsize=64)
def histogram_spec(name: str, step: int) -> dict[str, Any]:
    """A bar for each bin.

    Args:
        name: Of the histogram.
        step: At which it was logged.
    """
    bars = (
        alt.Chart(ROWS)
        .mark_bar(color=palette.VALUE, stroke=None)
        .encode(
            x=alt.X("low:Q", title="Value", scale=alt.Scale(nice=False, zero=False)),
            x2="high:Q",
            y=alt.Y("count:Q", title="Values in the bin", scale=alt.Scale(zero=True)),
            y2=alt.datum(0),
            tooltip=[
                alt.Tooltip("low:Q", title="From", format=".4~g"),
                alt.Tooltip("high:Q", title="To", format=".4~g"),
                alt.Tooltip("count:Q", title="Values", format=","),
            ],
        )
    )
    return bare_spec(
        bars.properties(
            title=alt.TitleParams(f"{name}, step {step:,}", anchor="start"),
            height=260,
            description=f"Histogram of {name} at step {step:,}.",
        )
    )
