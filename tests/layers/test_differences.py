"""The largest difference: of finite pairs the largest, of anything else no number at all."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mlcore.layers.differences import largest_difference

finite = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=5)


@given(st.lists(finite, min_size=1, max_size=4), st.floats(-10, 10))
def test_of_finite_pairs_it_is_the_largest_absolute_difference(
    rows: list[list[float]], shift: float
) -> None:
    pairs = [(torch.tensor(row).double(), torch.tensor(row).double() + shift) for row in rows]
    expected = max(
        abs(float(b) - float(a)) for one, two in pairs for a, b in zip(one, two, strict=True)
    )

    assert largest_difference(*pairs) == pytest.approx(expected)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_number_that_is_not_finite_makes_it_nan_wherever_it_stands(
    bad: float, place: int
) -> None:
    numbers = [torch.zeros(2), torch.zeros(2), torch.zeros(2)]
    numbers[place][1] = bad

    assert math.isnan(largest_difference(*((n, torch.zeros(2)) for n in numbers)))
    assert math.isnan(largest_difference(*((n, n) for n in numbers)))


def test_of_no_numbers_it_is_0() -> None:
    assert largest_difference() == 0
    assert largest_difference((torch.zeros(0), torch.zeros(0))) == 0
