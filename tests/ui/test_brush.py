"""Marks on the axes of parallel coordinates: which rows pass, and which ranges they name."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore.charts.dimensions import Dimension
from mlcore.sweeps import Choices, IntRange, LinearRange, LogRange, Range
from mlcore.sweeps.ensembles import EnsembleResult
from mlcore.ui.common.brush import Brushed
from mlcore.ui.sweeps.panel import ensemble_words
from mlcore.ui.sweeps.settings_tab import as_errors, marked_ranges
from mlcore.ui.sweeps.view_data import CURVES, SweepView, drawn_curves

FRAME = pd.DataFrame(
    {
        "config.lr": [0.001, 0.01, 0.1, 1.0],
        "config.width": [16, 32, 64, 128],
        "config.optimizer": ["sgd", "adam", "sgd", "rmsprop"],
        "momentum": [0.0, np.nan, 0.5, 0.9],
    }
)
RANGES: dict[str, Range] = {
    "lr": LogRange(0.001, 1.0),
    "width": IntRange(16, 128, log=True),
    "optimizer": Choices(("sgd", "adam", "rmsprop")),
}
AXES = {
    "lr": Dimension.of(FRAME, "config.lr", title="Learning rate", kind="log", cover=(0.001, 1)),
    "width": Dimension.of(FRAME, "config.width", title="Width", kind="log", cover=(16, 128)),
    "optimizer": Dimension.of(FRAME, "config.optimizer", categories=("sgd", "adam", "rmsprop")),
}


def brushed(**marks: tuple[float, float]) -> Brushed:
    axes = {axis.column: axis for axis in (*AXES.values(), Dimension.of(FRAME, "momentum"))}
    return Brushed({name.replace("__", "."): mark for name, mark in marks.items()}, axes)


def ranges_of(marks: Brushed) -> dict[str, str]:
    space = SimpleNamespace(ranges=RANGES)
    seen = SimpleNamespace(sweep=SimpleNamespace(space=space), fields=AXES)
    return marked_ranges(cast("SweepView", cast("Any", seen)), marks)


def test_without_marks_every_row_passes() -> None:
    assert not brushed()
    assert brushed().mask(FRAME).all()
    assert ranges_of(brushed()) == {}


def test_a_row_passes_only_through_every_mark() -> None:
    marks = brushed(config__lr=(0.3, 1.0), config__optimizer=(0.0, 0.34))

    assert marks
    assert marks.mask(FRAME).tolist() == [False, False, True, False]


def test_a_row_without_a_value_passes_through_no_mark_on_that_axis() -> None:
    assert brushed(momentum=(0.0, 1.0)).mask(FRAME).tolist() == [True, False, True, True]


@given(st.floats(0, 1), st.floats(0, 1))
def test_bounds_are_the_values_at_the_ends_of_a_mark(one: float, other: float) -> None:
    low, high = sorted((one, other))
    marks = brushed(config__lr=(low, high))

    found = marks.bounds("config.lr")

    assert found == pytest.approx((0.001 * 1000**low, 0.001 * 1000**high))
    assert marks.bounds("config.optimizer") is None


def test_marks_name_the_ranges_to_search_on() -> None:
    marks = brushed(
        config__lr=(1 / 3, 2 / 3), config__width=(0.0, 0.5), config__optimizer=(0.4, 1.0)
    )

    assert ranges_of(marks) == {
        "lr": "log:0.01:0.1",
        "width": "logint:16:45",
        "optimizer": "adam,rmsprop",
    }


def test_a_mark_too_narrow_or_too_wide_to_say_anything_names_none() -> None:
    assert ranges_of(brushed(config__lr=(0.5, 0.5))) == {}
    assert ranges_of(brushed(config__optimizer=(0.0, 1.0))) == {}
    assert ranges_of(brushed(momentum=(0.1, 0.2))) == {}


def test_a_range_never_grows_by_a_mark() -> None:
    wide = Dimension.of(FRAME, "config.lr", kind="log", cover=(1e-5, 100))
    space = SimpleNamespace(ranges={"lr": LinearRange(0.01, 0.5)})
    seen = SimpleNamespace(sweep=SimpleNamespace(space=space), fields={"lr": wide})
    marks = Brushed({"config.lr": (0.0, 1.0)}, {"config.lr": wide})

    assert marked_ranges(cast("SweepView", cast("Any", seen)), marks) == {"lr": "lin:0.01:0.5"}


def test_errors_are_what_accuracies_lack_and_other_objectives_stay() -> None:
    ended = pd.DataFrame({"test_accuracy": [0.9, 0.99, 1.0], "loss": [3.0, 2.0, 1.0]})
    axes = tuple(Dimension.of(ended, name) for name in ("test_accuracy", "loss"))

    table, (error, loss) = as_errors(ended, axes)

    assert error.kind == "log"
    assert error.title == "1 − test accuracy"
    assert table[error.column].tolist()[:2] == pytest.approx([0.1, 0.01])
    assert np.isnan(table[error.column].iloc[2])
    assert loss == axes[1]


def test_of_very_many_curves_the_best_and_the_newest_are_drawn() -> None:
    count = 3 * CURVES
    rank = pd.Series(np.linspace(1, 0, count)).where(np.arange(count) < 2 * CURVES)
    table = pd.DataFrame({"run": range(count), "rank": rank})  # the earlier the better

    drawn = drawn_curves(table)["run"].tolist()

    assert set(drawn) == {*range(CURVES // 2), *range(count - CURVES // 2, count)}
    assert drawn[-1] == 0, "the best is drawn last, on top"
    assert drawn_curves(table.head(5))["run"].tolist() == [4, 3, 2, 1, 0]


def group(members: int, gain: float | None, used: bool | None) -> EnsembleResult:
    return EnsembleResult("p", members, gain, used, "here")


def test_the_gain_of_programs_is_told_once_however_many_there_are() -> None:
    groups = [group(6, 1.3, True), group(7, 3.9, True), group(5, 0.8, False), group(4, None, None)]

    assert ensemble_words(groups, running=True) == [
        "13 members in 2 programs: 1.3× to 3.9× measured",
        "5 members one by one: as one program only 0.8× measured",
        "4 members wait for a benchmark as one program",
    ]
    assert ensemble_words(groups[3:], running=False) == []
    assert ensemble_words(groups[:1], running=False) == ["6 members as one program: 1.3× measured"]
