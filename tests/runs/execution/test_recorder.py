"""The recorder: what a run measured is kept, and stopping changes nothing but the time."""

from __future__ import annotations

import pytest
import torch
from sqlalchemy import select, update

import mlcore
from mlcore.core import RunStateError, SnapshotError, Step
from mlcore.runs import Status
from mlcore.runs.execution import recorder
from mlcore.runs.execution.claims import ClaimLostError, beat, flush, take
from mlcore.runs.execution.heartbeat import reap
from mlcore.runs.execution.recorder import execute
from mlcore.runs.process_id import ProcessId
from mlcore.runs.store.artifacts import CHECKPOINT
from mlcore.runs.store.schema import files
from mlcore.runs.store.store import Store
from tests.runs.toy import ToyConfig

pytestmark = pytest.mark.usefixtures("store")


def test_a_run_keeps_every_metric_the_generator_yields() -> None:
    config = ToyConfig(steps=60)
    run = mlcore.run(config)
    expected = [(s.index, s.metrics["loss"]) for s in mlcore.train(config)]
    frame = run.metrics()
    assert run.status == Status.FINISHED
    assert list(zip(frame["step"], frame["value"], strict=True)) == expected
    assert run.latest() == {"loss": expected[-1][1]}
    assert run.progress == 1
    assert run.array_steps() == [0, 50]


def test_two_runs_of_one_config_agree_bit_for_bit() -> None:
    one = mlcore.run(ToyConfig())
    two = mlcore.run(ToyConfig(), force=True)
    assert one.id != two.id
    assert one.metrics()[["step", "value"]].equals(two.metrics()[["step", "value"]])
    assert torch.equal(_weights(one), _weights(two))


def test_the_final_weights_are_those_of_the_last_step() -> None:
    config = ToyConfig(steps=50)
    run = mlcore.run(config)
    assert torch.equal(_weights(run), run.arrays(50)["weight"])


@pytest.mark.parametrize("stop_after", [0, 1, 37, 99])
def test_a_stopped_and_resumed_run_ends_with_the_weights_of_an_uninterrupted_one(
    store: Store, stop_after: int
) -> None:
    whole = mlcore.run(ToyConfig(), force=True)
    run = store.submit(ToyConfig(), force=True)
    claim = take(store, ProcessId.of(), run.id)
    assert claim is not None
    seen: list[int] = []
    stopped = execute(
        claim, interrupted=lambda: seen[-1] >= stop_after, watch=lambda s: seen.append(s.index)
    )
    assert (stopped.status, stopped.step) == (Status.STOPPED, stop_after)
    assert torch.equal(_weights(stopped), _weights(run.refresh())), "its state can be looked at"
    store.requeue(stopped)
    again = take(store, ProcessId.of(), run.id)
    assert again is not None
    done = execute(again)
    assert done.status == Status.FINISHED
    assert done.metrics()[["step", "value"]].equals(whole.metrics()[["step", "value"]])
    assert torch.equal(_weights(done), _weights(whole))


def test_a_bug_in_an_experiment_is_recorded_with_its_traceback() -> None:
    run = mlcore.run(ToyConfig(fail_at=20))
    assert run.status == Status.FAILED
    assert run.error == "ZeroDivisionError: a bug in the experiment"
    assert run.traceback is not None
    assert "toy.py" in run.traceback
    assert run.metrics()["step"].max() == 19, "what came before is kept"
    with pytest.raises(RunStateError, match="failed"):
        run.resume()


def test_a_divergence_is_recorded_in_its_own_words() -> None:
    run = mlcore.run(ToyConfig(diverge_at=5))
    assert (run.status, run.error) == (
        Status.FAILED,
        "The loss is inf at step 5; try a smaller lr.",
    )


def test_a_damaged_checkpoint_is_refused_and_the_run_stays(store: Store) -> None:
    run = store.submit(ToyConfig())
    claim = take(store, ProcessId.of(), run.id)
    assert claim is not None
    stopped = execute(claim, interrupted=lambda: True)
    _damage(store, stopped, CHECKPOINT)
    with pytest.raises(SnapshotError, match="damaged"):
        stopped.model()
    failed = mlcore.run(ToyConfig())
    assert (failed.id, failed.status) == (run.id, Status.FAILED)
    assert failed.error is not None
    assert "damaged" in failed.error
    assert len(failed.metrics()) == 1, "its points are unharmed"
    assert mlcore.run(ToyConfig()).status == Status.FINISHED, "and its config runs afresh"


