"""Learning curves: rows against hand sums, charts against Vega-Lite's schema."""

import json
from typing import get_args

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore.charts import palette
from mlcore.charts.training_curves import (
    TIPS_A_CURVE,
    Axis,
    Curve,
    Quantity,
    curve_chart,
    curve_rows,
    curve_spec,
)
from mlcore.runs.analysis.smoothing import smoothed

COLOURS = {"a": palette.VALUE, "b": palette.GRADIENT}
LABELS = {"a": "first", "b": "second"}


Parts = dict[tuple[str, str], Curve]


def points(run: str, split: str, values: list[float], spread: float = 0.0) -> Parts:
    step = np.arange(1, len(values) + 1, dtype=np.float64)
    value = np.array(values, dtype=np.float64)
    return {(run, split): Curve(step, step / 4, value, value - spread, value + spread)}


def rows_of(*parts: Parts, **options: object) -> pd.DataFrame:
    curves = {key: curve for part in parts for key, curve in part.items()}
    return curve_rows(curves, COLOURS, LABELS, end=10, **options)  # type: ignore[arg-type]  # options are checked by the function


@given(
    st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=40),
    st.floats(0, 0.99),
)
def test_smoothing_is_the_weighted_mean_it_says(values: list[float], weight: float) -> None:
    expected = []
    for last in range(len(values)):
        weights = np.array([weight ** (last - k) for k in range(last + 1)])
        expected.append(float(weights @ values[: last + 1] / weights.sum()))

    np.testing.assert_allclose(smoothed(values, weight), expected, rtol=1e-9, atol=1e-9)


