"""The one path of every engine: two strings go in, and the store says what came of it."""

from __future__ import annotations

import multiprocessing

import pytest

import mlcore
from mlcore import RegressionConfig
from mlcore.core import RunNotFoundError, RunStateError, StoreError
from mlcore.runs import Status
from mlcore.runs.store.store import Store
from mlcore.worker import execute
from tests.runs.toy import ToyConfig
from tests.waiting import PATIENCE


@pytest.mark.both_back_ends
def test_a_fresh_process_needs_nothing_but_two_strings(store: Store) -> None:
    run = store.submit(ToyConfig())
    process = multiprocessing.get_context("spawn").Process(target=execute, args=(store.url, run.id))
    process.start()
    process.join(PATIENCE)
    assert process.exitcode == 0
    assert run.refresh().status == Status.FINISHED
    assert run.refresh().model() is not None


@pytest.mark.both_back_ends
def test_a_member_brings_its_ensemble_with_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLCORE_WORKERS", "0")
    config = RegressionConfig(steps=50)
    sweep = mlcore.sweep(config, {"lr": [0.001, 0.002, 0.003, 0.004]}, wait=False)
    members = sweep.runs()
    with store.reading() as connection:
        ensembles = connection.exec_driver_sql("SELECT ensemble FROM runs").scalars().all()
    assert len(set(ensembles)) == 1
    assert ensembles[0] is not None

    assert execute(store.url, members[2].id).status in (Status.FINISHED, Status.QUEUED)

    after = [run.refresh() for run in members]
    assert Status.FINISHED in {run.status for run in after}
    assert {run.status for run in after} <= {Status.FINISHED, Status.QUEUED}, "as one, or in turn"
    for run in after:
        if run.status == Status.FINISHED:
            alone = mlcore.run(run.config, force=True, progress=False)
            assert run.latest()["loss"] == pytest.approx(alone.latest()["loss"], rel=1e-6)


def test_what_cannot_be_carried_out_is_refused(store: Store) -> None:
    with pytest.raises(RunNotFoundError, match="No run has the id"):
        execute(store.url, "nope")
    stopped = store.submit(ToyConfig()).stop()
    with pytest.raises(RunStateError, match="is stopped, not queued"):
        execute(store.url, stopped.id)


def test_a_process_that_lives_on_leaves_no_run_behind(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A task of a cluster is interrupted; its process goes on to other tasks."""
    run = store.submit(ToyConfig(), retries=1)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mlcore.runs.execution.worker.execute_ensemble", interrupted)
    with pytest.raises(KeyboardInterrupt):
        execute(store.url, run.id)
    assert run.refresh().status == Status.QUEUED, "it had a retry"
    with pytest.raises(KeyboardInterrupt):
        execute(store.url, run.id)
    lost = run.refresh()
    assert lost.status == Status.LOST
    assert "gave it up after step 0" in (lost.error or "")


def test_a_store_that_is_none_is_refused() -> None:
    with pytest.raises(StoreError, match="is not a URL"):
        execute("://", "whatever")
