"""Which engine is chosen, and what is refused before anything is queued."""

from __future__ import annotations

import importlib.util
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from sqlalchemy import select

import mlcore
from mlcore.cli import main
from mlcore.core import EngineError
from mlcore.core.cores import cores_given, give_cores, given_cores, usable_cores
from mlcore.runs.execution import supervisor
from mlcore.runs.execution.claims import take
from mlcore.runs.execution.engines import chosen, ray_cluster
from mlcore.runs.execution.engines.local import (
    LocalWorkers,
    cores_each,
    reap_children,
    worker_limit,
)
from mlcore.runs.execution.engines.ray_cluster import RayCluster
from mlcore.runs.execution.engines.share import Share
from mlcore.runs.process_id import ProcessId
from mlcore.runs.store.schema import workers
from mlcore.runs.store.store import Store
from tests.runs.toy import ToyConfig
from tests.waiting import PATIENCE, until

on_postgres = pytest.mark.parametrize("store", ["postgresql"], indirect=True)


@pytest.fixture
def listener() -> Iterator[int]:
    """A port at which somebody answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, LocalWorkers()),
        ("local", LocalWorkers()),
        ("auto", RayCluster("auto")),
        ("ray", RayCluster("auto")),
        ("ray://head:10001", RayCluster("ray://head:10001")),
    ],
)
def test_the_environment_names_the_engine(
    given: str | None, expected: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLCORE_ENGINE", raising=False)
    if given is not None:
        monkeypatch.setenv("MLCORE_ENGINE", given)
    assert chosen() == expected


def test_an_engine_that_does_not_exist_is_refused(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLCORE_ENGINE", "slurm")
    with pytest.raises(EngineError, match=r"'slurm', but must be local .* auto .* ray://HOST:PORT"):
        mlcore.submit(ToyConfig())
    assert main(["submit", "regression"]) == 2
    assert "MLCORE_ENGINE is 'slurm'" in capsys.readouterr().err
    assert store.list() == []


def test_ray_over_a_file_is_refused_with_the_reason(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLCORE_ENGINE", "ray://127.0.0.1:10001")
    with pytest.raises(EngineError, match=r"many machines at once, where SQLite's locks do not"):
        mlcore.submit(ToyConfig())
    assert store.list() == []
    assert supervisor.trouble(store) is not None


@on_postgres
def test_a_cluster_that_does_not_answer_is_named_and_nothing_is_queued(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setenv("MLCORE_ENGINE", f"ray://127.0.0.1:{port}")
    words = rf"does not answer at 127.0.0.1:{port} \(Connection refused\)\. Nothing was queued\."
    with pytest.raises(EngineError, match=words):
        mlcore.submit(ToyConfig())
    assert store.list() == []


@on_postgres
def test_runs_can_be_looked_at_though_their_cluster_is_gone(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    run = store.submit(ToyConfig())
    monkeypatch.setenv("MLCORE_ENGINE", "ray://127.0.0.1:1")
    assert mlcore.get_run(run.id).status == "queued"
    assert "does not answer at 127.0.0.1:1" in caplog.text
    with pytest.raises(EngineError, match="does not answer"):
        run.wait(PATIENCE)


@on_postgres
def test_a_machine_of_no_cluster_is_told_how_to_start_one(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLCORE_ENGINE", "auto")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    with pytest.raises(EngineError, match=r"belongs to no Ray cluster\. Start one with `ray start"):
        supervisor.check(store)


@on_postgres
def test_the_note_of_ray_start_is_enough(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listener: int
) -> None:
    monkeypatch.setenv("MLCORE_ENGINE", "auto")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    (tmp_path / "ray").mkdir()
    (tmp_path / "ray" / "ray_current_cluster").write_text(f"127.0.0.1:{listener}\n")
    supervisor.check(store)
    assert RayCluster("auto").endpoint() == ("127.0.0.1", listener)


@on_postgres
def test_ray_that_is_not_installed_is_named_with_the_command(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLCORE_ENGINE", "ray://127.0.0.1:10001")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(EngineError, match=r"pip install 'mlcore\[ray\]'"):
        supervisor.check(store)


@on_postgres
def test_a_store_that_only_this_machine_can_reach_is_none_for_a_cluster(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLCORE_ENGINE", "ray://head.example:10001")
    with pytest.raises(EngineError, match=r"is at 127\.0\.0\.1, which to each machine of"):
        mlcore.submit(ToyConfig())
    assert store.list() == []


@on_postgres
def test_a_dispatcher_that_does_not_start_is_told_and_tried_again_later(
    store: Store, monkeypatch: pytest.MonkeyPatch, listener: int
) -> None:
    """Somebody listens at the port, but it is no Ray."""
    monkeypatch.setenv("MLCORE_ENGINE", f"ray://127.0.0.1:{listener}")
    monkeypatch.setattr(ray_cluster, "RESTART_AFTER", 3600.0)
    assert supervisor.trouble(store) is None
    run = mlcore.submit(ToyConfig())
    with store.reading() as connection:
        first = connection.execute(select(workers)).one()
    psutil.Process(first.pid).kill()
    reap_children()
    told: list[str] = []

    def is_told() -> bool:
        reap_children()
        told.extend(filter(None, [supervisor.trouble(store)]))
        return told != []

    until(is_told)
    assert "dispatcher in it ended or did not start; it is tried again" in told[0]
    assert str(store.files / "workers.log") in told[0]
    supervisor.tend(store)
    with store.reading() as connection:
        assert connection.execute(select(workers.c.pid)).scalar_one() == first.pid, "not at once"
    assert run.refresh().status == "queued"


@pytest.mark.parametrize("address", ["ray://", "ray://:10001", "ray://head:door"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(EngineError, match=r"Give ray://HOST:PORT, where the port is 10001"):
        RayCluster(address).endpoint()


def test_a_client_port_need_not_be_named() -> None:
    assert RayCluster("ray://head").endpoint() == ("head", 10001)


# --- cores ---------------------------------------------------------------------------------------


def test_a_computation_uses_the_cores_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLCORE_CORES", raising=False)
    assert given_cores() == usable_cores() >= 1
    monkeypatch.setenv("MLCORE_CORES", "3")
    assert given_cores() == 3
    try:
        give_cores(0)
        assert given_cores() == 1
        assert usable_cores() == 3, "its share is no share of its children's"
        give_cores(None)
        with cores_given(2):
            assert given_cores() == 2
        assert given_cores() == 3, "all usable ones again, however many they become"
    finally:
        give_cores(None)
    assert given_cores() == 3
    monkeypatch.setenv("MLCORE_CORES", "many")
    with pytest.raises(ValueError, match=r"MLCORE_CORES is 'many', but must be a whole number"):
        given_cores()


@pytest.mark.parametrize(
    ("cores", "memory_gb", "limit"), [(1, 8, 1), (8, 64, 8), (64, 16, 16), (2, 0.5, 1)]
)
def test_there_is_a_worker_a_core_as_far_as_memory_goes(
    monkeypatch: pytest.MonkeyPatch, cores: int, memory_gb: float, limit: int
) -> None:
    monkeypatch.delenv("MLCORE_WORKERS", raising=False)
    monkeypatch.setenv("MLCORE_CORES", str(cores))
    memory = SimpleNamespace(total=memory_gb * 2**30)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    assert worker_limit() == limit


@pytest.mark.parametrize("given", ["-1", "two", "1.5"])
def test_a_number_of_workers_that_is_none_is_refused(
    monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.setenv("MLCORE_WORKERS", given)
    with pytest.raises(EngineError, match=f"MLCORE_WORKERS is '{given}', but must be a whole"):
        worker_limit()


@pytest.mark.parametrize(
    ("workers", "queued", "each"),
    [(1, 9, 8), (2, 0, 8), (2, 1, 4), (4, 1, 4), (4, 9, 2), (16, 9, 1)],
)
def test_workers_share_the_cores_that_there_are(
    store: Store, monkeypatch: pytest.MonkeyPatch, workers: int, queued: int, each: int
) -> None:
    monkeypatch.setenv("MLCORE_CORES", "8")
    monkeypatch.setenv("MLCORE_WORKERS", str(workers))
    for seed in range(queued + 1):
        store.submit(ToyConfig(seed=seed))
    assert take(store, ProcessId.of()) is not None, "its own run is one of those at work"
    assert cores_each(store) == each


# --- what a run is given of a cluster ------------------------------------------------------------


@pytest.mark.parametrize(
    ("cpus", "gpus", "device", "given"),
    [
        (None, None, "auto", {"num_cpus": 1.0, "num_gpus": 0.0}),
        (None, None, "cuda", {"num_cpus": 1.0, "num_gpus": 1.0}),
        ("2", "0.25", "cuda", {"num_cpus": 2.0, "num_gpus": 0.25}),
        ("0.5", "0.25", "auto", {"num_cpus": 0.5, "num_gpus": 0.25}),
        ("1", "0.25", "cpu", {"num_cpus": 1.0, "num_gpus": 0.0}),
        ("1", "0", None, {"num_cpus": 1.0, "num_gpus": 0.0}),
    ],
)
def test_a_run_is_given_what_its_device_and_the_environment_ask(
    cpus: str | None,
    gpus: str | None,
    device: str | None,
    given: dict[str, float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in (("MLCORE_RUN_CPUS", cpus), ("MLCORE_RUN_GPUS", gpus)):
        if value is not None:
            monkeypatch.setenv(name, value)
    share = Share.from_environment()
    assert share.for_device(device) == given
    for name, value in share.to_environment().items():
        monkeypatch.setenv(name, value)
    assert Share.from_environment() == share, "a successor is told the same"


@pytest.mark.parametrize(
    ("cluster", "cpus", "gpus", "room"),
    [
        ({"CPU": 16.0}, 1.0, 0.0, 16),
        ({"CPU": 16.0}, 3.0, 0.0, 5),
        ({"CPU": 16.0, "GPU": 2.0}, 1.0, 0.25, 8),
        ({"CPU": 2.0, "GPU": 8.0}, 1.0, 0.25, 2),
        ({"CPU": 0.3}, 0.1, 0.0, 3),
        ({}, 1.0, 0.0, 0),
    ],
)
def test_a_cluster_has_room_for_what_its_scarcest_part_allows(
    cluster: dict[str, float], cpus: float, gpus: float, room: int
) -> None:
    assert Share(cpus, gpus).room(cluster) == room


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("MLCORE_RUN_CPUS", "0", "needs some of a core"),
        ("MLCORE_RUN_CPUS", "two", "'two', but must be a number"),
        ("MLCORE_RUN_GPUS", "-1", "'-1', but must be a number from 0 up"),
    ],
)
def test_a_share_that_is_none_is_refused(
    name: str, value: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=words):
        Share.from_environment()
