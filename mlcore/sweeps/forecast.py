"""What a sweep would run, told before it starts: how many, how many are known, and how long."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import select

from mlcore.core import Config, ConfigError, canonical_json
from mlcore.runs.schema import runs
from mlcore.runs.status import Status
from mlcore.runs.store import Store
from mlcore.sweeps.spec import SweepSpec
from mlcore.sweeps.study import propose

LOOKED_AT: Final = 300
"""Settings that are looked at one by one; of more, what these say is scaled up."""
_MEASURED_RUNS: Final = 400
_QUERIED_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is known of a sweep before it starts.

    Attributes:
        settings: How many settings it tries.
        runs: How many runs that makes: settings times seeds.
        cached: How many of them a finished run answers; None where results decide what is tried.
        refused: Settings whose values do not go together.
        seconds: Work of all runs that are not cached, in seconds, one after another and each by
            itself; None if nothing like them was measured yet.
        basis: How ``seconds`` came about, in words.
    """

    settings: int
    runs: int
    cached: int | None
    refused: int
    seconds: float | None
    basis: str


def forecast(store: Store, spec: SweepSpec, settings: int) -> Forecast:
    """Look ahead: nothing is written, nothing is started.

    Args:
        store: Whose finished runs answer, and tell how long such runs take.
        spec: The sweep.
        settings: How many settings it may try; a grid may have fewer.

    Raises:
        DataUnavailableError: If the config's data is not to be had.
    """
    # of a sampler that learns, the first random draws stand for the rest
    asked = replace(spec, sampler="random") if spec.adaptive else spec
    looked = propose(asked, (), 0, min(settings, LOOKED_AT))
    total = len(looked) if len(looked) < LOOKED_AT else _in_all(spec, settings)
    configs, refused = [], 0
    for proposal in looked:
        try:
            configs += [spec.run_config(dict(proposal.params), k) for k in range(spec.repeats)]
        except ConfigError:
            refused += 1
    known = frozenset() if spec.adaptive else _finished(store, configs)
    new = [config for config in configs if config.fingerprint() not in known]
    scale = total / len(looked) if looked else 0.0
    seconds, basis = _seconds(store, spec, new)
    return Forecast(
        settings=total,
        runs=total * spec.repeats,
        cached=None if spec.adaptive else round((len(configs) - len(new)) * scale),
        refused=round(refused * scale),
        seconds=None if seconds is None else seconds * scale,
        basis=basis,
    )


def _in_all(spec: SweepSpec, settings: int) -> int:
    return min(settings, len(spec.space.grid(spec.config))) if spec.sampler == "grid" else settings


def _finished(store: Store, configs: Sequence[Config]) -> frozenset[str]:
    """The fingerprints that a finished run answers."""
    wanted = sorted({config.fingerprint() for config in configs})
    found: set[str] = set()
    with store.reading() as connection:
        for first in range(0, len(wanted), _QUERIED_AT_ONCE):
            some = wanted[first : first + _QUERIED_AT_ONCE]
            query = select(runs.c.fingerprint).where(
                runs.c.fingerprint.in_(some), runs.c.status == Status.FINISHED
            )
            found.update(connection.execute(query).scalars())
    return frozenset(found)


def _seconds(store: Store, spec: SweepSpec, configs: Sequence[Config]) -> tuple[float | None, str]:
    """Seconds of work of runs by themselves, and how that is known.

    Numbers such as a learning rate or a momentum change what a run learns but not how long a step
    takes; all other fields may. So the runs that differ in such numbers alone tell the time; where
    there are none, those that differ in the fewest other fields do, by their seconds a step.
    """
    query = (
        select(runs.c.config, runs.c.elapsed, runs.c.step)
        .where(
            runs.c.experiment == spec.experiment,
            runs.c.status == Status.FINISHED,
            runs.c.elapsed > 0,
            runs.c.step > 0,
        )
        .order_by(runs.c.key.desc())
        .limit(_MEASURED_RUNS)
    )
    with store.reading() as connection:
        rows = connection.execute(query).all()
    free = {s.name for s in spec.config.specs() if s.kind == "number" or s.name == "seed"}
    measured: dict[str, tuple[Mapping[str, Any], list[float], list[float]]] = {}
    for row in rows:
        shape = {k: v for k, v in json.loads(row.config).items() if k not in free}
        _, whole, each = measured.setdefault(canonical_json(shape), (shape, [], []))
        whole.append(row.elapsed)
        each.append(row.elapsed / row.step)
    if not measured:
        return None, "no run of this experiment is finished yet, so nothing is known of the time"
    total, exact, counted = 0.0, True, set[str]()
    known: dict[str, float] = {}
    for config in configs:
        shape = {k: v for k, v in config.to_dict().items() if k not in free}
        name = canonical_json(shape)
        if name not in known:
            if name in measured:
                known[name] = statistics.median(measured[name][1])
                counted.add(name)
            else:
                exact = False
                nearest = min(measured, key=lambda one: _differing(measured[one][0], shape))
                steps = _steps(config) or _steps_of(measured[nearest])
                known[name] = statistics.median(measured[nearest][2]) * steps
                counted.add(nearest)
        total += known[name]
    count = sum(len(measured[name][1]) for name in counted)
    runs_word = "1 finished run" if count == 1 else f"{count} finished runs"
    if exact:
        return total, f"median of {runs_word} that differ only in numbers such as the rate"
    return total, f"roughly, by the seconds a step of the nearest {runs_word}"


def _differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> int:
    return sum(one.get(name) != other.get(name) for name in {*one, *other})


def _steps(config: Config) -> float | None:
    """Optimizer steps of a run, as far as a config tells without training."""
    epochs, a_epoch = getattr(config, "epochs", None), config.steps_per_epoch()
    if isinstance(epochs, int) and a_epoch is not None:
        return float(epochs * a_epoch)
    steps = getattr(config, "steps", None)
    return float(steps) if isinstance(steps, int) else None


def _steps_of(measured: tuple[Mapping[str, Any], list[float], list[float]]) -> float:
    _, whole, each = measured
    return statistics.median(whole) / statistics.median(each)
