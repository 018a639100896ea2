"""Charts over many runs: where values lie, what is drawn, what is refused."""

import json
import math
from dataclasses import replace

import altair as alt
import numpy as np
import pandas as pd
import pytest
import vl_convert
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.interpolate import griddata

from mlcore.charts import spaces
from mlcore.charts.dimensions import Dimension, as_text
from mlcore.charts.heatmaps import contour_rows, heatmap_rows
from mlcore.charts.interpolation import isolines, round_levels, surface
from mlcore.charts.parallel import MOST_LINES, chosen_lines, payload, ranks

RUNS = pd.DataFrame(
    {
        "run": ["a", "b", "c", "d", "e", "f"],
        "lr": [1e-3, 1e-2, 1e-1, 1e-3, 1e-2, 1e-1],
        "dropout": [0.0, 0.0, 0.0, 0.4, 0.4, 0.4],
        "hidden": [(32,), (32,), (128, 64), (128, 64), (32,), (32,)],
        "optimizer": ["sgd", "adam", "sgd", "adam", "sgd", "adam"],
        "momentum": [0.9, math.nan, 0.5, math.nan, 0.1, math.nan],
        "accuracy": [0.80, 0.90, 0.95, 0.70, 0.85, math.nan],
    }
)
positive = st.floats(1e-6, 1e6)
numbers = st.floats(-1e6, 1e6)


def drawn(chart: alt.LayerChart) -> dict[str, object]:
    """The spec, once Vega itself could draw it: a valid spec may still fail to be compiled."""
    spec: dict[str, object] = chart.to_dict(validate=True)
    assert "<svg" in vl_convert.vegalite_to_svg(spec)
    return spec


# --- where values lie ------------------------------------------------------------------------


@given(st.lists(positive, min_size=1, max_size=20), st.sampled_from(["log", "linear"]))
def test_places_of_numbers_lie_on_the_axis_and_lead_back_to_them(
    values: list[float], kind: str
) -> None:
    column = pd.Series(values)
    axis = Dimension.of(column.to_frame("v"), "v", kind=kind)  # type: ignore[arg-type]

    places = axis.places(column)

    assert (places >= -1e-9).all()
    assert (places <= 1 + 1e-9).all()
    wide = axis.high - axis.low
    assert axis.values_at(places) == pytest.approx(column, rel=1e-6, abs=1e-9 * wide)


@given(st.lists(numbers, min_size=1, max_size=20))
def test_ends_are_round_and_stay_while_points_come_between_them(values: list[float]) -> None:
    column = pd.Series(values)
    axis = Dimension.of(column.to_frame("v"), "v", kind="linear")
    more = pd.concat([column, pd.Series([(min(values) + max(values)) / 2])])

    assert Dimension.of(more.to_frame("v"), "v", kind="linear") == axis
    assert axis.low <= min(values)
    assert axis.high >= max(values)


@given(st.lists(numbers, min_size=2, max_size=20, unique=True))
@example([1e6, 999999.9999999999])
def test_ticks_lie_on_the_axis_in_rising_order(values: list[float]) -> None:
    column = pd.Series(values)
    ticks = Dimension.of(column.to_frame("v"), "v").ticks()

    places = [place for place, _ in ticks]
    assert len(ticks) >= 2
    assert places == sorted(places)
    assert all(-1e-6 <= place <= 1 + 1e-6 for place in places)


def test_kinds_are_read_off_the_values() -> None:
    kinds = {name: Dimension.of(RUNS, name).kind for name in RUNS.columns}

    assert kinds == {
        "run": "category",
        "lr": "log",
        "dropout": "linear",
        "hidden": "category",
        "optimizer": "category",
        "momentum": "linear",
        "accuracy": "linear",
    }


def test_categories_are_in_order_of_value_and_tuples_are_read_as_layers() -> None:
    axis = Dimension.of(RUNS, "hidden")

    assert axis.categories == ("32", "128, 64")
    assert axis.places(RUNS["hidden"]).tolist() == [0.25, 0.25, 0.75, 0.75, 0.25, 0.25]


def test_a_column_that_may_be_missing_has_no_place_where_it_is() -> None:
    places = Dimension.of(RUNS, "momentum").places(RUNS["momentum"])

    assert np.isnan(places).tolist() == RUNS["momentum"].isna().tolist()


