"""What a person may ask of a sweep while it runs, and after: stop, go on, try more, elsewhere."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from mlcore.core import SweepStateError
from mlcore.sweeps import results, sweep_rows
from mlcore.sweeps.budget import check_budget
from mlcore.sweeps.coordinator import stop_members
from mlcore.sweeps.space import Space, SpaceLike
from mlcore.sweeps.spec import SweepSpec
from mlcore.sweeps.trials import read_trial_runs, trials_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from mlcore.sweeps.recorded_sweep import Sweep


def stop(sweep: Sweep) -> None:
    """See ``Sweep.stop``."""
    with sweep.store.writing() as connection:
        if sweep_rows.read(connection, sweep.id).status == sweep_rows.RUNNING:
            sweep_rows.alter(connection, sweep.id, status=sweep_rows.STOPPED, finished=time.time())
            stop_members(connection, read_trial_runs(connection, sweep.id))


def resume(sweep: Sweep) -> None:
    """See ``Sweep.resume``."""
    with sweep.store.writing() as connection:
        _go_on(connection, sweep.id)


def extend(sweep: Sweep, n: int | None, minutes: float | None) -> None:
    """See ``Sweep.extend``."""
    check_budget(n, minutes, both=False)
    grid = sweep.sampler == "grid"
    with sweep.store.writing() as connection:
        row = sweep_rows.read(connection, sweep.id)
        spec = sweep_rows.spec_of(row)
        columns: dict[str, Any] = {"deadline": None}
        if minutes is not None:
            columns = {"deadline": time.time() + 60 * minutes}
            if not grid:
                columns["settings"] = None
        if n is not None:
            columns["settings"] = (row.asked if row.settings is None else row.settings) + n
        if grid:
            left = untried(connection, sweep.id, spec)
            if not left:
                raise SweepStateError(
                    f"The grid has {len(spec.space.grid(spec.config))} settings and all were "
                    "tried. Change its space, or start a sweep with sampler='random' or 'tpe'."
                )
            wanted = columns.get("settings", row.settings)
            columns["settings"] = min(wanted, row.asked + left)
        _go_on(connection, sweep.id)
        sweep_rows.alter(connection, sweep.id, **columns)


def renew(sweep: Sweep, settings: int, minutes: float) -> None:
    """Go on with a sweep of both budgets that is asked for again: the time begins anew."""
    with sweep.store.writing() as connection:
        row = sweep_rows.read(connection, sweep.id)
        wanted = max(settings, row.asked if row.settings is None else row.settings)
        _go_on(connection, sweep.id)
        deadline = time.time() + 60 * minutes
        sweep_rows.alter(connection, sweep.id, deadline=deadline, settings=wanted)


def change_space(sweep: Sweep, space: SpaceLike) -> None:
    """See ``Sweep.change_space``."""
    checked = Space.of(sweep.config, space)
    if sweep.sampler == "grid":
        checked = checked.with_points(None)
    with sweep.store.writing() as connection:
        row = sweep_rows.read(connection, sweep.id)
        columns: dict[str, Any] = {"spaces": sweep_rows.with_change(row, checked)}
        if sweep.sampler == "grid":
            left = untried(connection, sweep.id, sweep_rows.spec_of(row).with_space(checked))
            columns["settings"] = row.asked + left
            if left and row.status == sweep_rows.FINISHED:
                columns |= {"status": sweep_rows.RUNNING, "finished": None}
        sweep_rows.alter(connection, sweep.id, **columns)


def rename(sweep: Sweep, name: str) -> None:
    """See ``Sweep.rename``."""
    with sweep.store.writing() as connection:
        sweep_rows.alter(connection, sweep.id, name=name.strip()[:200])


def delete(sweep: Sweep) -> None:
    """See ``Sweep.delete``."""
    with sweep.store.writing() as connection:
        if sweep_rows.read(connection, sweep.id).status == sweep_rows.RUNNING:
            raise SweepStateError(f"Sweep {sweep.id} is running: stop it before you delete it.")
        sweep_rows.remove(connection, sweep.id)


def untried(connection: Connection, sweep_id: str, spec: SweepSpec) -> int:
    """How many settings of a grid were not asked for yet."""
    settings = trials_of(read_trial_runs(connection, sweep_id))
    tried = {results.trial_key(setting.params) for setting in settings}
    grid = spec.space.grid(spec.config)
    return sum(results.trial_key(params) not in tried for params in grid)


def _go_on(connection: Connection, sweep_id: str) -> None:
    row = sweep_rows.read(connection, sweep_id)
    if row.status == sweep_rows.FAILED:
        raise SweepStateError(f"Sweep {row.id} failed: {row.error} Start it again with force=True.")
    results.queue_again(connection, read_trial_runs(connection, sweep_id))
    sweep_rows.alter(connection, sweep_id, status=sweep_rows.RUNNING, finished=None)