@given(st.floats(-1e3, 1e3), st.integers(1, 30), st.floats(0, 0.99))
def test_smoothing_leaves_a_constant_alone_from_the_first_point(
    value: float, count: int, weight: float
) -> None:
    np.testing.assert_allclose(smoothed([value] * count, weight), value, rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("weight", [-0.1, 1.0, float("nan")])
def test_a_weight_that_is_none_is_refused(weight: float) -> None:
    with pytest.raises(ValueError, match="must be from 0 to below 1"):
        smoothed([1.0], weight)


def test_rows_hold_every_point_with_its_run_and_colour() -> None:
    rows = rows_of(points("a", "train", [3, 2, 1]), points("b", "test", [5, 4]))

    train = rows[rows["kind"] == "train"]
    assert train["value"].tolist() == [3, 2, 1]
    assert train["x"].tolist() == [1, 2, 3]
    assert set(train["run"]) == {"first"}
    assert set(train["colour"]) == {palette.VALUE}
    test = rows[rows["kind"] == "test"]
    assert test["value"].tolist() == [5, 4]
    assert set(test["colour"]) == {palette.GRADIENT}
    assert set(rows["kind"]) == {"train", "test", "end"}


def test_runs_of_one_hue_differ_in_their_pattern() -> None:
    names = [f"run {number}" for number in range(3 * len(palette.RUN_COLOURS))]
    colours = palette.run_colours({name: number for number, name in enumerate(names)})
    curves = {(name, "test"): points(name, "test", [1.0])[name, "test"] for name in names}
    rows = curve_rows(curves, colours, {name: name for name in names}, end=1)
    looks = rows.loc[rows["kind"] == "test", ["colour", "dash"]]
    assert len(looks.drop_duplicates()) == len(names)
    known = curve_spec("loss")["layer"][4]["encoding"]["strokeDash"]["scale"]
    assert set(looks["dash"]) <= set(known["domain"])
    assert len(known["domain"]) == len(known["range"])


def test_the_axis_reaches_to_the_end_before_the_curve_does() -> None:
    rows = rows_of(points("a", "train", [3, 2, 1]))
    assert rows.loc[rows["kind"] == "end", "x"].tolist() == [10]


def test_a_chart_of_no_points_has_axes_and_nothing_to_see() -> None:
    assert rows_of(points("a", "train", []))["kind"].tolist() == ["end"]
    empty = rows_of()
    assert empty["kind"].tolist() == ["end", "raw"]
    assert (empty["kind"] == "raw").sum() == 1, "a line of one point is not drawn"


def test_curves_are_joined_in_order() -> None:
    [first] = points("a", "train", [3, 2]).values()
    [second] = points("a", "train", [1], spread=0.5).values()
    joined = first + second
    assert joined.value.tolist() == [3, 2, 1]
    assert joined.low.tolist() == [3, 2, 0.5]
    assert joined.step.tolist() == [1, 2, 1]


def test_smoothing_keeps_the_raw_train_points_and_leaves_test_points_alone() -> None:
    rows = rows_of(points("a", "train", [4, 0, 4]), points("a", "test", [4, 0, 4]), smoothing=0.5)

    assert rows.loc[rows["kind"] == "raw", "value"].tolist() == [4, 0, 4]
    np.testing.assert_allclose(
        rows.loc[rows["kind"] == "train", "value"], [4, 4 / 3, (1 + 0 + 4) / 1.75]
    )
    assert rows.loc[rows["kind"] == "test", "value"].tolist() == [4, 0, 4]


def test_thinned_points_bring_a_band_and_others_do_not() -> None:
    assert "band" not in set(rows_of(points("a", "train", [3, 2]))["kind"])

    rows = rows_of(points("a", "train", [3, 2], spread=0.5))

    band = rows[rows["kind"] == "band"]
    assert band["low"].tolist() == [2.5, 1.5]
    assert band["high"].tolist() == [3.5, 2.5]


def test_the_error_rate_turns_values_and_bands_over() -> None:
    rows = rows_of(points("a", "train", [0.75], spread=0.125), error_rate=True)
    band = rows[rows["kind"] == "band"].iloc[0]
    assert (band["value"], band["low"], band["high"]) == (0.25, 0.125, 0.375)


def test_time_axis_uses_the_seconds_of_the_points() -> None:
    rows = rows_of(points("a", "train", [3, 2]), axis="time")
    assert rows.loc[rows["kind"] == "train", "x"].tolist() == [0.25, 0.5]


@given(st.integers(1, 2000))
def test_few_points_answer_to_the_mouse_and_the_last_is_one_of_them(count: int) -> None:
    rows = rows_of(points("a", "train", [1.0] * count))
    tips = rows.loc[rows["kind"] == "train", "tip"].to_numpy()
    assert 1 <= tips.sum() <= TIPS_A_CURVE + 1
    assert tips[-1]


@pytest.mark.parametrize("quantity", get_args(Quantity))
@pytest.mark.parametrize("axis", get_args(Axis))
@pytest.mark.parametrize("log", [False, True])
def test_every_chart_is_valid_titled_and_described(
    quantity: Quantity, axis: Axis, log: bool
) -> None:
    chart = curve_chart(quantity, axis=axis, log=log).to_dict(validate=True)

    assert chart["title"]
    assert chart["description"].endswith("a curve for each run.")
    titles = {
        layer["encoding"][channel].get("title")
        for layer in chart["layer"]
        for channel in ("x", "y")
        if layer["encoding"].get(channel, {}).get("field", "low") != "low"
    }
    assert len(titles) == 2
    assert None not in titles


def test_a_spec_is_built_once_and_says_nothing_of_runs_or_data() -> None:
    spec = curve_spec("loss")

    assert curve_spec("loss") is spec
    assert "data" not in json.dumps(spec).replace("datum", "")
    assert not any(colour in json.dumps(spec) for colour in palette.RUN_COLOURS)


def test_accuracy_keeps_its_whole_axis() -> None:
    scales = [
        layer["encoding"]["y"]["scale"]
        for layer in curve_spec("accuracy")["layer"][1:]
        if "value" not in layer["encoding"]["y"]
    ]
    assert len(scales) == 6
    assert all(scale == {"domain": [0, 1]} for scale in scales)


def test_what_is_not_finite_is_a_gap_with_a_mark() -> None:
    step = np.arange(5.0)
    value = np.array([1.0, np.nan, np.inf, -np.inf, 0.5])
    rows = curve_rows(
        {("a", "train"): Curve(step, step, value, value, value)},
        {"a": "#000"},
        {"a": "a"},
        end=4.0,
        smoothing=0.5,
    )
    assert not np.isinf(rows.select_dtypes("number").to_numpy()).any()
    marks = rows[rows["kind"].isin(["NaN", "∞", "−∞"])]
    assert dict(zip(marks["kind"], marks["x"], strict=True)) == {"NaN": 1.0, "∞": 2.0, "−∞": 3.0}
    conditions = [
        layer["transform"][0]["filter"]
        for layer in curve_spec("loss")["layer"]
        if "transform" in layer
    ]
    assert {"datum.kind == '∞'", "datum.kind == '−∞'", "test(/NaN|,/, datum.kind)"} <= set(
        conditions
    )