def test_evenly_spread_numbers_stay_on_an_even_axis_however_small_the_smallest() -> None:
    even = pd.DataFrame({"v": np.linspace(0.001, 1, 50)})
    by_factors = pd.DataFrame({"v": np.geomspace(0.001, 1, 50)})

    assert Dimension.of(even, "v").kind == "linear"
    assert Dimension.of(by_factors, "v").kind == "log"


def test_an_axis_covers_the_bounds_of_the_search_too() -> None:
    axis = Dimension.of(RUNS, "lr", cover=(1e-5, 10))

    assert (axis.low, axis.high) == (1e-5, 10)
    odd = Dimension.of(RUNS, "lr", cover=(0.00037, 0.3))
    assert (odd.low, odd.high) == (0.00037, 0.3), "no rounding where all runs lie between"
    beyond = Dimension.of(RUNS, "lr", cover=(0.007, 0.3))
    assert (beyond.low, beyond.high) == (1e-3, 0.5)


def test_a_column_without_any_value_still_has_its_axis() -> None:
    nothing = pd.DataFrame({"lr": pd.Series([None, None], dtype="object")})

    axis = Dimension.of(nothing, "lr", kind="log", cover=(0.01, 1))

    assert np.isnan(axis.places(nothing["lr"])).all()
    assert axis.drawn(nothing["lr"]).isna().all()


@pytest.mark.parametrize(
    ("column", "kind", "said"),
    [
        ("depth", None, "The table has no column 'depth'; its columns are: run, lr"),
        ("dropout", "log", "goes down to 0, but a log axis needs numbers above 0"),
        ("optimizer", "linear", "holds more than numbers"),
    ],
)
def test_an_axis_that_cannot_be_is_refused_in_a_sentence(
    column: str, kind: str | None, said: str
) -> None:
    with pytest.raises(ValueError, match=r"^The (column|table)") as refused:
        Dimension.of(RUNS, column, kind=kind)  # type: ignore[arg-type]

    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.1, "0.1"), (60_000, "60000"), ((256, 64), "256, 64"), (True, "true"), (None, "—")],
)
def test_values_are_written_as_a_person_types_them(value: object, text: str) -> None:
    assert as_text(value) == text


# --- the surface between points --------------------------------------------------------------


def test_the_surface_is_scipys_linear_one() -> None:
    generator = np.random.default_rng(3)
    x, y, values = generator.random((3, 40))

    ours = surface(x, y, values, size=17)

    across, up = np.meshgrid(np.linspace(0, 1, 17), np.linspace(0, 1, 17))
    theirs = griddata((x, y), values, (across, up), method="linear")
    np.testing.assert_allclose(ours.values, theirs, atol=1e-12)


def test_repeated_points_count_as_their_mean_and_missing_ones_not_at_all() -> None:
    x = np.array([0.0, 1.0, 0.0, 1.0, 0.0, 0.5])
    y = np.array([0.0, 0.0, 1.0, 1.0, 0.0, 0.5])
    values = np.array([1.0, 3.0, 3.0, 5.0, 3.0, math.nan])

    corner = surface(x, y, values, size=3).values[0, 0]

    assert corner == pytest.approx(2.0)


@given(st.floats(-3, 3).filter(lambda a: abs(a) > 0.1), st.floats(-3, 3), st.floats(-2, 2))
def test_isolines_of_a_plane_lie_where_the_plane_has_that_height(
    a: float, b: float, c: float
) -> None:
    corners = np.array([[0.0, 1.0, 0.0, 1.0], [0.0, 0.0, 1.0, 1.0]])
    heights = a * corners[0] + b * corners[1] + c

    lines = isolines(surface(corners[0], corners[1], heights), round_levels(heights))

    assert len(lines)
    for x, y in ((lines[:, 1], lines[:, 2]), (lines[:, 3], lines[:, 4])):
        np.testing.assert_allclose(a * x + b * y + c, lines[:, 0], atol=1e-9)
        assert ((x >= -1e-9) & (x <= 1 + 1e-9) & (y >= -1e-9) & (y <= 1 + 1e-9)).all()


def test_isolines_of_a_hill_are_circles() -> None:
    grid = np.linspace(0, 1, 61)
    x, y = (axis.ravel() for axis in np.meshgrid(grid, grid))
    hill = -((x - 0.5) ** 2) - (y - 0.5) ** 2

    lines = isolines(surface(x, y, hill, size=61), np.array([-0.1]))

    radius = np.hypot(lines[:, 1] - 0.5, lines[:, 2] - 0.5)
    np.testing.assert_allclose(radius, math.sqrt(0.1), atol=2e-3)


