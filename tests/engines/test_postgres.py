"""PostgreSQL as a store: the same promises where many processes of many machines write at once."""

from __future__ import annotations

import math
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from alembic import command
from alembic.config import Config as AlembicConfig
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, delete, func, inspect, select, update
from sqlalchemy.engine import make_url

import mlcore
from mlcore.core import StoreError
from mlcore.runs import Status
from mlcore.runs.execution.claims import flush, take, take_ensemble
from mlcore.runs.execution.heartbeat import reap
from mlcore.runs.execution.worker import execute
from mlcore.runs.process_id import ProcessId
from mlcore.runs.store import organize
from mlcore.runs.store.points import Point
from mlcore.runs.store.schema import HEAD, files, runs
from mlcore.runs.store.store import Store, open_store
from tests.conftest import workers_of
from tests.engines.server import PostgresServer
from tests.runs.toy import ToyConfig
from tests.waiting import PATIENCE, until

Given = TypeVar("Given")
MIGRATIONS = Path(mlcore.__file__).parent / "runs" / "store" / "migrations"
SECRET = "s3cret"  # noqa: S105 - of nobody
on_postgres = pytest.mark.parametrize("store", ["postgresql"], indirect=True)
values = st.one_of(
    st.floats(-1.7e308, 1.7e308), st.sampled_from([math.nan, math.inf, -math.inf, 5e-324, 1.7e308])
)


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A file that is given the same points."""
    store = Store(str(tmp_path_factory.mktemp("twin") / "runs.db"))
    yield store
    store.close()


@pytest.fixture(scope="module")
def kept(postgres: PostgresServer) -> Iterator[Store]:
    """A store for all examples of a property."""
    url = postgres.new_store()
    store = Store(url)
    yield store
    store.close()
    postgres.drop(url)


# --- points --------------------------------------------------------------------------------------


@settings(max_examples=30)
@given(st.dictionaries(st.integers(0, 2**40), values, min_size=1, max_size=50))
def test_every_value_comes_back_exactly(kept: Store, curve: dict[int, float]) -> None:
    run_id = _write(kept, [Point(s, "loss", v, s / 7) for s, v in curve.items()])
    frame = kept.get(run_id).metrics()
    assert list(frame["step"]) == sorted(curve)
    np.testing.assert_array_equal(frame["value"], [curve[step] for step in sorted(curve)])


@settings(max_examples=30)
@given(st.lists(values, min_size=1, max_size=300), st.integers(1, 20))
def test_a_thinned_curve_is_the_one_that_sqlite_gives(
    kept: Store, twin: Store, curve: list[float], at_most: int
) -> None:
    """Also where values are so large that the server's own mean would overflow."""
    written = [Point(3 * i, "loss", v, 0.0) for i, v in enumerate(curve)]
    ours, theirs = (
        store.curves([_write(store, written)], "loss", points=at_most).drop(columns="run")
        for store in (kept, twin)
    )
    for name in ("step", "low", "high", "count"):
        np.testing.assert_array_equal(ours[name], theirs[name])
    ordinary = np.isfinite(theirs["value"])
    np.testing.assert_allclose(ours["value"][ordinary], theirs["value"][ordinary], rtol=1e-12)


# --- many at once --------------------------------------------------------------------------------


def test_processes_that_open_an_old_store_at_once_migrate_it_once(postgres: PostgresServer) -> None:
    url = postgres.empty_database()
    engine = create_engine(make_url(url))
    alembic = AlembicConfig()
    alembic.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        alembic.attributes["connection"] = connection
        command.upgrade(alembic, "0001")
        connection.exec_driver_sql(
            "INSERT INTO runs (id, experiment, version, config, fingerprint, status, created) "
            "VALUES ('oldoldol', 'mnist', 1, '{}', 'f', 'finished', 1.5)"
        )
    code = (
        "import sys; from mlcore.runs.store.store import open_store;"
        "print(open_store(sys.argv[1]).get('oldoldol').status)"
    )
    started = [
        subprocess.Popen([sys.executable, "-W", "error", "-c", code, url], stdout=subprocess.PIPE)
        for _ in range(3)
    ]
    assert [process.communicate(timeout=PATIENCE)[0] for process in started] == [b"finished\n"] * 3
    with engine.connect() as connection:
        assert inspect(connection).has_table("sweep_runs")
        found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").all()
    assert found == [(HEAD,)]
    engine.dispose()
    postgres.drop(url)


