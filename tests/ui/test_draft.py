"""The draft of a config: text in, a config or sentences out."""

import math
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from mlcore.core import Config
from mlcore.mnist import MNISTConfig
from mlcore.ui.draft import Draft, as_text, slider_values

SPECS = {spec.name: spec for spec in MNISTConfig.specs()}


class Small(Config):
    """A config of every kind of field."""

    experiment = "small"

    rate: float = Field(0.5, gt=0.0, le=1.0, json_schema_extra={"scale": "log"})
    size: int = Field(8, ge=1, le=64, json_schema_extra={"scale": "powers_of_two"})
    share: float = Field(0.25, ge=0.0, le=1.0)
    seed: int = Field(0, ge=0, le=2**31 - 1)
    widths: tuple[Annotated[int, Field(ge=1, le=9)], ...] = Field((4, 2), min_length=1)
    kind: Literal["plain", "wavy"] = Field("plain")
    waves: int = Field(3, ge=1, le=9, json_schema_extra={"only_if": {"kind": ["wavy"]}})
    loud: bool = Field(False)


@pytest.mark.parametrize("config", MNISTConfig.presets.values(), ids=list(MNISTConfig.presets))
def test_every_preset_survives_the_form_and_the_url(config: MNISTConfig) -> None:
    params = Draft.of(config).params()

    again, problems = Draft.from_params(MNISTConfig, params).check()

    assert again == config
    assert problems == {}


@given(
    rate=st.floats(1e-12, 1.0),
    size=st.integers(1, 64),
    widths=st.lists(st.integers(1, 9), min_size=1, max_size=5).map(tuple),
    loud=st.booleans(),
)
def test_any_config_survives_the_form(
    rate: float, size: int, widths: tuple[int, ...], loud: bool
) -> None:
    config = Small(rate=rate, size=size, widths=widths, loud=loud)

    assert Draft.of(config).check()[0] == config


def test_defaults_leave_the_url_empty() -> None:
    assert Draft(MNISTConfig, {"lr": "0.01", "hidden": "256, 64"}).params() == {}


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("lr", "-1", "lr is -1.0, but must be a number above 0 and up to 10."),
        ("lr", "nan", "lr is nan, but must be a number above 0 and up to 10."),
        ("lr", "quick", "lr is 'quick', but must be a number above 0 and up to 10."),
        ("batch_size", "0", "batch_size is 0, but must be a whole number from 1 to 65536."),
        ("epochs", "1000000000", "epochs is 1000000000, but must be"),
        ("hidden", "", "hidden is (), but must be 1 to 32 whole numbers from 1 to 4096."),
        ("hidden", "256; 64", "hidden is '256; 64', but must be"),
        ("model", "rnn", "model is 'rnn', but must be one of linear, mlp, cnn."),
    ],
)
def test_a_wrong_text_is_kept_and_gets_one_sentence(name: str, text: str, said: str) -> None:
    draft = Draft(MNISTConfig, {}).typed(name, text)

    config, problems = draft.check()

    assert config is None
    assert list(problems) == [name]
    assert problems[name].startswith(said)
    assert draft.params() == {name: text}


def test_a_field_that_does_not_matter_is_hidden_and_left_at_its_default() -> None:
    draft = Draft(MNISTConfig, {"momentum": "0.5"})
    assert draft.check()[0] == MNISTConfig(momentum=0.5)

    with_adam = draft.typed("optimizer", "adam")

    assert "momentum" not in [spec.name for spec in with_adam.visible()]
    assert with_adam.check()[0] == MNISTConfig(optimizer="adam")
    assert with_adam.typed("optimizer", "sgd").check()[0] == MNISTConfig(momentum=0.5)


def test_parameters_that_name_no_field_are_left_alone() -> None:
    assert Draft.from_params(MNISTConfig, {"runs": "abc", "lr": "1"}).texts == {"lr": "1"}


@pytest.mark.parametrize(
    "spec", [s for s in MNISTConfig.specs() if s.kind in {"integer", "number"}]
)
def test_slider_stops_are_allowed_ordered_and_hold_the_default(spec: object) -> None:
    spec = SPECS[spec.name]  # type: ignore[attr-defined]
    stops = slider_values(spec, spec.default)
    if stops is None:
        assert spec.name in ("seed", "fold_seed")
        return

    assert stops == sorted(set(stops))
    assert spec.default in stops
    assert spec.low is not None
    assert spec.high is not None
    assert all(spec.low <= stop <= spec.high for stop in stops)
    assert stops[-1] == spec.high
    assert (stops[0] == spec.low) != (spec.low_open and stops[0] > spec.low)
    assert min(5, spec.high - spec.low + 1) <= len(stops) <= 45


def test_powers_of_two_step_by_two() -> None:
    spec = next(spec for spec in Small.specs() if spec.name == "size")
    assert slider_values(spec, 8) == [1, 2, 4, 8, 16, 32, 64]


def test_a_logarithmic_slider_steps_by_one_two_five() -> None:
    stops = slider_values(SPECS["lr"], 0.01)
    assert stops is not None
    assert {0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1} <= set(stops)


def test_the_present_value_is_a_stop_if_it_is_allowed() -> None:
    assert 0.0123 in (slider_values(SPECS["lr"], 0.0123) or [])
    assert -1.0 not in (slider_values(SPECS["lr"], -1.0) or [])
    assert slider_values(SPECS["lr"], math.nan) == slider_values(SPECS["lr"], 0.01)


@pytest.mark.parametrize(
    ("value", "text"),
    [((256, 64), "256, 64"), (True, "true"), (0.01, "0.01"), (10.0, "10"), (1e-7, "1e-07")],
)
def test_values_are_written_as_a_person_would(value: object, text: str) -> None:
    assert as_text(value) == text
