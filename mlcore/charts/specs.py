"""Builds Vega-Lite specs once, so that a page sends only rows afterwards."""

from __future__ import annotations

from typing import Any, Final

import altair as alt

from mlcore.charts import palette

ROWS: Final = alt.NamedData("rows")
"""What a chart names as its data before there are any."""


def bare_spec(chart: alt.TopLevelMixin) -> dict[str, Any]:
    """A chart as a dict without data and without Altair's own theme, which would override ours."""
    spec: dict[str, Any] = chart.to_dict(validate=True)
    spec["config"] = {  # the app's theme leaves so much room that little is left for the plot
        "axis": {"titlePadding": 6, "labelPadding": 4},
        "title": {"offset": 8, "subtitlePadding": 4, "subtitleColor": palette.MUTED},
    }
    spec.pop("data", None)
    return spec