@pytest.mark.parametrize(
    ("x", "y"),
    [([0.1, 0.9], [0.1, 0.9]), ([0.1, 0.5, 0.9], [0.1, 0.5, 0.9]), ([0.3] * 9, list(range(9)))],
)
def test_points_on_a_line_make_no_surface(x: list[float], y: list[float]) -> None:
    with pytest.raises(ValueError, match="three measured points that do not lie on one line"):
        surface(np.array(x), np.array(y, dtype=float), np.ones(len(x)))


# --- charts ----------------------------------------------------------------------------------


def test_scatter_draws_each_run_that_has_both_values_once() -> None:
    lr, accuracy = Dimension.of(RUNS, "lr"), Dimension.of(RUNS, "accuracy")

    rows = spaces.scatter_rows(RUNS, lr, accuracy, label="run", marked=["c"])

    assert rows["run"].tolist() == ["a", "b", "c", "d", "e"]
    assert rows["y"].tolist() == RUNS["accuracy"].dropna().tolist()
    assert rows["marked"].tolist() == [False, False, True, False, False]


@pytest.mark.parametrize("colour", [None, "dropout", "optimizer", "hidden"])
@pytest.mark.parametrize(("x", "y"), [("lr", "accuracy"), ("optimizer", "accuracy")])
def test_scatter_is_a_valid_chart_whatever_its_columns_hold(
    x: str, y: str, colour: str | None
) -> None:
    spec = drawn(spaces.scatter(RUNS, x, y, colour, label="run"))

    assert f"{y} against {x}" in json.dumps(spec["title"])
    assert spec["description"]


def test_column_names_that_altair_would_misread_are_drawn_as_they_are() -> None:
    odd = RUNS.rename(columns={"lr": "config.lr[0]:Q", "accuracy": "best: 'x'"})

    spec = drawn(spaces.scatter(odd, "config.lr[0]:Q", "best: 'x'"))

    assert "config.lr[0]:Q" in json.dumps(spec)


def test_heatmap_shows_the_mean_and_the_count_of_each_cell() -> None:
    three = [Dimension.of(RUNS, name) for name in ("optimizer", "dropout", "accuracy")]

    rows = heatmap_rows(RUNS, *three)

    known = RUNS.dropna(subset=["accuracy"])
    assert int(rows["count"].sum()) == len(known)
    for k in range(len(rows)):
        cell = rows.iloc[k]
        mine = (known["optimizer"] == cell["x"]) & (known["dropout"].map(as_text) == cell["y"])
        assert float(cell["value"]) == pytest.approx(known.loc[mine, "accuracy"].mean())
        assert int(cell["count"]) == int(mine.sum())
    drawn(spaces.heatmap(RUNS, "optimizer", "dropout", "accuracy"))


def test_heatmap_puts_many_values_into_bins_that_are_even_on_the_axis() -> None:
    many = pd.DataFrame({"lr": np.geomspace(1e-4, 1, 80), "k": [1, 2] * 40, "v": np.arange(80.0)})

    rows = heatmap_rows(many, *(Dimension.of(many, name) for name in ("lr", "k", "v")))

    assert rows["x"].nunique() == 10
    assert set(rows["count"]) == {4}
    assert "0.0001 – 0.000251" in set(rows["x"])


def test_contour_draws_cells_lines_and_every_measured_point() -> None:
    lr, dropout, accuracy = (Dimension.of(RUNS, n) for n in ("lr", "dropout", "accuracy"))

    rows = contour_rows(RUNS, lr, dropout, accuracy, label="run")

    assert set(rows["kind"]) == {"cell", "line", "point"}
    points = rows[rows["kind"] == "point"]
    assert points["run"].tolist() == ["a", "b", "c", "d", "e"]
    assert points["x"].to_numpy() == pytest.approx(RUNS["lr"][:5])
    assert not rows[["x", "y", "value"]].isna().any().any()
    drawn(spaces.contour(RUNS, "lr", "dropout", "accuracy"))


