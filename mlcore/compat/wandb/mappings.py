"""``wandb.config`` and ``wandb.summary``: mappings whose items are attributes as well."""

from __future__ import annotations

import argparse
import dataclasses
import importlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

from mlcore.compat.wandb.errors import Error
from mlcore.compat.wandb.said import once

Report = Callable[[dict[str, Any]], None]


class Items:
    """A mapping whose items are attributes as well; each change is reported.

    Args:
        items: What is in it.
        report: Called with what a change sets.
    """

    def __init__(
        self, items: Mapping[str, Any] | None = None, report: Report | None = None
    ) -> None:
        self.__dict__["_items"] = dict(items or {})
        self.__dict__["_report"] = report

    def keys(self) -> list[str]:
        """The names."""
        return list(self._items)

    def items(self) -> list[tuple[str, Any]]:
        """The names and values."""
        return list(self._items.items())

    def values(self) -> list[Any]:
        """The values."""
        return list(self._items.values())

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a name, or else the default."""
        return self._items.get(key, default)

    def as_dict(self) -> dict[str, Any]:
        """A copy as a dict."""
        return dict(self._items)

    _as_dict = as_dict

    def update(self, items: Any = None, **named: Any) -> None:
        """Set several at once."""
        self._set(parsed(items) | {k: v for k, v in named.items() if k != "allow_val_change"})

    def __getitem__(self, key: str) -> Any:
        return self._items[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._set({key: value})

    def __delitem__(self, key: str) -> None:
        del self._items[key]

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["_items"][name]
        except KeyError:
            raise AttributeError(f"wandb.{type(self).__name__.lower()} has no {name!r}.") from None

    def __setattr__(self, name: str, value: Any) -> None:
        self._set({name: value})

    def __contains__(self, key: object) -> bool:
        return key in self._items

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return repr(self._items)

    def _set(self, new: dict[str, Any]) -> None:
        self._items.update(new)
        if self._report is not None and new:
            self._report(new)


class Config(Items):
    """``wandb.config``: the settings of a run; what is set later is stored with the run, too.

    A value may be set anew, where W&B asks for ``allow_val_change=True``.
    """

    def __init__(self, items: Any = None, report: Report | None = None) -> None:
        super().__init__(_stripped(parsed(items)), report)

    def setdefaults(self, items: Any) -> None:
        """Set those that are not there yet."""
        self._set({k: v for k, v in parsed(items).items() if k.strip("-") not in self._items})

    def persist(self) -> None:
        """Nothing: a change is stored by itself."""

    def _set(self, new: dict[str, Any]) -> None:
        super()._set(_stripped(new))


class Summary(Items):
    """``wandb.summary``: the last value of what was logged, and what the script sets itself."""

    def note(self, logged: Mapping[str, Any]) -> None:
        """Take values that were logged; none is reported."""
        self._items.update(logged)


class Before:
    """Stands for ``wandb.config`` and ``wandb.summary`` before ``wandb.init``.

    Args:
        name: As the script calls it.
    """

    def __init__(self, name: str) -> None:
        self.__dict__["_name"] = name

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        raise _too_early(f"{self._name}.{name}")

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise _too_early(f"{self._name}.{name}")

    def __getitem__(self, key: str) -> NoReturn:
        raise _too_early(f"{self._name}[{key!r}]")

    def __setitem__(self, key: str, value: Any) -> NoReturn:
        raise _too_early(f"{self._name}[{key!r}]")


def parsed(config: Any) -> dict[str, Any]:
    """The settings of whatever W&B takes for a config: a dict, a namespace, a YAML file, flags."""
    if config is None:
        return {}
    if isinstance(config, Items):
        return config.as_dict()
    if isinstance(config, Mapping):
        return {str(key): value for key, value in config.items()}
    if isinstance(config, (argparse.Namespace, SimpleNamespace)):
        return dict(vars(config))
    if isinstance(config, (str, Path)):
        return _of_yaml(Path(config))
    if dataclasses.is_dataclass(config) and not isinstance(config, type):
        return {one.name: getattr(config, one.name) for one in dataclasses.fields(config)}
    if callable(flags := getattr(config, "flag_values_dict", None)):  # of absl
        return dict(flags())
    if callable(dump := getattr(config, "model_dump", None)):  # of pydantic
        return dict(dump())
    try:
        return {str(key): value for key, value in dict(config).items()}
    except (TypeError, ValueError):
        once("config", f"The config is a {type(config).__name__}, which is not read as settings.")
        return {}


def _of_yaml(path: Path) -> dict[str, Any]:
    try:
        yaml: Any = importlib.import_module("yaml")
        told = yaml.safe_load(path.read_text(encoding="utf-8"))
    except Exception as error:  # noqa: BLE001 - a script is not ended by its logger
        words = " ".join(str(error).split())
        once("config", f"The config file {path} cannot be read: {words}.")
        return {}
    if not isinstance(told, dict):
        once("config", f"The config file {path} holds no settings by name.")
        return {}
    told.pop("wandb_version", None)
    return {str(key): _value(one) for key, one in told.items()}


def _value(told: Any) -> Any:
    """A setting of a YAML file; W&B's own files say it as ``{desc: …, value: …}``."""
    wrapped = isinstance(told, dict) and "value" in told and set(told) <= {"desc", "value"}
    return told["value"] if wrapped else told


def _stripped(items: Mapping[str, Any]) -> dict[str, Any]:
    return {key.strip("-"): value for key, value in items.items()}


def _too_early(what: str) -> Error:
    return Error(f"You must call wandb.init() before {what}")
