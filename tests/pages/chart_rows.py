"""Reads what the charts of a simulated page were given."""

from __future__ import annotations

import pandas as pd
from streamlit.dataframe_util import convert_arrow_bytes_to_pandas_df
from streamlit.testing.v1 import AppTest


def charts(at: AppTest) -> list[pd.DataFrame]:
    """The rows each chart got, in order."""
    found = []
    for element in at.get("vega_lite_chart"):
        proto = element.proto
        raw = proto.data.data or proto.datasets[0].data.data
        found.append(convert_arrow_bytes_to_pandas_df(raw))
    return found
