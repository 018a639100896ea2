"""The charts of regression: what they draw is what they were given, with words for all of it."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest

from mlcore.charts import palette
from mlcore.charts.regression import BAND_COLOURS, race_chart, rates_chart, runs_chart


def rates(predicted: float = 1.0) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "rate": [1e-3, 1e-2, 1e-1],
            "loss": [5.0, 1.0, math.nan],
            "predicted": [5.0, predicted, math.nan],
            "band": ["slow", "smooth", "divergent"],
        }
    )


def spec(**changes: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "rates": rates(),
        "bands": pd.DataFrame({"band": ["slow"], "low": [1e-3], "high": [1e-2]}),
        "borders": pd.DataFrame({"rate": [2e-2], "name": ["2/λmax"]}),
        "steps": 100,
        "current": 1e-2,
    }
    made: dict[str, Any] = rates_chart(**(given | changes)).to_dict()
    return made


def marks(made: dict[str, Any]) -> list[str]:
    return [layer["mark"]["type"] for layer in made["layer"]]


def test_a_rate_that_overflowed_is_not_drawn() -> None:
    made = spec()
    line = next(layer for layer in made["layer"] if layer["mark"]["type"] == "line")
    rows = made["datasets"][line["data"]["name"]]
    assert [row["rate"] for row in rows] == [1e-3, 1e-2]


def test_theory_is_grey_and_dashed_and_absent_where_there_is_none() -> None:
    dashed = [
        layer["mark"]
        for layer in spec()["layer"]
        if layer["mark"]["type"] == "line" and "strokeDash" in layer["mark"]
    ]
    assert [mark["color"] for mark in dashed] == [palette.THEORY]
    nothing = pd.DataFrame(columns=["rate", "name"])
    bare = spec(
        rates=rates().assign(predicted=math.nan),
        bands=pd.DataFrame(columns=["band", "low", "high"]),
        borders=nothing,
    )
    assert marks(bare).count("line") == 1
    assert marks(bare).count("rule") == 1  # the rate set on the page


def test_both_axes_are_logarithmic_titled_and_do_not_leave_the_rates() -> None:
    line = next(layer for layer in spec()["layer"] if layer["mark"]["type"] == "line")
    x, y = line["encoding"]["x"], line["encoding"]["y"]
    assert (x["title"], y["title"]) == ("learning rate η", "squared loss after 100 steps")
    assert x["scale"] == {"type": "log", "domain": [1e-3, 1e-1], "nice": False}
    assert y["scale"]["type"] == "log"


@pytest.mark.parametrize(
    "made",
    [
        rates_chart(
            rates(),
            pd.DataFrame(columns=["band", "low", "high"]),
            pd.DataFrame(columns=["rate", "name"]),
            steps=5,
            current=1e-2,
        ),
        runs_chart(pd.DataFrame({"run": ["a"], "step": [0], "value": [1.0]}), {"a": "#000000"}),
        race_chart(
            pd.DataFrame({"optimizer": ["Adam"], "calls": [0], "excess": [1.0]}),
            {"Adam": "#000000"},
            name="Beale",
        ),
    ],
    ids=["rates", "runs", "race"],
)
def test_every_chart_has_a_title_and_a_description(made: Any) -> None:
    found = made.to_dict()
    assert found["title"]
    assert found["description"].endswith(".")


def test_each_band_has_a_colour_of_its_own() -> None:
    assert len(set(BAND_COLOURS.values())) == len(BAND_COLOURS) == 4