@on_postgres
def test_eight_who_submit_one_config_share_one_run(store: Store) -> None:
    ids = _together(8, lambda _: store.submit(ToyConfig()).id)
    assert len(set(ids)) == 1
    assert len(store.list()) == 1


@on_postgres
def test_each_queued_run_is_taken_once_however_many_take(store: Store) -> None:
    queued = {store.submit(ToyConfig(seed=seed)).id for seed in range(40)}

    def take_until_none_is_left(_: int) -> list[str]:
        mine = []
        while (claim := take(store, ProcessId.of())) is not None:
            mine.append(claim.run.id)
        return mine

    taken = [run_id for mine in _together(8, take_until_none_is_left) for run_id in mine]
    assert len(taken) == 40
    assert set(taken) == queued


@on_postgres
def test_a_ensemble_is_taken_whole_by_one(store: Store) -> None:
    ids = [store.submit(ToyConfig(seed=seed)).id for seed in range(12)]
    with store.writing() as connection:
        connection.execute(update(runs).values(ensemble="p"))
    groups = _together(4, lambda _: [c.run.id for c in take_ensemble(store, ProcessId.of())])
    assert sorted(groups) == [[], [], [], ids]


@on_postgres
def test_who_decides_alone_holds_off_other_decisions_but_no_points(store: Store) -> None:
    run = store.submit(ToyConfig())
    claim = take(store, ProcessId.of(), run.id)
    assert claim is not None
    decided = threading.Event()

    def decide() -> None:
        store.submit(ToyConfig(seed=1))
        decided.set()

    other = threading.Thread(target=decide)
    with store.writing():
        other.start()
        flush(claim, [Point(1, "loss", 1.0, 0.0)], step=1, done=1, total=2, elapsed=0, latest={})
        assert store.last_step(run.id) == 1
        assert not decided.wait(0.2)
    other.join(PATIENCE)
    assert decided.is_set()


# --- many machines -------------------------------------------------------------------------------


