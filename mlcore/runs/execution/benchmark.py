"""Benchmarks whether runs train faster as one ensemble than one by one on this machine."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from sqlalchemy import distinct, func, select, update

from mlcore.core import Config, DivergenceError
from mlcore.core.cores import cores_given, given_cores
from mlcore.runs.execution.own_code import load_config
from mlcore.runs.process_id import this_host
from mlcore.runs.status import Status
from mlcore.runs.store.schema import ensembles, runs

if TYPE_CHECKING:
    from mlcore.runs.execution.claims import Claim
    from mlcore.runs.store.store import Store

_log = logging.getLogger("mlcore.groups")

TRIAL_S = 0.25
"""Seconds for which each way is tried where the first look does not tell."""

FIRST_LOOK_S = 0.08
"""Seconds of the first look at each way."""

CLEAR = 1.5
"""The first look tells if its gain is so many times what is needed."""

WORTH_IT = 1.15
"""How many times as fast one program must be."""

FRESH_S = 7 * 24 * 3600.0
"""A measured gain is believed for a week on the machine that measured it."""


def pays(claims: Sequence[Claim]) -> bool:
    """Whether training these runs as one ensemble is faster here; the result is stored.

    The gain is measured once for a shape of configs on each machine: the steps a second of one
    run alone, against those of all together, ``TRIAL_S`` each, with the cores that a run alone
    would get. One by one, workers that have nothing else to do would take some of the runs: an
    ensemble, which one worker trains, must be faster than all of them.
    """
    store = claims[0].store
    name, shape = _ensemble(store, claims[0].run.key)
    if name is None or shape is None:
        return False
    gain = _known(store, shape, len(claims))
    workers = sharing(store, len(claims))
    if gain is None:
        try:
            for claim in claims:
                load_config(claim.run)
            with cores_given(given_cores() // workers):
                gain = measure([claim.run.config for claim in claims], WORTH_IT * workers)
        except Exception:  # noqa: BLE001 - each run will meet it by itself and record it
            _log.exception("the trial of %d runs as one program failed", len(claims))
    used = gain is not None and gain >= WORTH_IT * workers
    with store.writing(alone=False) as connection:
        connection.execute(
            update(ensembles)
            .where(ensembles.c.id == name)
            .values(gain=gain, used=used, host=this_host(), measured=time.time())
        )
    return used


def sharing(store: Store, members: int) -> int:
    """How many workers would train an ensemble's members if they were trained one by one.

    Args:
        store: Where the ensemble has been claimed.
        members: How many they are.

    Returns:
        At least 1; a worker that another run or ensemble keeps or will keep at work is left out.
    """
    from mlcore.runs.execution.engines import chosen

    moving = runs.c.status.in_([Status.QUEUED, Status.RUNNING])
    work = func.count(distinct(func.coalesce(runs.c.ensemble, runs.c.id)))
    with store.reading() as connection:
        units = connection.execute(select(work).where(moving)).scalar_one()
    idle = max(0, chosen().slots(store) - units)
    return 1 + min(idle, members - 1)


def measure(configs: Sequence[Config], needed: float = WORTH_IT) -> float | None:
    """The speedup of training these configs as one ensemble; None if they end too soon to time.

    Args:
        configs: Of all members.
        needed: The speedup that decides; one far above it is measured for less long.

    Raises:
        Whatever the experiment raises, but for divergences, which are no obstacle to measuring.
    """
    alone = _pace(lambda: _steps(configs[0]), FIRST_LOOK_S)
    together = _pace(lambda: _rounds(configs), FIRST_LOOK_S)
    if alone is not None and together is not None:
        if together * len(configs) >= needed * CLEAR * alone:  # or the machine paused meanwhile
            alone = max(alone, _pace(lambda: _steps(configs[0]), FIRST_LOOK_S) or 0.0)
        gain = together * len(configs) / alone
        if gain >= needed * CLEAR:
            return gain
    alone = _pace(lambda: _steps(configs[0]), TRIAL_S)
    together = _pace(lambda: _rounds(configs), TRIAL_S)
    if alone is None or together is None:
        return None
    return together * len(configs) / alone


def _pace(start: Callable[[], Iterator[int]], seconds: float) -> float | None:
    """Optimizer steps a second; a run that ends before the time is up is repeated.

    The quickest try counts: whatever else the machine did in the meantime only slows one down.
    """
    began = time.monotonic()
    best: float | None = None
    while True:
        pace = _one_pace(start(), seconds)
        if pace is not None:
            best = pace if best is None else max(best, pace)
        if pace is None or time.monotonic() - began >= seconds:
            return best


def _one_pace(indices: Iterator[int], seconds: float) -> float | None:
    """Optimizer steps a second, not counting the time to the first step."""
    first, began = -1, 0.0
    pace = None
    for index in indices:
        now = time.perf_counter()
        if first < 0:
            if index > 0:
                first, began = index, now
            continue
        if index > first and now > began:
            pace = (index - first) / (now - began)
            if now - began >= seconds:
                break
    return pace


def _steps(config: Config) -> Iterator[int]:
    with closing(config.train()) as steps:  # type: ignore[type-var]  # experiments are generators
        try:
            for step in steps:
                yield step.index
        except DivergenceError:
            return


def _rounds(configs: Sequence[Config]) -> Iterator[int]:
    ensemble = type(configs[0]).train_together(configs, [None] * len(configs))
    with closing(ensemble.rounds()) as rounds:  # type: ignore[type-var]  # likewise
        for told in rounds:
            for one in told:
                if one.step is not None:
                    yield one.step.index
                    break


def _ensemble(store: Store, run_key: int) -> tuple[str | None, str | None]:
    with store.reading() as connection:
        row = connection.execute(
            select(ensembles.c.id, ensembles.c.shape)
            .join(runs, runs.c.ensemble == ensembles.c.id)
            .where(runs.c.key == run_key)
        ).one_or_none()
    return (None, None) if row is None else (row.id, row.shape)


def _known(store: Store, shape: str, members: int) -> float | None:
    """A speedup measured here before for this shape, with about as many members."""
    c = ensembles.c
    query = select(c.gain).where(
        c.shape == shape,
        c.host == this_host(),
        c.gain.is_not(None),
        c.measured > time.time() - FRESH_S,
        c.members.between(members // 2, members * 2),
    )
    with store.reading() as connection:
        found = connection.execute(query.order_by(c.measured.desc()).limit(1))
        gain: float | None = found.scalar_one_or_none()
    return gain
