"""A sweep as a line of Python and as a shell command that start it again."""

from __future__ import annotations

from typing import Any

from mlcore.core.fields import as_plain
from mlcore.sweeps.budget import settings_for
from mlcore.sweeps.objectives import usual_direction
from mlcore.sweeps.range_format import range_as_python
from mlcore.sweeps.ranges import Choices, Conditional, Range, word
from mlcore.sweeps.space import Space
from mlcore.sweeps.spec import SweepSpec, default_objective


def as_python(spec: SweepSpec, settings: int | None, minutes: float | None = None) -> str:
    """The call of ``mlcore.sweep`` with this spec and budget."""
    config = spec.config.as_python("")[1:-1]  # without the parentheses of the call
    words = [config, "{" + ", ".join(_python_entries(spec)) + "}"]
    words += [f"{name}={value!r}" for name, value in _settled(spec, settings, minutes).items()]
    return f"mlcore.sweep({', '.join(words)})"


def as_words(spec: SweepSpec, settings: int | None, minutes: float | None = None) -> list[str]:
    """The words of the shell command with this spec and budget."""
    swept = set(spec.space.fields)
    words = ["mlcore", "sweep", spec.experiment]
    kinds = {one.name: one.kind for one in spec.config.specs()}
    for name, value in spec.config.changes().items():
        if name in swept:
            of_model = any(other.startswith(f"{name}.") for other in kinds)
            if name in spec.space.conditions or of_model:
                words += ["--base", f"{name}={Choices((value,)).text()}"]
            continue
        flag = "--" + name.replace("_", "-")
        if isinstance(value, bool):
            words.append(flag if value else "--no-" + flag[2:])
        elif isinstance(value, tuple):
            between = "x" if kinds[name] == "integers" else ","
            words += [flag, between.join(map(str, value))]
        else:
            words += [flag, str(as_plain(value))]
    for name, swept_over in spec.space.ranges.items():
        words += ["--" + name.replace("_", "-"), swept_over.text()]
    for name in _named_conditions(spec):
        field, values = spec.space.conditions[name]
        words += ["--only-if", f"{name}:{field}={','.join(map(word, values))}"]
    settled = _settled(spec, settings, minutes)
    if "n" in settled:
        words += ["-n", str(settled["n"])]
    if "minutes" in settled:
        words += ["--minutes", f"{settled['minutes']:.10g}"]
    for name in ("sampler", "objective", "direction", "seeds", "prune"):
        if name in settled:
            value = settled[name]
            several = isinstance(value, (list, tuple))
            words += [f"--{name}", ",".join(map(str, value)) if several else str(value)]
    if spec.cv:
        words.append("--cv")
    if "seed" in settled:
        words += ["--sampler-seed", str(settled["seed"])]
    return words


def _settled(spec: SweepSpec, settings: int | None, minutes: float | None) -> dict[str, Any]:
    """The arguments of ``mlcore.sweep``, beside config and space, that are not the defaults."""
    given: dict[str, Any] = {}
    if settings is not None and settings != settings_for(spec, None, minutes):
        given["n"] = settings
    if minutes is not None:
        given["minutes"] = round(minutes, 6)  # without what a moment's own rounding adds
    if spec.sampler != "grid":
        given["sampler"] = spec.sampler
    metrics = [one.metric for one in spec.objectives]
    if metrics != [default_objective(spec.config)]:
        given["objective"] = metrics[0] if len(metrics) == 1 else metrics
    ways = [one.direction for one in spec.objectives]
    if ways != [usual_direction(metric) for metric in metrics]:
        given["direction"] = ways[0] if len(ways) == 1 else ways
    first: int = getattr(spec.config, "seed", 0)
    if len(spec.seeds) > 1 and spec.seeds == tuple(range(first, first + len(spec.seeds))):
        given["seeds"] = len(spec.seeds)
    elif spec.seeds and spec.seeds != (first,):
        given["seeds"] = list(spec.seeds)
    if spec.pruning is not None:
        given["prune"] = spec.pruning.text()
    if spec.seed:
        given["seed"] = spec.seed
    if spec.cv:
        given["cross_validate"] = True
    return given


def _python_entries(spec: SweepSpec) -> list[str]:
    entries = []
    named = _named_conditions(spec)
    for name, swept in spec.space.ranges.items():
        if name in named:
            field, values = spec.space.conditions[name]
            value = list(values) if len(values) > 1 else values[0]
            ranges = f"{name}={range_as_python(swept)}"
            if not name.isidentifier():
                ranges = f"**{{{name!r}: {range_as_python(swept)}}}"
            entries.append(f"**mlcore.when({field!r}, {value!r}, {ranges})")
        else:
            entries.append(f"{name!r}: {range_as_python(swept)}")
    return entries


def _named_conditions(spec: SweepSpec) -> list[str]:
    """Fields with a condition that does not follow from the config's rules."""
    bare: dict[str, Range | Conditional] = dict(spec.space.ranges)
    own = Space.of(spec.config, bare).conditions
    return [name for name, found in spec.space.conditions.items() if own.get(name) != found]
