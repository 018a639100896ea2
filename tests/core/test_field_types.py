"""The types that a field may have: each goes as text, JSON, Python and command line and back."""

from __future__ import annotations

import shlex
from enum import Enum
from pathlib import Path
from typing import ClassVar, Literal

import pytest
from pydantic import BaseModel, Field

from mlcore.core import Config, ConfigError, InputTypeError
from mlcore.ui.draft import Draft, as_text


class Colour(Enum):
    """An enumeration whose names are not its values."""

    RED = "r"
    BLUE = "b"


class Typed(Config):
    """A field of each type."""

    experiment: ClassVar[str] = "typed"

    colour: Colour = Colour.RED
    size: Literal[8, 16] = 8
    word: Literal["a", "b"] = "a"
    on: bool = False
    maybe: bool | None = None
    count: int | None = Field(None, ge=1)
    rate: float | None = 0.5
    way: Literal["x", "y"] | None = None
    file: Path = Path("a.csv")
    other: Path | None = None
    rates: tuple[float, ...] = (0.1, 1.0)
    names: tuple[str, ...] = ("u",)
    pair: tuple[int, int] = (1, 2)


CHANGED = Typed(
    colour=Colour.BLUE,
    size=16,
    word="b",
    on=True,
    maybe=True,
    count=3,
    rate=None,
    way="y",
    file=Path("/b c.csv"),
    other=Path("d"),
    rates=(2.5,),
    names=("v", "w"),
    pair=(3, 4),
)


@pytest.mark.parametrize("config", [Typed(), CHANGED, CHANGED.replace(maybe=False, way=None)])
def test_every_way_there_and_back_gives_the_same_config(config: Typed) -> None:
    assert Typed.from_json(config.to_json()) == config
    assert Typed.from_dict(config.to_dict()).fingerprint() == config.fingerprint()
    texts = {spec.name: as_text(getattr(config, spec.name)) for spec in Typed.specs()}
    assert Typed.from_strings(texts) == config
    assert Draft.of(config).check() == (config, {})
    made = eval(config.as_python("dict").removeprefix("dict"), {"Typed": Typed})  # noqa: S307
    assert made == config
    words = shlex.split(config.as_command())[3:]
    given = {}
    while words:
        flag = words.pop(0)
        name = flag.removeprefix("--").replace("-", "_")
        given[name] = "true" if flag == "--on" else words.pop(0)
    assert Typed.from_strings(given) == config


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"colour": "g"}, "colour is 'g', but must be one of r, b."),
        ({"size": "9"}, "size is '9', but must be one of 8, 16."),
        ({"count": "0"}, "count is 0, but must be a whole number from 1 up or none."),
        ({"rates": "x"}, "rates is 'x', but must be numbers."),
        ({"pair": "1"}, "pair is (1,), but must be 2 whole numbers."),
    ],
)
def test_a_wrong_value_is_refused_by_name(given: dict[str, str], sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Typed.from_strings(given)
    assert str(caught.value) == sentence


def test_a_type_that_no_form_can_hold_is_named_with_its_field() -> None:
    class Inner(BaseModel):
        x: int = 1

    class Nested(Config):
        experiment: ClassVar[str] = "nested"
        inner: Inner = Inner()

    class Bare(Config):
        experiment: ClassVar[str] = "bare"
        lr: float

    with pytest.raises(InputTypeError, match="The field inner has the type Inner"):
        Nested.specs()
    with pytest.raises(InputTypeError, match="The field lr has no default"):
        Bare.specs()
