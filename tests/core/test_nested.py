"""Models within a config: dotted names there and back, one sentence for what is refused."""

from __future__ import annotations

import json
import math
import shlex
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, create_model, model_validator

from mlcore.cli.fields import dest_of
from mlcore.cli.training import _config, _option
from mlcore.core import Config, ConfigError, FieldSpec, InputTypeError
from mlcore.ui.draft import Draft, as_text


class Decay(BaseModel):
    """A plain model of pydantic, frozen."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["exponential", "step"] = "exponential"
    gamma: float = Field(0.9, gt=0, le=1)
    every: int = Field(10, ge=1, json_schema_extra={"only_if": {"kind": ["step"]}})
    widths: tuple[int, ...] = (1,)


class Optimizer(Config):
    """A config within a config."""

    lr: float = Field(0.1, gt=0, le=1)
    weight_decay: float | None = None
    nesterov: bool = False
    decay: Decay | None = None

    @model_validator(mode="after")
    def _rule(self) -> Optimizer:
        if self.nesterov and self.lr > 0.5:
            raise ValueError("With nesterov, lr must be at most 0.5.")
        return self


class Trainer(Config):
    """Models within it, one with a default of its own."""

    experiment: ClassVar[str] = "trainer"

    steps: int = 3
    optimizer: Optimizer = Optimizer()
    critic: Optimizer = Optimizer(lr=0.5, decay=Decay(gamma=0.5))
    out: Path | None = None


CONFIGS = [
    Trainer(),
    Trainer(steps=4, optimizer=Optimizer(lr=0.2)),
    Trainer(optimizer=Optimizer(decay=Decay(kind="step", every=3, widths=(4, 5)))),
    Trainer(critic=Optimizer(nesterov=True, lr=0.4, weight_decay=1e-3), out=Path("/a b.csv")),
    Trainer(optimizer=Optimizer(decay=Decay()), critic=Optimizer(lr=0.5, decay=Decay(gamma=0.9))),
]


@pytest.mark.parametrize("config", CONFIGS)
def test_every_way_there_and_back_gives_the_same_config(config: Trainer) -> None:
    assert Trainer.from_json(config.to_json()) == config
    assert Trainer.from_dict(config.to_dict()).fingerprint() == config.fingerprint()
    assert hash(config) == hash(Trainer.from_dict(config.to_dict()))
    assert Trainer.from_strings({k: as_text(v) for k, v in config.field_values().items()}) == config
    assert Draft.of(config).check() == (config, {})
    assert Draft.from_params(Trainer, Draft.of(config).params()).check() == (config, {})
    names = {"Trainer": Trainer, "Optimizer": Optimizer, "Decay": Decay}
    assert eval(config.as_python("dict").removeprefix("dict"), names) == config  # noqa: S307
    assert Trainer().replace(**config.changes()) == config
    assert config.replace(**Trainer().field_values()) == Trainer()


@pytest.mark.parametrize("config", CONFIGS)
def test_the_shown_command_gives_the_config(
    config: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    import click

    monkeypatch.setattr("mlcore.cli.training.class_of", lambda _name: Trainer)
    command = click.Command("trainer", params=[_option(spec) for spec in Trainer.specs()])
    given = command.make_context("trainer", shlex.split(config.as_command())[3:]).params
    assert dest_of("optimizer.lr") in given
    assert _config("trainer", given) == config


def test_what_is_recorded_is_flat_and_differs_where_a_field_of_a_model_does() -> None:
    config = Trainer(optimizer=Optimizer(lr=0.2))
    assert config.to_dict() == {
        "steps": 3,
        "optimizer.lr": 0.2,
        "optimizer.weight_decay": None,
        "optimizer.nesterov": False,
        "optimizer.decay": False,
        "critic.lr": 0.5,
        "critic.weight_decay": None,
        "critic.nesterov": False,
        "critic.decay": True,
        "critic.decay.kind": "exponential",
        "critic.decay.gamma": 0.5,
        "critic.decay.every": 10,
        "critic.decay.widths": [1],
        "out": None,
    }
    assert config.changes() == {"optimizer.lr": 0.2}
    assert len({one.fingerprint() for one in CONFIGS}) == len(CONFIGS)


def test_a_dict_is_a_whole_model_and_a_dotted_name_changes_one_field_of_it() -> None:
    whole = Trainer.from_dict({"critic": {"lr": 0.3, "decay": {"widths": [2, 3]}}})
    assert whole.critic == Optimizer(lr=0.3, decay=Decay(widths=(2, 3)))
    assert Trainer.from_dict({"critic.lr": 0.3}).critic == Optimizer(lr=0.3, decay=Decay(gamma=0.5))
    on = Trainer().replace(**{"optimizer.decay.gamma": 0.2})
    assert on.optimizer.decay == Decay(gamma=0.2)
    assert on.replace(**{"optimizer.decay": True}) == on
    assert on.replace(**{"optimizer.decay": False}) == Trainer()
    off = on.replace(**{"critic.decay": None})
    assert off.critic == Optimizer(lr=0.5)
    assert off.field_value("critic.decay.gamma") == 0.5


@pytest.mark.parametrize(
    ("given", "problems"),
    [
        (
            {"steps": "a", "optimizer": {"lr": 3, "x": 1}},
            {
                "steps": "steps is 'a', but must be a whole number.",
                "optimizer.lr": "optimizer.lr is 3, but must be a number above 0 and up to 1.",
                "optimizer.x": "Optimizer has no field x (given: 1, as optimizer.x). Its fields "
                "are lr, weight_decay, nesterov, decay.",
            },
        ),
        (
            {"optimizer.decay.gamma": 3.0},
            {
                "optimizer.decay.gamma": "optimizer.decay.gamma is 3.0, but must be a number above "
                "0 and up to 1."
            },
        ),
        (
            {"optimizer": 3},
            {"optimizer": "optimizer is 3, but must be an Optimizer, or a dict of its fields."},
        ),
        (
            {"optimizer.decay": "maybe"},
            {"optimizer.decay": "optimizer.decay is 'maybe', but must be true or false."},
        ),
        (
            {"critic.decay": False, "critic.decay.gamma": 0.1},
            {
                "critic.decay": "critic.decay is off, but critic.decay.gamma is 0.1. Turn "
                "critic.decay on, or leave critic.decay.gamma out."
            },
        ),
        (
            {"optimizer.nesterov": True, "optimizer.lr": 0.9},
            {"optimizer": "With nesterov, lr must be at most 0.5."},
        ),
        (
            {"optimizer.weight_decay": math.nan},
            {
                "optimizer.weight_decay": "optimizer.weight_decay is nan, but must be a number or "
                "none."
            },
        ),
    ],
)
def test_what_is_refused_is_named_by_its_dotted_name(
    given: dict[str, Any], problems: dict[str, str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        Trainer(**given)
    assert caught.value.problems == problems
    with pytest.raises(ConfigError):
        Trainer().replace(**given)


def test_a_model_without_a_default_is_the_one_of_all_defaults() -> None:
    class Bare(Config):
        experiment: ClassVar[str] = "bare"
        optimizer: Optimizer

    made = Bare.from_dict({})
    assert made.optimizer == Optimizer()
    assert made.changes() == {}
    assert Bare.from_dict({"optimizer.lr": 0.2}).as_python() == (
        "mlcore.run(Bare(optimizer=Optimizer(lr=0.2)))"
    )


def test_a_number_that_json_cannot_hold_is_refused_in_a_lax_model_too() -> None:
    class Lax(BaseModel, frozen=True):
        scale: float = 1.0

    class Holder(Config):
        inner: Lax = Lax()

    with pytest.raises(ConfigError, match=r"^inner.scale is inf, but must be a number\.$"):
        Holder(inner=Lax(scale=math.inf))


def spec_named(name: str) -> FieldSpec:
    return next(spec for spec in Trainer.specs() if spec.name == name)


def test_a_form_sees_headings_labels_and_when_a_field_matters() -> None:
    lr, switch, every = map(spec_named, ("critic.lr", "critic.decay", "critic.decay.every"))
    assert (lr.group, lr.label, lr.short_label, lr.default) == ("Critic", "Critic lr", "Lr", 0.5)
    assert (switch.kind, switch.group, switch.default) == ("switch", "Critic · Decay", True)
    assert every.only_if == {"critic.decay.kind": ("step",), "critic.decay": (True,)}
    shown = {spec.name for spec in Draft(Trainer, {"critic.decay": "false"}).visible()}
    assert shown.isdisjoint({"critic.decay.gamma", "critic.decay.kind", "critic.decay.every"})
    assert "critic.decay.gamma" in {spec.name for spec in Draft(Trainer, {}).visible()}


def test_a_model_that_was_added_later_leaves_old_fingerprints_as_they_were() -> None:
    class Old(Config):
        experiment: ClassVar[str] = "later"
        steps: int = 3

    class New(Config):
        experiment: ClassVar[str] = "later"
        steps: int = 3
        decay: Decay = Field(Decay(), json_schema_extra={"later": True})

    assert New().fingerprint() == Old().fingerprint()
    assert json.loads(New(decay=Decay(gamma=0.5)).to_json()) == {"steps": 3, "decay.gamma": 0.5}


def test_a_class_that_cannot_be_imported_is_shown_as_a_dict() -> None:
    class Inner(Config):
        x: int = 1

    class Outer(Config):
        experiment: ClassVar[str] = "outer"
        inner: Inner = Inner()

    assert Outer(inner=Inner(x=2)).as_python() == "mlcore.run(Outer(inner={'x': 2}))"
    changed = Trainer(critic=Optimizer(decay=Decay()))
    assert changed.imports() == f"import mlcore\nfrom {__name__} import Decay, Optimizer, Trainer"


def test_models_that_no_form_can_hold_are_named_with_their_field() -> None:
    class Loose(BaseModel):
        x: int = 1

    class Open(BaseModel, frozen=True, extra="allow"):
        x: int = 1

    class Bare(BaseModel, frozen=True):
        x: int

    class Deep(Config):
        deeper: Deeper = Field(default_factory=lambda: Deeper())

    class Deeper(Config):
        deepest: Deepest = Field(default_factory=lambda: Deepest())

    class Deepest(Config):
        bottom: Decay = Decay()

    for one in (Deep, Deeper):
        one.model_rebuild(_types_namespace={"Deeper": Deeper, "Deepest": Deepest})
    cases: list[tuple[type[BaseModel], Any, str]] = [
        (Loose, Loose(), "The field part has the type Loose, which can be changed after"),
        (Open, Open(), "The field part has the type Open, which takes fields that it does not"),
        (Bare, ..., r"The field part\.x has no default\. Give it one"),
        (Decay, {"gamma": 1.0}, r"The default of part is \{'gamma': 1\.0\}, but must be a Decay\."),
        (Deep, Deep(), r"The field part\.deeper\.deepest\.bottom is a model within 3 others"),
    ]
    for model, default, sentence in cases:
        made = create_model("Holder", __base__=Config, part=(model, default))
        with pytest.raises(InputTypeError, match=sentence):
            made.specs()
    listed = create_model("Listed", __base__=Config, parts=(tuple[Decay, ...], ()))
    with pytest.raises(InputTypeError, match="a frozen pydantic model of such fields"):
        listed.specs()
