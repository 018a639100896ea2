"""Forecasts a sweep before it starts: how many runs, how many are known, and how long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import select

from mlcore.core import Config, ConfigError
from mlcore.runs.status import Status
from mlcore.runs.store.schema import runs
from mlcore.runs.store.store import Store
from mlcore.sweeps.durations import time_of
from mlcore.sweeps.spec import SweepSpec
from mlcore.sweeps.study import propose

LOOKED_AT: Final = 300
"""Trials that are checked one by one; for more, the result is extrapolated from these."""
_QUERIED_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Forecast:
    """The forecast of a sweep.

    Attributes:
        settings: Number of trials.
        runs: Number of runs: trials times seeds.
        cached: How many of them are finished already; None where results decide the next trials.
        refused: Trials whose values cannot be combined.
        seconds: Seconds of work of all runs that are not cached, one after another, or as
            ensembles where that was measured to be faster; None if nothing similar was measured.
        basis: What ``seconds`` is estimated from, in words.
    """

    settings: int
    runs: int
    cached: int | None
    refused: int
    seconds: float | None
    basis: str


def forecast(store: Store, spec: SweepSpec, settings: int) -> Forecast:
    """Forecast a sweep; nothing is written, nothing is started.

    Args:
        store: Whose finished runs answer, and tell how long such runs take.
        spec: The sweep.
        settings: Maximum number of trials; a grid may have fewer.

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
    seconds, basis = time_of(store, spec.experiment, new)
    return Forecast(
        settings=total,
        runs=total * spec.repeats,
        cached=None if spec.adaptive else round((len(configs) - len(new)) * scale),
        refused=round(refused * scale),
        seconds=None if seconds is None else seconds * scale,
        basis=basis,
    )


def _in_all(spec: SweepSpec, settings: int) -> int:
    if spec.sampler == "grid":
        return min(settings, len(spec.space.grid(spec.config)))
    different = spec.space.size(spec.config)
    return settings if different is None else min(settings, different)


def _finished(store: Store, configs: Sequence[Config]) -> frozenset[str]:
    """The fingerprints for which a finished run exists."""
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