def test_a_run_without_weights_says_so() -> None:
    queued = mlcore.runs.open_store().submit(ToyConfig())
    with pytest.raises(RunStateError, match="has saved no weights yet"):
        queued.model()


def test_checkpoints_are_written_while_it_runs(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "CHECKPOINT_EVERY", 0.0)
    monkeypatch.setattr(recorder, "CHECKPOINT_SHARE", 1.0)
    run = store.submit(ToyConfig(steps=40, delay=0.005))
    claim = take(store, ProcessId.of(), run.id)
    assert claim is not None
    found: set[int] = set()

    def look(_: Step) -> None:
        kept = [one.step for one in run.artifacts.kept() if one.name == CHECKPOINT]
        assert len(kept) <= 1, "each replaces the one before"
        found.update(kept)

    done = execute(claim, watch=look)
    assert len(found) > 1
    assert CHECKPOINT not in {one.name for one in done.artifacts.kept()}, "it needs none any more"
    assert not list(run.artifacts.folder.glob(f"{CHECKPOINT}-*"))
    assert done.status == Status.FINISHED


def test_a_claim_that_was_taken_over_writes_nothing(store: Store) -> None:
    run = store.submit(ToyConfig())
    old = take(store, ProcessId(host="elsewhere", pid=1, started=0.0), run.id)
    assert old is not None
    with store.writing() as connection:
        connection.exec_driver_sql("UPDATE runs SET heartbeat = heartbeat - 60")
    assert reap(store) == [run.id]
    assert run.refresh().status == Status.LOST
    store.requeue(run.refresh())
    new = take(store, ProcessId.of(), run.id)
    assert new is not None
    with pytest.raises(ClaimLostError):
        flush(old, [], step=99, done=99, total=100, elapsed=1, latest={})
    with pytest.raises(ClaimLostError):
        beat(old)
    assert run.refresh().step == 0


def test_a_late_heartbeat_brings_a_lost_run_back(store: Store) -> None:
    run = store.submit(ToyConfig())
    claim = take(store, ProcessId(host="elsewhere", pid=1, started=0.0), run.id)
    assert claim is not None
    with store.writing() as connection:
        connection.exec_driver_sql("UPDATE runs SET heartbeat = heartbeat - 60")
    reap(store)
    beat(claim)
    back = run.refresh()
    assert (back.status, back.error, back.finished) == (Status.RUNNING, None, None)
    assert reap(store) == []


def test_a_late_heartbeat_does_not_bring_back_a_run_whose_twin_is_live(store: Store) -> None:
    run = store.submit(ToyConfig())
    claim = take(store, ProcessId(host="elsewhere", pid=1, started=0.0), run.id)
    assert claim is not None
    with store.writing() as connection:
        connection.exec_driver_sql("UPDATE runs SET heartbeat = heartbeat - 60")
    reap(store)
    store.submit(ToyConfig(), force=True)
    with pytest.raises(ClaimLostError):
        beat(claim)
    assert run.refresh().status == Status.LOST


def _damage(store: Store, run: mlcore.Run, name: str) -> None:
    """Turn a bit in the middle of a file, wherever the store keeps it."""
    if store.server:
        with store.writing() as connection:
            mine = (files.c.run == run.key) & (files.c.name == name)
            content = connection.execute(select(files.c.content).where(mine)).scalar_one()
            connection.execute(update(files).where(mine).values(content=_turned(content)))
    else:
        (file,) = run.artifacts.folder.glob(f"{name}-*")
        file.write_bytes(_turned(file.read_bytes()))


def _turned(content: bytes) -> bytes:
    data = bytearray(content)
    data[len(data) // 2] ^= 255
    return bytes(data)


def _weights(run: mlcore.Run) -> torch.Tensor:
    weight = run.model().state_dict()["weight"]
    assert isinstance(weight, torch.Tensor)
    return weight
