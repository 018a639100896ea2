"""Sweeps from a script: start, find and forecast them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from mlcore.core import Config
from mlcore.runs import open_store, tend
from mlcore.runs.execution import supervisor
from mlcore.runs.store.schema import sweeps
from mlcore.runs.store.store import Store
from mlcore.runs.waiting_bar import waiting_bar
from mlcore.sweeps import sweep_rows
from mlcore.sweeps.budget import check_budget, settings_for
from mlcore.sweeps.coordinator import advance
from mlcore.sweeps.pruning import Pruning
from mlcore.sweeps.recorded_sweep import Sweep, sweep_of
from mlcore.sweeps.space import SpaceLike
from mlcore.sweeps.spec import SweepSpec, spec_for


def sweep(
    config: Config,
    space: SpaceLike,
    n: int | None = None,
    *,
    sampler: str = "grid",
    objective: str | Sequence[str] | None = None,
    direction: str | Sequence[str] | None = None,
    seeds: int | Sequence[int] = 1,
    minutes: float | None = None,
    prune: Pruning | str | None = None,
    seed: int = 0,
    cross_validate: bool = False,
    wait: bool = True,
    force: bool = False,
    name: str = "",
    progress: bool = True,
) -> Sweep:
    """Run a config with many values of some of its fields, in the background workers.

    Runs that are finished already are not run again. The same call again finds the sweep it
    started: a finished one is returned, an unfinished one is resumed, and a larger ``n`` extends
    it. Ctrl-C stops the sweep and saves its state.

    Args:
        config: The config to vary; gives the values of all other fields.
        space: Field → ``log_range(a, b)``, ``linear_range(a, b)``, ``int_range(a, b)``, a list of
            values, or one of these under a condition (``when``).
        n: How many trials to run, each once per seed. For a grid the maximum: continuous ranges
            get as many points as fit (8 each if not given). Other samplers run 20 trials if
            neither ``n`` nor ``minutes`` is given.
        sampler: ``grid``, ``random``, ``tpe``, ``gp`` or ``nsga2``.
        objective: The metric that is to be large or small at a run's end, or two of them;
            ``validation_accuracy`` with a validation split, else ``test_accuracy`` where runs
            log it, else a loss.
        direction: ``maximize`` or ``minimize``, one per objective; by default accuracies are
            maximized, losses minimized.
        seeds: Seeds of each trial: a number of seeds counted from the config's, or a list of them.
        minutes: Start no run later than this many minutes from now.
        prune: ``median`` or ``halving``, with rungs as in ``median@0.25,0.5``; off by default.
        seed: Of the sampler.
        cross_validate: Run each trial once for each fold (``config.folds``, else 5), and judge it
            by the mean over them: see ``mlcore.cross_validate``.
        wait: Wait until it is done; else return at once.
        force: Start another sweep even if an equal one exists. Finished runs are still reused.
        name: Name of the sweep.
        progress: Show a progress bar on the terminal while waiting, and in a notebook the curves.

    Raises:
        ConfigError: If the space does not fit the config; one sentence per field.
        ValueError: If another argument is not allowed.
        EngineError: If no engine could execute the runs.
        DataUnavailableError: If the config's data is not available.
        KeyboardInterrupt: After Ctrl-C, once the sweep is stopped.

    Example:
        >>> import mlcore
        >>> config = mlcore.RegressionConfig(steps=20)
        >>> sweep = mlcore.sweep(config, {"lr": [1e-5, 3e-5, 1e-4]})
        >>> print(sweep.best.config.lr)
        0.0001
    """
    check_budget(n, minutes)
    spec = spec_for(
        config,
        space,
        n,
        sampler=sampler,
        objective=objective,
        direction=direction,
        seeds=seeds,
        prune=prune,
        seed=seed,
        cross_validate=cross_validate,
    )
    store = open_store()
    found = start(store, spec, n, minutes, force=force, name=name)
    return _watched(found, progress) if wait else found


def start(
    store: Store,
    spec: SweepSpec,
    n: int | None = None,
    minutes: float | None = None,
    *,
    force: bool = False,
    name: str = "",
) -> Sweep:
    """Start a checked sweep, or continue the one that was started with an equal spec.

    Raises:
        EngineError: If no engine could execute the runs.
        DataUnavailableError: If the config's data is not available.

    Example:
        >>> import mlcore
        >>> spec = mlcore.sweeps.spec_for(mlcore.RegressionConfig(steps=20), {"lr": [1e-5, 1e-4]})
        >>> sweep = mlcore.sweeps.start(mlcore.runs.open_store(), spec)
        >>> print(sweep.settings)
        2
    """
    supervisor.check(store)
    spec.config.data_checksum()
    settings = settings_for(spec, n, minutes)
    with store.writing() as connection:
        known = None if force else sweep_rows.newest_equal(connection, spec)
        if known is not None and known.status == sweep_rows.FAILED:
            known = None
        sweep_id = (
            sweep_rows.create(connection, spec, settings, minutes, name)
            if known is None
            else known.id
        )
    if known is not None:
        _take_up(get_sweep(known.id, store), settings, minutes)
    advance(store, sweep_id)
    tend(store)
    return get_sweep(sweep_id, store)


def get_sweep(sweep_id: str, store: Store | None = None) -> Sweep:
    """A sweep by its id, or by an unambiguous prefix of it.

    Raises:
        SweepNotFoundError: (a LookupError) if there is none.

    Example:
        >>> import mlcore
        >>> sweep = mlcore.sweep(mlcore.RegressionConfig(steps=20), {"lr": [1e-5, 1e-4]})
        >>> mlcore.get_sweep(sweep.id).status
        'finished'
    """
    store = store or open_store()
    with store.reading() as connection:
        return sweep_of(sweep_rows.read(connection, sweep_id), store)


def list_sweeps(store: Store | None = None, limit: int | None = None) -> list[Sweep]:
    """All sweeps, newest first.

    Example:
        >>> import mlcore
        >>> sweep = mlcore.sweep(mlcore.RegressionConfig(steps=20), {"lr": [1e-5, 1e-4]})
        >>> sweep.id in [each.id for each in mlcore.list_sweeps()]
        True
    """
    store = store or open_store()
    query = select(sweeps).order_by(sweeps.c.created.desc(), sweeps.c.id)
    with store.reading() as connection:
        return [sweep_of(row, store) for row in connection.execute(query.limit(limit))]


def _take_up(known: Sweep, settings: int | None, minutes: float | None) -> None:
    if minutes is not None and settings is not None:
        known.renew(settings, minutes)
    elif minutes is not None:
        known.extend(minutes=minutes)
    elif settings is not None and known.settings is not None and settings > known.settings:
        known.extend(settings - known.settings)
    elif known.status == sweep_rows.STOPPED:
        known.resume()


def _watched(found: Sweep, progress: bool) -> Sweep:
    with waiting_bar(
        found.refresh,
        lambda now: (now.counts.done, now.counts.total),
        name=f"sweep {found.id}",
        wanted=progress,
        live=progress and found.running,
    ) as show:
        while found.running:
            try:
                show(found)
                found = found.wait(timeout=0.5)
            except TimeoutError:
                found = found.refresh()
            except KeyboardInterrupt:
                found.stop()
                raise
        show(found)
    return found
