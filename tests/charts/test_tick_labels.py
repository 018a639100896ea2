"""Labels of axes, as Vega writes them."""

from __future__ import annotations

import re

import altair as alt
import pandas as pd
import pytest
import vl_convert

from mlcore.charts import tick_labels


def labels(low: float, high: float) -> list[str]:
    """What stands at a logarithmic axis of 100 pixels."""
    chart = (
        alt.Chart(pd.DataFrame({"y": [low, high]}))
        .mark_point()
        .encode(
            alt.Y(
                "y:Q",
                scale=alt.Scale(type="log"),
                axis=alt.Axis(tickCount=5, labelExpr=tick_labels.POWERS),
            )
        )
        .properties(height=100)
    )
    return re.findall(r"<text[^>]*>([^<]+)</text>", vl_convert.vegalite_to_svg(chart.to_dict()))


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.08, 0.7, {"10⁻²", "0.02", "0.05", "10⁻¹", "0.2", "0.5", "1"}),
        (3, 40, {"1", "2", "5", "10", "20", "50", "10²"}),
        (1e-12, 1e3, {"10⁻¹²", "10⁻¹⁰", "10⁻⁸", "10⁻⁶", "10⁻⁴", "10⁻²", "1", "10²"}),
    ],
)
def test_a_logarithmic_axis_names_powers_of_ten_and_twice_and_five_times_them(
    low: float, high: float, expected: set[str]
) -> None:
    found = [text for text in labels(low, high) if text != "y"]

    assert set(found) <= expected
    assert len(found) >= 3
