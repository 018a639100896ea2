"""The base class of configs: one definition for form, flags, validation and cache key."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator

from mlcore.core.as_code import arguments_of, command, imports_of
from mlcore.core.ensemble import Ensemble
from mlcore.core.errors import ConfigError
from mlcore.core.fields import FieldSpec, typed_from_plain
from mlcore.core.fingerprint import canonical_json, fingerprint
from mlcore.core.nested import assembled, check_finite, refusal
from mlcore.core.nested_specs import specs_of
from mlcore.core.parts import flat, parts_of
from mlcore.core.source_code import code_hash_of
from mlcore.core.steps import Snapshot, Step

if TYPE_CHECKING:
    from torch import Tensor, nn


class Config(BaseModel):
    """The settings that decide an experiment's result.

    A subclass is one experiment: its fields carry bounds and help, ``train`` yields its steps.
    Instances are frozen, compare by value and are hashable.

    Raises:
        ConfigError: (a ``ValueError``) on an unknown field, a wrong type or a value out of
            bounds, with one sentence per field.

    Example:
        >>> import mlcore
        >>> config = mlcore.RegressionConfig(lr=1e-4)
        >>> config.replace(steps=50).steps
        50
        >>> mlcore.RegressionConfig(lr=-1)
        Traceback (most recent call last):
            ...
        mlcore.core.errors.ConfigError: lr is -1, but must be a number above 0 and up to 1e+06.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, validate_default=True
    )

    experiment: ClassVar[str]
    """Name of the experiment in the store, the CLI and the fingerprint."""
    version: ClassVar[int] = 1
    """Raised whenever the code changes what a config gives, so that no stale run answers."""
    presets: ClassVar[Mapping[str, Self]] = {}
    """Named configs worth a click."""

    def __init__(self, /, **fields: Any) -> None:
        problems: dict[str, str] = {}
        nested = bool(parts_of(type(self)))
        if nested:
            fields = assembled(type(self), fields, problems)
        try:
            super().__init__(**fields)
        except ValidationError as error:
            told = refusal(type(self), error).problems
            problems = {**told, **problems}
        if problems:
            raise ConfigError(problems)
        if nested:
            check_finite(self)

    @field_validator("*", mode="before")
    @classmethod
    def _from_plain(cls, value: object, info: ValidationInfo) -> object:
        if isinstance(value, list):
            return tuple(value)
        typed = _typed(cls).get(info.field_name or "")
        return value if typed is None else typed(value)

    # --- what an experiment defines ---------------------------------------------------------

    def train(self, snapshot: Snapshot | None = None) -> Iterator[Step]:
        """Yield the experiment's steps, from the start or from a snapshot of an earlier step."""
        raise NotImplementedError(f"{type(self).__name__} does not define train().")

    def data_checksum(self) -> str:
        """SHA-256 of the data this config reads; ``""`` if it makes its own from the seed."""
        return ""

    def build_model(self) -> nn.Module:
        """The untrained network, ready for ``load_state_dict`` of the final weights."""
        raise NotImplementedError(f"{type(self).__name__} trains no network.")

    def example_input(self) -> Any:
        """What the network of ``build_model`` takes, one sample of it; None if that is not said.

        The dashboard shows the layers of the network by it (see ``mlcore.summary``).
        """
        return None

    def image_input(self, pixels: Tensor) -> Any:
        """What the network of ``build_model`` takes for grey images.

        The pages *Draw* and *Inside* use it where ``example_input`` is a small image. By default
        the images are brought into its shape; normalize them here if the training does.

        Args:
            pixels: Float ``[N, 28, 28]``, from 0 (background) to 1 (ink).
        """
        from mlcore.core.image_input import shaped_like

        return shaped_like(pixels, self.example_input())

    def class_names(self) -> tuple[str, ...]:
        """Names of the classes, one for each output; empty: they are numbered from 0."""
        return ()

    def steps_per_epoch(self) -> int | None:
        """Optimizer steps in one epoch, or None where there are no epochs."""
        return None

    def samples_per_epoch(self) -> int | None:
        """Samples that one epoch learns from, or None where there are no epochs."""
        return None

    def environment(self) -> Mapping[str, str | int]:
        """The device, threads and the like that the run uses on this machine, by name.

        Computed in the training process and stored with the run, so that two runs can be told
        apart by it. It does not decide the result, or else it would be a field.
        """
        return {}

    def metric_names(self) -> tuple[str, ...]:
        """Metrics that every run of this config logs; empty if that is not known."""
        return ()

    def sealed(self) -> bool:
        """Whether runs of this config hold out validation data and leave a test set unseen."""
        return False

    def validation_images(self) -> int | None:
        """How many samples a run is validated on, or None where that is not known."""
        return None

    def check_data(self) -> None:
        """Raise ConfigError if the data does not admit these fields, before a run finds out."""

    def fold_key(self) -> str:
        """What decides which sample is in which fold: equal for runs on the same folds."""
        names = ("folds", "fold_seed")
        fields = {name: getattr(self, name, None) for name in names}
        return canonical_json({"data": self.data_checksum(), **fields})

    def test_images(self) -> int | None:
        """How many samples the test set has, or None where there is no test set."""
        return None

    def test_metrics(self, model: nn.Module) -> Mapping[str, float]:
        """Evaluate a trained network on the test set that its run did not look at.

        Args:
            model: In eval mode, as ``Run.model`` gives it.
        """
        raise NotImplementedError(f"{type(self).__name__} has no sealed test set.")

    def ensemble_key(self) -> str | None:
        """What configs must share to train as one program; None if this one trains alone."""
        return None

    @classmethod
    def train_together(
        cls, configs: Sequence[Self], snapshots: Sequence[Snapshot | None]
    ) -> Ensemble:
        """Train configs of one ``ensemble_key`` as one vectorized program.

        Args:
            configs: The members.
            snapshots: Of each member, all of the same step, or None for all: the start.
        """
        raise NotImplementedError(f"{cls.__name__} does not train several configs as one program.")

    # --- what every experiment gets ---------------------------------------------------------

    @classmethod
    def specs(cls) -> tuple[FieldSpec, ...]:
        """The fields in order of definition, for a form or a command line.

        Those of a model within the config have dotted names (see ``mlcore.core.parts``).
        """
        return specs_of(cls)

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Self:
        """Make a config from plain values, such as parsed JSON. Raises ConfigError.

        A model within the config is a dict, or its fields are named by ``outer.inner``.
        """
        return cls(**dict(fields))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The inverse of ``to_json``."""
        return cls.from_dict(json.loads(text))

    @classmethod
    def from_strings(cls, fields: Mapping[str, str]) -> Self:
        """Make a config from text values, as a command line or a URL gives them.

        Members of a tuple are separated by commas: ``{"hidden": "256,64"}``.
        """
        specs = {spec.name: spec for spec in cls.specs()}
        return cls(**{k: specs[k].parse(v) if k in specs else v for k, v in fields.items()})

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain values that JSON can hold; see ``to_json``."""
        plain: dict[str, Any] = json.loads(self.to_json())
        return plain

    def to_json(self) -> str:
        """Canonical JSON: equal configs give equal text.

        A field that was added later (``FieldSpec.later``) is left out at its default.
        """
        return canonical_json(self._recorded())

    def replace(self, **changes: Any) -> Self:
        """The same config with some fields changed, checked again.

        Raises:
            ConfigError: As the class itself does.

        Example:
            >>> import mlcore
            >>> mlcore.RegressionConfig().replace(**{"steps": 50}).steps
            50
        """
        problems: dict[str, str] = {}
        if parts_of(type(self)):
            changes = assembled(type(self), changes, problems, base=self)
        if problems:
            raise ConfigError(problems)
        return type(self)(**{**dict(self), **changes})

    def field_values(self) -> dict[str, Any]:
        """The values by the names of ``specs``, in order of definition.

        A model that may be None has True or False, and its fields are there only if it is on.
        """
        return flat(self) if parts_of(type(self)) else dict(self)

    def field_value(self, name: str) -> Any:
        """The value of a field of ``specs``; in a model that is off, its default."""
        if "." not in name and name not in parts_of(type(self)):
            return getattr(self, name)
        values = self.field_values()
        if name in values:
            return values[name]
        return next(spec.default for spec in self.specs() if spec.name == name)

    def changes(self) -> dict[str, Any]:
        """The fields that differ from their defaults, by the names of ``specs``, in their order."""
        values = self.field_values()
        return {
            spec.name: values[spec.name]
            for spec in self.specs()
            if spec.name in values and values[spec.name] != spec.default
        }

    def fingerprint(self, data: str | None = None) -> str:
        """The cache key: see ``mlcore.core.fingerprint``.

        Args:
            data: The data's checksum where it is known; else it is read.
        """
        data = self.data_checksum() if data is None else data
        code = self.code_hash()
        return fingerprint(self.experiment, self.version, self._recorded(), data, code)

    @classmethod
    def code_hash(cls) -> str:
        """SHA-256 of the source of an experiment of one's own; ``""`` for mlcore's.

        It is part of the fingerprint, so that edited code is another run: see
        ``mlcore.core.source_code`` for what it covers.
        """
        return code_hash_of(cls)

    def _recorded(self) -> dict[str, Any]:
        fields = flat(self) if parts_of(type(self)) else self.model_dump()
        for name, default in _later(type(self)).items():
            if name in fields and fields[name] == default:
                del fields[name]
        return fields

    def imports(self) -> str:
        """The import statements that ``as_python`` needs, one a line."""
        if not self._is_own():
            return "import mlcore"
        module, colon, name = self.experiment.partition(":")
        if not colon:
            module, name = type(self).__module__, type(self).__name__
        needed = imports_of(self)
        needed.setdefault(module, set()).add(name)
        lines = (f"from {home} import {', '.join(sorted(needed[home]))}" for home in sorted(needed))
        return "\n".join(["import mlcore", *lines])

    def as_python(self, call: str = "mlcore.run") -> str:
        """A line of Python that gives exactly this config's run, after ``imports``."""
        name = self.experiment.partition(":")[2] or type(self).__name__
        cls = name if self._is_own() else f"mlcore.{name}"
        return f"{call}({cls}({arguments_of(self)}))"

    def _is_own(self) -> bool:
        return ":" in self.experiment or type(self).__module__.partition(".")[0] != "mlcore"

    def as_command(self, verb: str = "run") -> str:
        """A shell command that gives exactly this config's run."""
        return command(["mlcore", verb, self.experiment], self.changes(), self.specs())


@lru_cache(maxsize=64)
def _typed(cls: type[Config]) -> Mapping[str, Callable[[object], object]]:
    found = {name: typed_from_plain(info) for name, info in cls.model_fields.items()}
    return {name: typed for name, typed in found.items() if typed is not None}


@lru_cache(maxsize=64)
def _later(cls: type[Config]) -> Mapping[str, Any]:
    return {spec.name: spec.default for spec in cls.specs() if spec.later}
