"""What a run of another library's training recorded, and Stop pressed while it trains."""

from __future__ import annotations

import mlcore
from mlcore.runs import Run, Store
from mlcore.runs.logged.active_run import ActiveRun
from tests.waiting import until

Points = dict[tuple[str, int], float]
"""Values by name and step."""


def points_of(run: Run) -> Points:
    """Every point of a run."""
    table = run.metrics()
    keys = zip(table["name"], map(int, table["step"]), strict=True)
    return dict(zip(keys, table["value"], strict=True))


def only_run(store: Store) -> Run:
    """The one run of a store."""
    (run_id,) = mlcore.search_runs()["id"]
    return store.get(run_id)


def press_stop(store: Store, run: ActiveRun | None) -> None:
    """Press Stop in the dashboard, and wait until the training's process knows it."""
    assert run is not None
    until(lambda: run.read() is not None)
    store.get(run.id).stop()
    until(lambda: run._writer is not None and run._writer.request == "stop")