def test_heights_on_a_logarithmic_axis_are_interpolated_by_factors() -> None:
    table = pd.DataFrame(
        {"x": [0.0, 1.0, 0.0, 1.0], "y": [0.0, 0.0, 1.0, 1.0], "loss": [0.01, 1.0, 0.01, 1.0]}
    )
    x, y = Dimension.of(table, "x"), Dimension.of(table, "y")

    rows = contour_rows(table, x, y, Dimension.of(table, "loss", kind="log"))

    cells = rows[rows["kind"] == "cell"]
    middle = (cells["x"] + cells["x2"]) / 2
    inside = (middle > 0.1) & (middle < 0.9)
    np.testing.assert_allclose(cells["value"][inside], 0.01 * 100 ** middle[inside], rtol=1e-6)
    lines = rows[rows["kind"] == "line"]
    np.testing.assert_allclose(lines["value"], 0.01 * 100 ** lines["x"], rtol=1e-6)
    drawn(spaces.contour(table, x, y, Dimension.of(table, "loss", kind="log")))


def test_contour_over_categories_is_refused() -> None:
    with pytest.raises(ValueError, match="between which there is nothing to interpolate"):
        spaces.contour(RUNS, "lr", "optimizer", "accuracy")


def test_importance_bars_need_their_columns() -> None:
    drawn(spaces.importance_bars(pd.DataFrame({"field": ["lr"], "importance": [1.0]})))
    with pytest.raises(ValueError, match="lacks the column importance"):
        spaces.importance_bars(pd.DataFrame({"field": ["lr"]}))


# --- parallel coordinates --------------------------------------------------------------------


def test_ranks_go_from_worst_to_best_and_skip_what_is_missing() -> None:
    up, down = ranks(RUNS, "accuracy", "max"), ranks(RUNS, "accuracy", "min")

    np.testing.assert_allclose(up, [0.25, 0.75, 1.0, 0.0, 0.5, math.nan])
    np.testing.assert_allclose(down, 1 - up)


def test_parallel_lines_hold_each_runs_places_and_end_with_the_best() -> None:
    made = payload(RUNS, ["lr", "momentum", "hidden", "accuracy"], "accuracy", label="run")

    lines = {line["name"]: line for line in made["lines"]}
    assert made["lines"][-1]["name"] == "c"
    assert lines["a"]["places"][0] == 0.0
    assert lines["b"]["places"][1] is None
    assert lines["f"]["rank"] is None
    assert lines["c"]["texts"] == ["0.1", "0.5", "128, 64", "0.95"]
    json.dumps(made, allow_nan=False)
    drawn(spaces.parallel_coordinates(RUNS, ["lr", "momentum", "hidden"], "accuracy", label="run"))


def test_of_very_many_lines_the_best_half_is_drawn_and_the_rest_evenly() -> None:
    rank = np.linspace(0, 1, 5 * MOST_LINES)

    kept = chosen_lines(rank)

    assert len(kept) == len(set(kept)) == MOST_LINES
    assert kept[-MOST_LINES // 2 :] == list(range(len(rank) - MOST_LINES // 2, len(rank)))
    assert kept[0] == 0


@pytest.mark.parametrize(
    ("columns", "colour", "said"),
    [
        (["lr"], None, "need two columns or more; 1 was given"),
        (["lr", "depth"], None, "no column 'depth'"),
        (["lr", "dropout"], "optimizer", "cannot be ranked"),
    ],
)
def test_parallel_coordinates_that_cannot_be_are_refused(
    columns: list[str], colour: str | None, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        spaces.parallel_coordinates(RUNS, columns, colour)


def test_a_table_without_rows_gives_empty_charts() -> None:
    none = RUNS.iloc[:0]

    drawn(spaces.scatter(none, "lr", "accuracy"))
    drawn(spaces.parallel_coordinates(none, ["lr", "dropout"], "accuracy"))
    assert payload(none, ["lr", "dropout"], "accuracy")["lines"] == []


def test_shares_are_shown_in_percent_and_placed_as_numbers() -> None:
    frame = pd.DataFrame({"accuracy": [0.2, 0.292, 0.9, math.nan]})
    plain = Dimension.of(frame, "accuracy")
    axis = replace(plain, share=True)

    assert axis.texts(frame["accuracy"]) == ["20%", "29.2%", "90%", "—"]
    assert all(text.endswith("%") for _, text in axis.ticks())
    np.testing.assert_array_equal(axis.places(frame["accuracy"]), plain.places(frame["accuracy"]))
