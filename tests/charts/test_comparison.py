"""Overlaid curves: rows against the frames they come from, charts as files and in a notebook."""

import json
import math
import re

import altair as alt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mlcore
from mlcore.charts import files, palette
from mlcore.charts.comparison import (
    TIPS_A_CURVE,
    comparison_chart,
    comparison_rows,
    parts_of,
    with_rows,
)
from mlcore.charts.notebook import curves

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(1)</script>",
    "**x** $x$ :red[x]",
    "x" * 500,
    "مرحبا",
    'a "quoted" \\ name',
]


def frame(run: str, values: list[float], spread: float = 0.0) -> pd.DataFrame:
    value = np.array(values, dtype=np.float64)
    x = np.arange(len(values), dtype=np.float64)
    return pd.DataFrame(
        {"run": run, "x": x, "value": value, "low": value - spread, "high": value + spread}
    )


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50))
def test_a_curve_is_drawn_through_its_own_points(values: list[float]) -> None:
    rows = comparison_rows(frame("a", values), {"a": "first"})

    assert rows["value"].tolist() == values
    assert set(rows["label"]) == {"first"}
    assert parts_of(rows) == (("lone",) if len(values) == 1 else ())


def test_thinned_points_show_their_lowest_and_highest() -> None:
    rows = comparison_rows(frame("a", [1, 2], spread=0.5), {"a": "a"})

    assert rows["low"].tolist() == [0.5, 1.5]
    assert rows["high"].tolist() == [1.5, 2.5]
    assert parts_of(rows) == ("band",)


def test_smoothing_keeps_the_raw_points_behind_the_curve() -> None:
    values = [0.0, 1.0, 0.0, 1.0]
    rows = comparison_rows(frame("a", values), {"a": "a"}, smoothing=0.5)

    assert rows["raw"].tolist() == values
    assert parts_of(rows) == ("raw",)
    assert rows["value"].tolist() == pytest.approx([0, 2 / 3, 2 / 7, 10 / 15])


def test_a_logarithmic_accuracy_is_the_error_rate() -> None:
    rows = comparison_rows(
        frame("a", [0.9, 1.0, 0.99], spread=0.01), {"a": "a"}, metric="test_accuracy", log_y=True
    )

    np.testing.assert_allclose(rows["value"], [0.1, np.nan, 0.01])
    np.testing.assert_allclose(rows["high"], [0.11, 0.01, 0.02])
    assert not (rows["low"] <= 0).any()


def test_a_logarithmic_x_leaves_out_its_zero() -> None:
    rows = comparison_rows(frame("a", [3, 2, 1]), {"a": "a"}, log_x=True)
    assert rows["x"].tolist() == [1, 2]


def test_only_runs_with_a_label_are_drawn_and_in_that_order() -> None:
    both = pd.concat([frame("a", [1]), frame("b", [2]), frame("c", [3])])
    assert comparison_rows(both, {"c": "C", "a": "A"})["label"].tolist() == ["C", "A"]
    assert comparison_rows(both, {}).empty


@given(st.integers(1, 2000))
def test_few_points_answer_the_mouse_and_the_last_always_does(count: int) -> None:
    rows = comparison_rows(frame("a", [1.0] * count), {"a": "a"})
    assert 0 < rows["tip"].sum() <= TIPS_A_CURVE
    assert rows["tip"].iloc[-1]


@pytest.mark.parametrize("axis", ["step", "epoch", "samples", "time"])
@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("metric", ["test_accuracy", "train_loss"])
def test_every_chart_is_valid_and_described(axis: str, log: bool, metric: str) -> None:
    chart = comparison_chart(
        {"a": palette.VALUE, "b": palette.GRADIENT}, metric=metric, axis=axis, log_x=log, log_y=log
    )

    spec = chart.to_dict(validate=True)
    assert spec["title"]
    assert "2 runs" in spec["description"]
    assert all(layer["encoding"]["x"]["title"] for layer in spec["layer"])


def test_more_runs_than_hues_are_told_apart_by_their_dashes() -> None:
    labels = [f"run {number}" for number in range(10)]
    colours = palette.run_colours({label: place for place, label in enumerate(labels)})
    chart = comparison_chart(colours, metric="loss")

    line = chart.to_dict()["layer"][2]["encoding"]
    looks = set(
        zip(
            line["color"]["scale"]["range"],
            map(str, line["strokeDash"]["scale"]["range"]),
            strict=True,
        )
    )
    assert len(looks) == 10


# --- in a notebook -----------------------------------------------------------------------------


def test_the_package_gives_curves_as_a_function() -> None:
    assert mlcore.charts.curves is curves


