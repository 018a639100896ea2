"""What the pages on layers write: numbers, counts, conclusions, labels, largest rates."""

import math
from itertools import pairwise

import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mlcore.charts.line_labels import apart
from mlcore.ui.common.numbers import counted, every, latex, plain_number, power
from mlcore.ui.layers.digit_strip import parse
from mlcore.ui.layers.kernels import LARGEST_WEIGHT, from_text, preset, resized, to_text
from mlcore.ui.layers.race import largest_rate
from mlcore.ui.layers.signal_verdict import conclusion, fate


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-0.0, "0"),
        (-1.0, "−1"),
        (1.5e-7, "1.5·10⁻⁷"),
        (-2.5e12, "−2.5·10¹²"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
        (math.nan, "NaN"),
    ],
)
def test_numbers_are_written_with_a_true_minus_and_no_value_breaks_a_page(
    value: float, text: str
) -> None:
    assert power(value) == text


@given(st.floats())
def test_every_float_can_be_written(value: float) -> None:
    assert power(value)
    assert latex(value)


def test_one_thing_is_not_told_in_the_plural() -> None:
    assert [counted(n, "cell") for n in (0, 1, 2)] == ["0 cells", "1 cell", "2 cells"]
    assert [every(n, "cell") for n in (1, 1568)] == ["The only cell", "All 1,568 cells"]
    assert plain_number(-1.0) == "−1"
    assert plain_number(-0.0) == "0"


@pytest.mark.parametrize(
    ("near", "far", "expected"),
    [
        (1.0, 0.5, "kept"),
        (1.0, 0.05, "shrunk"),
        (0.5, 30.0, "grown"),
        (1.0, 0.0, "lost"),
        (1.0, math.inf, "grown"),
        (1.0, math.nan, "grown"),
    ],
)
def test_what_became_of_a_spread(near: float, far: float, expected: str) -> None:
    assert fate(near, far) == expected


def test_the_conclusion_names_every_scheme_once_and_first_those_that_keep_both() -> None:
    told = conclusion(
        {
            "Zeros": ([0.0, 0.0], [0.0, 0.0]),
            "Normal": ([1.0, 1e-4], [1e-4, 1.0]),
            "Xavier": ([1.0, 1e-3], [1e-3, 1.0]),
            "default": ([1.0, 0.5], [1e-3, 1.0]),
            "Kaiming": ([1.0, 1.1], [1.0, 0.9]),
        },
        "ReLU",
    )

    assert told == (
        "Through 2 layers of ReLU, **Kaiming** keeps activations and gradients within a factor of "
        "10; **Zeros** passes neither activations nor gradients through; **Normal** and **Xavier** "
        "shrink both activations and gradients; **default** keeps the activations but shrinks the "
        "gradients."
    )


def test_one_hidden_layer_concludes_nothing() -> None:
    assert "choose more hidden layers" in conclusion({"Zeros": ([0.0], [0.0])}, "Tanh")


@given(st.lists(st.floats(-1, 7), min_size=1, max_size=8))
def test_labels_keep_their_order_a_gap_and_the_axis(places: list[float]) -> None:
    found = apart(places, 0.5, -1.0, 7.0)

    assert all(-1 - 1e-9 <= place <= 7 + 1e-9 for place in found)
    ordered = sorted(found)
    assert all(b - a >= 0.5 - 1e-9 for a, b in pairwise(ordered))
    order = sorted(range(len(places)), key=lambda i: places[i])
    assert [found[i] for i in order] == ordered


def test_labels_that_do_not_meet_stay_at_their_lines() -> None:
    assert apart([3.0, 0.0, 5.0], 0.5, -1.0, 7.0) == [3.0, 0.0, 5.0]
    assert apart([2.0, 2.0], 1.0, -1.0, 7.0) == [1.5, 2.5]


@pytest.mark.parametrize(
    ("accuracies", "ended", "text"),
    [
        ([0.9, 0.8, 0.1], [True, True, True], "0.1"),
        ([0.1, 0.1, None], [True, True, True], "none of these"),
        ([None, None, None], [False, False, False], "not known yet"),
        ([0.9, None, None], [True, False, True], "at least 0.01"),
        ([None, 0.9, None], [False, True, True], "0.1"),
    ],
)
def test_the_largest_rate_is_not_told_before_it_is_known(
    accuracies: list[float | None], ended: list[bool], text: str
) -> None:
    rows = pd.DataFrame({"order": [0.01, 0.1, 1.0], "accuracy": accuracies, "ended": ended})

    assert largest_rate(rows) == text


@given(st.integers(1, 11), st.integers(1, 11))
def test_a_resized_kernel_keeps_its_middle_and_grows_back_from_larger(old: int, new: int) -> None:
    kernel = torch.arange(1.0, old * old + 1).view(old, old).double()

    made = resized(kernel, new)

    assert made.shape == (new, new)
    assert float(made[new // 2, new // 2]) == float(kernel[old // 2, old // 2])
    if new >= old:
        assert torch.equal(resized(made, old), kernel)


@pytest.mark.parametrize("size", range(1, 12))
def test_the_middle_of_an_edge_kernel_is_exactly_0(size: int) -> None:
    if size % 2 and size > 1:
        assert not preset("vertical edges", size)[:, size // 2].any()


@pytest.mark.parametrize(
    "text", ["nan", "inf", "1e400", f"{2 * LARGEST_WEIGHT}", "-inf", "1,inf;2,3"]
)
def test_a_kernel_of_what_is_no_usable_number_is_refused(text: str) -> None:
    assert from_text(text) is None


def test_the_largest_weight_survives_the_url() -> None:
    kernel = torch.full((11, 11), -LARGEST_WEIGHT, dtype=torch.float64)

    back = from_text(to_text(kernel))

    assert back is not None
    assert torch.equal(back, kernel)


@pytest.mark.parametrize(
    "text", ["", "inf", "nan", "-0", "-1", "97", "1e1", "٣", "9" * 10_000, "x"]
)
def test_what_names_no_test_image_is_none(text: str) -> None:
    assert parse(text, 96) is None


def test_every_test_image_can_be_named() -> None:
    assert [parse(str(n), 96) for n in range(97)] == list(range(97))
