"""Names and hues of runs, the same on every page."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

from mlcore.charts import palette
from mlcore.core import Config, MlcoreError, canonical_json
from mlcore.core.fields import rounded
from mlcore.experiments import EXPERIMENTS, code_now, config_class
from mlcore.runs import Run
from mlcore.ui import page
from mlcore.ui.draft import as_text

_FIELDS: Final = 4
"""Fields in the name of a run whose defaults are not known."""


def name_of(run: Run) -> str:
    """A run's name on one line: the one it was given, else ``config_name``.

    Two runs of one config have one name; their ids tell them apart.
    """
    return page.one_line(run.name) or config_name(run.experiment, run.config_fields)


def config_name(experiment: str, fields: Mapping[str, Any]) -> str:
    """A config's name: the nearest preset, and the fields that differ from it."""
    return ", ".join(_words(experiment, fields))


def _words(experiment: str, fields: Mapping[str, Any]) -> tuple[str, ...]:
    """The parts of ``config_name``: a preset, and a part for each field that differs from it."""
    code = _code_within(experiment, int(time.monotonic()))
    return _words_of(experiment, canonical_json(fields), code)


@lru_cache(maxsize=64)
def _code_within(experiment: str, _second: int) -> str:
    """The code hash by which names are kept: asked for once a second, not for each of many runs."""
    return code_now(experiment)


@lru_cache(maxsize=4096)
def _words_of(experiment: str, fields: str, _code: str) -> tuple[str, ...]:
    try:
        config = config_class(experiment).from_json(fields)
    except MlcoreError:
        if experiment in EXPERIMENTS or ":" in experiment:
            return (experiment,)
        known = [(name, value) for name, value in json.loads(fields).items() if name != "seed"]
        told = [page.one_line(f"{name} {as_text(rounded(value))}", 40) for name, value in known]
        return (page.one_line(experiment), *told[:_FIELDS])
    bases = {"": type(config)(), **config.presets}
    differing = {name: _differing(config, base) for name, base in bases.items()}
    nearest = min(differing, key=lambda name: (len(differing[name]), name == ""))
    if differing[nearest] and len(differing[nearest]) == len(differing[""]):
        nearest = ""  # no preset is nearer than the defaults, so none needs naming
    words = [nearest] * bool(nearest) + [
        f"{name} {as_text(rounded(value))}" for name, value in differing[nearest].items()
    ]
    return tuple(words) or ("defaults",)


def _differing(config: Config, base: Config) -> dict[str, object]:
    return {
        name: value
        for name, value in config.field_values().items()
        if value != base.field_value(name)
        or (name == "fold" and getattr(config, "folds", 0))  # the first has a number as well
    }


def config_of(run: Run) -> Config | None:
    """A run's config; None if its class is missing here.

    It may have been recorded by a version with other bounds, or be an experiment of a script.
    """
    try:
        return run.config
    except MlcoreError:
        return None


def labels_of(runs: list[Run]) -> dict[str, str]:
    """A label for each run, by id: its name, with the id if names alone are ambiguous.

    Of several runs, what all their configs' names share is left out.
    """
    unnamed = [run for run in runs if not page.one_line(run.name)]
    parts = {run.id: _words(run.experiment, run.config_fields) for run in unnamed}
    shared = set.intersection(*map(set, parts.values())) if len(parts) > 1 else set()
    names = {}
    for run in runs:
        own = [part for part in parts.get(run.id, ()) if part not in shared]
        names[run.id] = ", ".join(own) or name_of(run)
    taken = list(names.values())
    return {k: f"{v} · {k}" if taken.count(v) > 1 else v for k, v in names.items()}


def colours_of(runs: Iterable[Run]) -> dict[str, str]:
    """The hue of each run, by id; runs drawn together never share one."""
    return palette.run_colours({run.id: run.key for run in runs})