def test_curves_hold_their_data_however_many_rows() -> None:
    many = pd.concat([frame(f"run {number}", [1.0] * 900) for number in range(6)])
    chart = mlcore.charts.curves(many)

    assert isinstance(chart, alt.LayerChart)
    spec = json.loads(chart.to_json())
    values = next(iter(spec["datasets"].values())) if "datasets" in spec else spec["data"]["values"]
    assert len(values) == 5400


def test_curves_read_the_points_of_one_run_as_they_come() -> None:
    points = pd.DataFrame(
        {"step": [0, 1], "name": "loss", "value": [2.0, np.nan], "time": [0.0, 0.5]}
    )
    spec = json.loads(curves(points, axis="time").to_json())
    text = json.dumps(spec, allow_nan=False)
    assert '"x": 0.5' in text
    (rows,) = spec["datasets"].values()
    marked = [row for row in rows if row["odd"]]
    assert [(row["x"], row["value"], row["odd"]) for row in marked] == [(0.5, None, "NaN")]


@given(st.lists(st.floats(), min_size=1, max_size=30), st.floats(0, 0.9), st.booleans())
def test_what_is_not_finite_is_a_gap_with_a_mark(
    values: list[float], smoothing: float, log_y: bool
) -> None:
    raw = np.array(values)
    rows = comparison_rows(frame("a", values), {"a": "a"}, smoothing=smoothing, log_y=log_y)
    numbers = rows.select_dtypes("number")
    assert not np.isinf(numbers.to_numpy()).any()
    assert rows["value"].isna()[~np.isfinite(raw)].all()
    words = {math.inf: "∞", -math.inf: "−∞"}
    expected = ["" if np.isfinite(v) else words.get(v, "NaN") for v in values]
    assert rows.get("odd", pd.Series([""] * len(values))).tolist() == expected
    chart = comparison_chart({"a": "#000"}, metric="loss", parts=parts_of(rows))
    json.dumps(with_rows(chart, rows).to_dict(), allow_nan=False)


def test_a_point_between_gaps_is_drawn_by_itself() -> None:
    rows = comparison_rows(frame("a", [1.0, math.nan, 2.0, math.nan, 3.0, 4.0]), {"a": "a"})
    assert rows["lone"].tolist() == [True, False, True, False, False, False]


@pytest.mark.parametrize(
    ("bad", "options", "sentence"),
    [
        ({"a": [1]}, {}, "no column 'step'"),
        ({"step": [1, 1], "name": ["loss", "lr"], "value": [1, 2]}, {}, "2 metrics (loss, lr)"),
        ({"step": [1], "name": ["loss"], "value": [1]}, {"metric": "f1"}, "no metric 'f1'"),
        ({"step": [1], "value": [1]}, {"smoothing": 1.0}, "smoothing is 1.0"),
    ],
)
def test_a_table_that_holds_no_curve_is_refused_in_a_sentence(
    bad: dict[str, list[object]], options: dict[str, object], sentence: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        curves(pd.DataFrame(bad), **options)  # type: ignore[arg-type]  # bad on purpose


# --- as files ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hostile_chart() -> alt.LayerChart:
    labels = {name: name for name in HOSTILE}
    rows = comparison_rows(pd.concat([frame(name, [1.0, 2.0]) for name in HOSTILE]), labels)
    return with_rows(comparison_chart(dict.fromkeys(HOSTILE, palette.VALUE), metric="loss"), rows)


def test_an_svg_shows_hostile_names_as_text(hostile_chart: alt.LayerChart) -> None:
    svg = files.as_svg(hostile_chart)
    assert svg.startswith("<svg")
    assert "<img" not in svg
    assert "<script" not in svg
    assert "&lt;img src=x onerror" in svg


def test_a_png_is_a_picture(hostile_chart: alt.LayerChart) -> None:
    assert files.as_png(hostile_chart).startswith(b"\x89PNG\r\n")


def test_a_page_holds_all_it_needs_and_runs_no_name(hostile_chart: alt.LayerChart) -> None:
    page = files.as_html(hostile_chart, HOSTILE[1])

    ours, bundle = page.rsplit("<script>", 1)
    assert not re.search(r"(?:src|href)\s*=", re.sub("<script type.*?</script>", "", ours))
    assert "<script>alert" not in ours
    assert bundle.count("</script") == 1
    [spec] = re.findall(r'<script type="application/vega-lite\+json">(.*?)</script>', page)
    assert json.loads(spec)["layer"]
    assert all(name in json.dumps(json.loads(spec), ensure_ascii=False) for name in HOSTILE[:1])


def test_a_chart_without_its_rows_is_refused_in_a_sentence() -> None:
    with pytest.raises(ValueError, match="Put its rows inside first"):
        files.as_svg(comparison_chart({"a": palette.VALUE}, metric="loss"))
