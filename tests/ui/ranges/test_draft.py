"""Ranges as they are typed: what is offered makes sense, what is written is read back."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore import MNISTConfig, RegressionConfig
from mlcore.core import FieldSpec
from mlcore.sweeps import Choices, LogRange, Space, parse_range
from mlcore.ui.ranges.draft import (
    RangeDraft,
    Spread,
    can_vary,
    ends_of,
    fresh_range,
    range_text,
    respread,
    spread_of,
    spreads,
    stops_of,
)

SPECS = [
    pytest.param(cls, spec, id=f"{cls.experiment}.{spec.name}")
    for cls in (MNISTConfig, RegressionConfig)
    for spec in cls.specs()
    if can_vary(spec)
]
Configs = type[MNISTConfig] | type[RegressionConfig]
LR = next(spec for spec in MNISTConfig.specs() if spec.name == "lr")


@pytest.mark.parametrize(("cls", "spec"), SPECS)
def test_a_fresh_range_of_any_field_fits_that_field(cls: Configs, spec: FieldSpec) -> None:
    draft = RangeDraft(cls, {spec.name: fresh_range(spec, spec.default)})

    ranges, problems = draft.check()

    assert not problems
    swept = ranges[spec.name]
    assert isinstance(swept, Choices) == (spec.kind in ("choice", "switch", "integers"))
    settings = swept.spread(5)
    assert len(set(settings)) > 1
    if isinstance(swept, Choices):
        assert spec.default in swept.values
    else:
        assert swept.low <= spec.default <= swept.high


@pytest.mark.parametrize(("cls", "spec"), SPECS)
def test_changing_how_values_lie_leaves_a_range_that_fits(cls: Configs, spec: FieldSpec) -> None:
    start = fresh_range(spec, spec.default)

    for first in spreads(spec):
        for second in spreads(spec):
            text = respread(spec, respread(spec, start, first), second)
            assert spread_of(spec, text) == second
            _, problems = RangeDraft(cls, {spec.name: text}).check()
            assert not problems


@given(
    st.floats(1e-6, 10).map(lambda x: float(f"{x:.4g}")),
    st.floats(1.01, 1000),
    st.sampled_from(["log", "even"]),
)
def test_what_two_ends_write_is_read_back_as_they_were(
    low: float, factor: float, spread: Spread
) -> None:
    high = float(f"{low * factor:.6g}")

    text = range_text(LR, spread, str(low), str(high))

    assert spread_of(LR, text) == spread
    assert ends_of(text) == (str(low), str(high))
    found = parse_range(text, LR)
    assert not isinstance(found, Choices)
    assert (found.low, found.high) == (low, high)


@given(st.text(max_size=12), st.text(max_size=12), st.sampled_from(get_args(Spread)))
def test_nothing_that_is_typed_breaks_the_form(low: str, high: str, to: Spread) -> None:
    for text in (range_text(LR, "log", low, high), low, f"{low},{high}"):
        spread_of(LR, text)
        ends_of(text)
        stops_of(LR, text)
        respread(LR, text, to)
        ranges, problems = RangeDraft(MNISTConfig, {"lr": text}).check()
        assert len(ranges) + len(problems) == 1


def test_a_slider_offers_its_own_ends_and_refuses_inverted_ones() -> None:
    slider = stops_of(LR, "log:0.0123:4")
    assert slider is not None
    stops, now = slider

    assert now == (0.0123, 4.0)
    assert {0.0123, 4.0} <= set(stops)
    assert stops == sorted(stops)
    assert stops_of(LR, "log:4:0.1") is None


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("lr", "log:1:0.1", "is inverted"),
        ("lr", "log:0:1", "goes through zero"),
        ("lr", "lin:0.1:0.1", "is empty"),
        ("lr", "log:0.1:100", "must stay within a number above 0 and up to 10"),
        ("lr", "log:a:1", "its ends must be numbers"),
        ("batch_size", "16,32.5", "must be a whole number"),
        ("optimizer", "sgd,lion", "must be one of sgd, adam"),
        ("depth", "1,2", "MNISTConfig has no field depth"),
    ],
)
def test_a_range_that_makes_no_sense_is_explained_at_its_field(
    name: str, text: str, said: str
) -> None:
    ranges, problems = RangeDraft(MNISTConfig, {name: text}).check()

    assert not ranges
    assert said in problems[name]


def test_fields_that_depend_on_a_swept_one_know_its_values() -> None:
    draft = RangeDraft(MNISTConfig, {"optimizer": "sgd,adam", "lr": "log:0.01:1"})

    assert draft.values() == {"optimizer": ("sgd", "adam")}
    space = Space.of(MNISTConfig(), {**draft.check()[0], "momentum": Choices((0.5, 0.9))})
    assert space.conditions["momentum"] == ("optimizer", ("sgd", "rmsprop"))
    assert isinstance(space.ranges["lr"], LogRange)
