"""Configs: what they refuse and in which words, and that they survive every way of writing them."""

from __future__ import annotations

import math
import re
import shlex
from typing import Annotated, Any, ClassVar, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from mlcore.core import Config, ConfigError, fingerprint


class Sample(Config):
    """One field of each kind."""

    experiment: ClassVar[str] = "sample"

    lr: float = Field(0.01, gt=0, le=10, description="Learning rate")
    momentum: float = Field(0.9, ge=0, lt=1)
    hidden: tuple[Annotated[int, Field(ge=1, le=4096)], ...] = Field(
        (256, 64), min_length=1, max_length=4
    )
    loss: Literal["mse", "cross_entropy"] = "mse"
    nesterov: bool = False
    epochs: int = Field(3, ge=1, le=1000)
    note: str = Field("", max_length=40)


samples = st.builds(
    Sample,
    lr=st.floats(0, 10, exclude_min=True),
    momentum=st.floats(0, 1, exclude_max=True),
    hidden=st.lists(st.integers(1, 4096), min_size=1, max_size=4).map(tuple),
    loss=st.sampled_from(["mse", "cross_entropy"]),
    nesterov=st.booleans(),
    epochs=st.integers(1, 1000),
    note=st.text(max_size=40),
)


@given(samples)
def test_a_config_survives_json(config: Sample) -> None:
    assert Sample.from_json(config.to_json()) == config
    assert Sample.from_dict(config.to_dict()) == config


@given(samples)
def test_a_config_survives_being_written_as_python(config: Sample) -> None:
    text = config.as_python("keep").replace("mlcore.", "")
    assert eval(text, {"keep": lambda c: c, "Sample": Sample}) == config  # noqa: S307 - our text


@given(samples.filter(lambda c: "," not in c.note))
def test_a_config_survives_being_written_as_a_command(config: Sample) -> None:
    words = shlex.split(config.as_command())[3:]
    fields: dict[str, str] = {}
    while words:
        flag = words.pop(0)
        if flag in ("--nesterov", "--no-nesterov"):
            fields["nesterov"] = str(flag == "--nesterov")
        else:
            fields[flag[2:].replace("-", "_")] = words.pop(0)
    assert Sample.from_strings(fields) == config


@given(samples, st.randoms(use_true_random=False))
def test_the_fingerprint_does_not_depend_on_the_order_of_fields(
    config: Sample, random: Any
) -> None:
    fields = list(config.to_dict().items())
    random.shuffle(fields)
    assert Sample.from_dict(dict(fields)).fingerprint() == config.fingerprint()
    assert fingerprint("sample", 1, dict(fields), "", config.code_hash()) == config.fingerprint()


@given(samples, samples)
def test_the_fingerprint_is_changed_by_every_field(one: Sample, other: Sample) -> None:
    for name in Sample.model_fields:
        changed = one.replace(**{name: getattr(other, name)})
        assert (changed.fingerprint() == one.fingerprint()) == (changed == one)


def test_the_fingerprint_is_changed_by_experiment_version_and_data() -> None:
    same = fingerprint("a", 1, {"lr": 0.1}, "data")
    assert len(same) == 64
    assert same != fingerprint("b", 1, {"lr": 0.1}, "data")
    assert same != fingerprint("a", 2, {"lr": 0.1}, "data")
    assert same != fingerprint("a", 1, {"lr": 0.1}, "other")


def test_minus_zero_is_zero_to_the_fingerprint() -> None:
    assert Sample(momentum=-0.0).fingerprint() == Sample(momentum=0.0).fingerprint()


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("lr", -1, "lr is -1, but must be a number above 0 and up to 10."),
        ("lr", math.nan, "lr is nan, but must be a number above 0 and up to 10."),
        ("lr", math.inf, "lr is inf, but"),
        ("lr", "fast", "lr is 'fast', but must be a number"),
        ("lr", True, "lr is True, but"),
        ("epochs", 10**9, "epochs is 1000000000, but must be a whole number from 1 to 1000."),
        ("epochs", 2.5, "epochs is 2.5, but must be a whole number"),
        ("hidden", (), "hidden is (), but must be 1 to 4 whole numbers from 1 to 4096."),
        ("hidden", (8, 0), "hidden is 0, but must be 1 to 4 whole numbers from 1 to 4096."),
        ("hidden", 8, "hidden is 8, but must be"),
        ("loss", "mae", "loss is 'mae', but must be one of mse, cross_entropy."),
        ("nesterov", 1, "nesterov is 1, but must be true or false."),
        ("note", "x" * 41, "but must be text of at most 40 characters."),
        ("speed", 1, "Sample has no field speed (given: 1). Its fields are lr, momentum,"),
    ],
)
def test_a_bad_value_is_one_sentence_with_field_value_and_bounds(
    field: str, value: Any, words: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(words)) as caught:
        Sample(**{field: value})
    assert isinstance(caught.value, ConfigError)
    assert list(caught.value.problems) == [field]
    assert "\n" not in str(caught.value)


def test_all_bad_fields_are_named_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        Sample(lr=-1, epochs=0)
    assert set(caught.value.problems) == {"lr", "epochs"}


def test_text_that_is_no_number_is_named_as_it_was_given() -> None:
    with pytest.raises(ConfigError, match=r"epochs is '3\.5', but must be a whole number"):
        Sample.from_strings({"epochs": "3.5"})


def test_a_config_is_frozen_and_hashable() -> None:
    config = Sample()
    assert {config: 1}[Sample()] == 1
    with pytest.raises(ValueError, match="frozen"):
        config.lr = 0.5  # type: ignore[misc]


def test_a_spec_tells_a_form_all_it_needs() -> None:
    specs = {spec.name: spec for spec in Sample.specs()}
    assert (specs["lr"].kind, specs["lr"].low, specs["lr"].high) == ("number", 0, 10)
    assert specs["lr"].low_open
    assert specs["lr"].help == "Learning rate"
    assert specs["loss"].choices == ("mse", "cross_entropy")
    assert (specs["hidden"].low, specs["hidden"].high, specs["hidden"].max_length) == (1, 4096, 4)
    assert specs["nesterov"].kind == "switch"