@on_postgres
def test_weights_are_kept_by_the_server_and_found_from_any_machine(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = mlcore.run(ToyConfig(steps=60))
    assert not store.files.exists() or not list(store.files.rglob("*.safetensors"))
    monkeypatch.setenv("MLCORE_FILES", str(tmp_path / "another machine"))
    elsewhere = Store(store.url)
    found = elsewhere.get(run.id)
    weight = run.model().state_dict()["weight"]
    assert found.model().state_dict()["weight"].equal(weight)
    assert found.array_steps() == [0, 50]
    assert found.arrays(50)["weight"].shape == weight.shape
    elsewhere.close()

    run.delete()
    organize.purge(store)
    with store.reading() as connection:
        assert connection.execute(select(func.count()).select_from(files)).scalar_one() == 0


@on_postgres
def test_a_machine_whose_clock_is_wrong_gives_up_no_living_run(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = store.submit(ToyConfig())
    assert take(store, ProcessId("another", 1, 0.0), run.id) is not None
    there = time.time()
    monkeypatch.setattr(time, "time", lambda: there + 3600)
    assert reap(store) == []
    with store.writing() as connection:
        connection.exec_driver_sql("UPDATE runs SET heartbeat = heartbeat - 11")
    assert reap(store) == [run.id]
    assert run.refresh().status == Status.LOST


def test_a_restarted_server_is_found_again(postgres: PostgresServer) -> None:
    url = postgres.new_store()
    store = Store(url)
    run = store.submit(ToyConfig())
    postgres.stop()
    with pytest.raises(StoreError, match=r"did not answer: .*check that its server runs"):
        store.get(run.id)
    with pytest.raises(StoreError, match="Check that PostgreSQL runs there"):
        Store(url)
    postgres.start()
    assert store.get(run.id).id == run.id
    store.close()
    postgres.drop(url)


def test_a_run_waits_for_a_server_that_is_restarted_and_loses_nothing(
    postgres: PostgresServer,
) -> None:
    url = postgres.new_store()
    store = Store(url)
    run = store.submit(ToyConfig(steps=120, delay=0.01))
    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(execute, url, run.id)
        until(lambda: store.last_step(run.id) >= 20)
        postgres.stop()
        time.sleep(0.6)  # the outage
        postgres.start()
        assert ended.result(timeout=PATIENCE).status == Status.FINISHED
    assert list(store.get(run.id).metrics()["step"]) == list(range(121))
    open_store(url).close()
    store.close()
    postgres.drop(url)


@on_postgres
def test_a_run_that_its_process_forgot_is_queued_again(store: Store) -> None:
    run = store.submit(ToyConfig(), retries=1)
    assert take(store, ProcessId.of(), run.id) is not None
    with store.writing() as connection:
        connection.exec_driver_sql("UPDATE runs SET heartbeat = heartbeat - 60")
    assert reap(store) == [], "its process is there"
    with store.writing() as connection:
        connection.exec_driver_sql("UPDATE runs SET heartbeat = heartbeat - 61")
    assert reap(store) == [run.id]
    assert run.refresh().status == Status.QUEUED


# --- bad addresses -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"port": 1}, r"refused.*Check that PostgreSQL runs there.*host and port"),
        ({"host": "no-such-host.invalid"}, "Check that PostgreSQL runs there"),
        ({"database": "nowhere"}, r'"nowhere" does not exist\. Make it with createdb'),
        ({"username": "nobody-here"}, r"does not exist\. Check the user and the password"),
    ],
)
def test_a_server_that_lets_nobody_in_is_named_with_what_to_do(
    postgres: PostgresServer, change: dict[str, str | int], words: str
) -> None:
    url = make_url(postgres.url("postgres")).set(password=SECRET).set(**change)  # type: ignore[arg-type]  # one of set's own arguments each
    with pytest.raises(StoreError, match=words) as caught:
        open_store(url.render_as_string(hide_password=False))
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql+asyncpg://u@h/d", "only postgresql.psycopg is used here"),
        ("postgresql+psycopg://u@h", "names no database"),
    ],
)
def test_an_address_of_another_driver_or_of_no_database_is_refused(url: str, words: str) -> None:
    with pytest.raises(StoreError, match=words):
        Store(url)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
def test_the_usual_spellings_name_the_same_store(postgres: PostgresServer, scheme: str) -> None:
    url = postgres.new_store()
    store = Store(url.replace("postgresql+psycopg", scheme))
    assert store.url == url
    store.close()
    postgres.drop(url)


@on_postgres
def test_a_worker_hides_the_password_from_the_list_of_processes(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = make_url(store.url).set(password=SECRET).render_as_string(hide_password=False)
    monkeypatch.setenv("MLCORE_STORE", secret)
    run = mlcore.submit(ToyConfig()).wait(PATIENCE)
    assert run.status == Status.FINISHED
    (worker,) = workers_of(open_store().shown_url)
    assert SECRET not in " ".join(worker.cmdline())
    worker.kill()
    worker.wait(PATIENCE)
    open_store().close()


def _write(store: Store, new: list[Point]) -> str:
    """Give the store a run with these points and no other."""
    with store.writing() as connection:
        connection.execute(delete(runs))
    run = store.submit(ToyConfig())
    claim = take(store, ProcessId.of(), run.id)
    assert claim is not None
    flush(claim, new, step=1, done=1, total=2, elapsed=1, latest={})
    return run.id


def _together(count: int, work: Callable[[int], Given]) -> list[Given]:
    """What several threads give that begin at the same moment."""
    start = threading.Barrier(count)

    def begin(number: int) -> Given:
        start.wait()
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(begin, range(count)))
