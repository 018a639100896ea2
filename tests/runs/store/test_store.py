"""The store: opened or refused in a sentence, and one run for one config."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from sqlalchemy import inspect, text, update
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from mlcore.core import RunNotFoundError, RunStateError, StoreError
from mlcore.runs import Status
from mlcore.runs.execution.claims import Claim, end, take
from mlcore.runs.execution.environment import record_environment
from mlcore.runs.imports.insertion import bring_in_all
from mlcore.runs.process_id import ProcessId
from mlcore.runs.status import LIVE
from mlcore.runs.store import database
from mlcore.runs.store.database import file_system, resolve_url
from mlcore.runs.store.organize import edit
from mlcore.runs.store.postgres import normal_url, sentence, shown_url
from mlcore.runs.store.schema import metadata, runs
from mlcore.runs.store.store import Store, open_store
from mlcore.sweeps.durations import time_of
from tests.runs.toy import ToyConfig
from tests.waiting import PATIENCE


def test_the_migrations_make_the_tables_that_the_code_expects(store: Store) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with store.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        indexes = {index["name"]: index for index in inspect(connection).get_indexes("runs")}
        options = indexes["runs_one_live"]["dialect_options"]
        wheres = [str(value) for name, value in options.items() if name.endswith("_where")]
        assert {word for where in wheres for word in re.findall(r"'(\w+)'", where)} == {*LIVE}


def test_many_processes_may_make_one_store_at_once(tmp_path: Path) -> None:
    code = "import sys; from mlcore.runs import open_store; open_store(sys.argv[1])"
    command = [sys.executable, "-W", "error", "-c", code, str(tmp_path / "runs.db")]
    started = [subprocess.Popen(command) for _ in range(4)]
    assert [process.wait(PATIENCE) for process in started] == [0, 0, 0, 0]
    assert open_store(str(tmp_path / "runs.db")).list() == []


def test_a_store_that_another_process_is_making_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "runs.db"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")  # as yet the file is not in WAL mode
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        other.close()

    monkeypatch.setattr("mlcore.runs.store.database.time.sleep", sleep)

    assert open_store(str(path)).list() == []
    assert len(waits) == 1


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("my notes, not a database, " * 100)
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"notes\.txt is not a store"):
        open_store(str(path))
    assert path.read_bytes() == before


def test_a_store_from_a_newer_version_is_refused(store: Store) -> None:
    with store.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match=r"made by a newer mlcore .*revision 9999.*Update mlcore"):
        Store(store.url)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be made"):
        open_store(str(tmp_path / "file" / "deep" / "runs.db"))
    with pytest.raises(StoreError, match="is a folder"):
        open_store(str(tmp_path))


def test_a_folder_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)  # root may write anywhere
    with pytest.raises(StoreError, match="cannot be written"):
        Store(str(tmp_path / "runs.db"))


def test_sqlite_on_a_network_file_system_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "file_system", lambda _: "nfs4")
    with pytest.raises(StoreError, match=r"network file system \(nfs4\).*PostgreSQL"):
        Store(str(tmp_path / "runs.db"))
    assert not (tmp_path / "runs.db").exists()


def test_the_file_system_of_a_folder_is_that_of_its_mount(tmp_path: Path) -> None:
    assert file_system(Path("/proc")) in ("proc", "")
    assert file_system(tmp_path) != "proc"


@pytest.mark.parametrize(
    "kind",
    ["nfs", "ceph", "fuse.ceph-fuse", "fuse.juicefs", "juicefs", "virtiofs", "vboxsf", "smb2"],
)
def test_the_last_mount_at_a_place_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    def mount(place: str, kind: str) -> SimpleNamespace:
        return SimpleNamespace(mountpoint=place, fstype=kind)

    mounts = [mount("/", "ext4"), mount(str(tmp_path), "autofs"), mount("/proc", "proc")]
    monkeypatch.setattr(psutil, "disk_partitions", lambda **_: mounts)
    assert file_system(tmp_path) == "autofs"
    assert file_system(Path("/usr")) == "ext4"
    mounts.append(mount(str(tmp_path), kind))
    assert file_system(tmp_path) == kind
    with pytest.raises(StoreError, match=rf"network file system \({kind}\)"):
        Store(str(tmp_path / "runs.db"))


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://u:s3cret@host:port/db",
        "postgresql+psycopg://u:s3cret@[::1/db",
        "postgres:u:s3cret@host",
        "postgres:u:s3cr@s3cret@host/db",
        "u:s3cret@host/db",
        "postgresql:u@host?password=s3cret",
        "mysql://u:s3cret@host/db",
    ],
)
def test_what_looks_like_a_url_and_is_none_is_refused_without_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreError) as refused:
        open_store(address)
    assert "s3cret" not in str(refused.value)
    assert "host" in str(refused.value) or "::1" in str(refused.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://u:s3cret@host/db",
        "postgresql://host/db?user=u&password=s3cret",
        "postgresql://u@host/db?connect_timeout=3&sslpassword=s3cret&application_name=a",
        "postgresql://u:s3cret@host/db?PASSWORD=s3cret",
    ],
)
def test_a_password_anywhere_in_a_url_is_not_shown(address: str) -> None:
    url = make_url(address)
    assert "s3cret" in normal_url(url).render_as_string(hide_password=False)
    for shown in (shown_url(url), sentence(url, DBAPIError("", {}, Exception("refused")))):
        assert "s3cret" not in shown
        assert "***" in shown
        assert "host/db" in shown


def test_a_submission_reads_the_datas_checksum_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[ToyConfig] = []

    def checksum(config: ToyConfig) -> str:
        asked.append(config)
        return "abc"

    monkeypatch.setattr(ToyConfig, "data_checksum", checksum)
    run = store.submit(ToyConfig())
    assert (len(asked), run.environment["data"]) == (1, "abc")
    assert run.fingerprint == ToyConfig().fingerprint()


@pytest.mark.parametrize("column", ["config", "tags", "origin", "environment"])
def test_a_damaged_row_is_a_sentence_wherever_it_is_read(store: Store, column: str) -> None:
    run = store.submit(ToyConfig())
    values: dict[str, Any] = {column: "{broken"}
    values |= {"source": "zip"} if column == "origin" else {}
    values |= {"status": "finished", "elapsed": 1.0, "step": 1} if column == "config" else {}
    with store.writing() as connection:
        connection.execute(update(runs).values(values))
    found: dict[str, Callable[[], object]] = {
        "config": lambda: time_of(store, run.experiment, [ToyConfig()]),
        "tags": lambda: edit(store, [run.id], add_tags=["a"]),
        "origin": lambda: bring_in_all(store, []),
        "environment": lambda: record_environment(Claim(run, "")),
    }
    with pytest.raises(StoreError, match=f"{column} of run {run.id} is '{{broken'"):
        found[column]()


@pytest.mark.parametrize("name", ["runs.db", "a@b.db", "C:runs.db", "folder/a:b.db", "übung 3.db"])
def test_a_file_name_is_a_file_name(name: str) -> None:
    assert make_url(resolve_url(name)).database == str(Path(name).absolute())


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("status", "sleeping"),
        ("config", "{"),
        ("config", "[1]"),
        ("latest", "null"),
        ("latest", "{'loss': 1}"),
        ("tags", "{}"),
        ("versions", ""),
        ("environment", "7"),
        ("origin", "no json"),
    ],
)
def test_a_damaged_row_is_a_sentence(store: Store, column: str, value: str) -> None:
    run = store.submit(ToyConfig())
    with store.writing() as connection:
        connection.execute(update(runs).values({column: value}))
    with pytest.raises(StoreError, match=rf"damaged: the .* of run {run.id} is .* but must be"):
        store.get(run.id)
    with pytest.raises(StoreError, match=run.id):
        store.list()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sqlite://", "in memory"),
        ("mysql://host/db", "not supported"),
        ("://", "is not a URL"),
    ],
)
def test_an_address_that_cannot_serve_is_refused(url: str, words: str) -> None:
    with pytest.raises(StoreError, match=words):
        resolve_url(url)


def test_an_address_is_the_same_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert resolve_url("runs.db") == f"sqlite:///{tmp_path / 'runs.db'}"
    assert resolve_url("sqlite:///runs.db") == f"sqlite:///{tmp_path / 'runs.db'}"


def test_an_unknown_run_is_an_error_that_says_how_to_list_them(store: Store) -> None:
    with pytest.raises(RunNotFoundError, match=r"No run has the id 'nope'.*mlcore ls"):
        store.get("nope")


def test_a_run_is_found_by_the_beginning_of_its_id(store: Store) -> None:
    run = store.submit(ToyConfig())
    assert store.get(run.id[:4]).id == run.id
    with pytest.raises(RunNotFoundError):
        store.get("%%%")


def test_equal_configs_share_one_live_run(store: Store) -> None:
    first = store.submit(ToyConfig())
    assert store.submit(ToyConfig()).id == first.id
    assert store.submit(ToyConfig(), force=True).id == first.id
    assert store.submit(ToyConfig(seed=1)).id != first.id
    assert [run.id for run in store.list(status=Status.QUEUED)][-1] == first.id


def test_a_finished_run_answers_until_forced(store: Store) -> None:
    first = store.submit(ToyConfig())
    _finish(store)
    again = store.submit(ToyConfig())
    assert (again.id, again.cached, again.status) == (first.id, True, Status.FINISHED)
    forced = store.submit(ToyConfig(), force=True)
    assert forced.id != first.id
    assert not forced.cached


def test_a_queued_run_obeys_at_once(store: Store) -> None:
    run = store.submit(ToyConfig())
    paused = run.pause()
    assert paused.status == Status.PAUSED
    assert store.submit(ToyConfig()).id == run.id, "a paused run is taken up again"
    assert run.refresh().stop().status == Status.STOPPED
    assert store.submit(ToyConfig()).id == run.id, "so is a stopped one"


def test_a_finished_run_cannot_be_resumed(store: Store) -> None:
    run = store.submit(ToyConfig())
    _finish(store)
    with pytest.raises(RunStateError, match="finished, so there is nothing to resume"):
        run.resume()
    assert run.stop().status == Status.FINISHED, "asking an ended run to stop changes nothing"


def test_a_stopped_run_does_not_resume_beside_a_live_twin(store: Store) -> None:
    first = store.submit(ToyConfig())
    first.stop()
    second = store.submit(ToyConfig(), force=True)
    assert second.id != first.id
    with pytest.raises(RunStateError, match="another run of the same config is live"):
        first.resume()


def test_a_running_run_is_not_deleted(store: Store) -> None:
    run = store.submit(ToyConfig())
    claim = take(store, ProcessId.of())
    assert claim is not None
    with pytest.raises(RunStateError, match="Stop it first"):
        run.delete()
    end(claim, Status.STOPPED)
    run.delete()
    assert store.list() == []


def test_a_status_that_does_not_exist_is_refused(store: Store) -> None:
    with pytest.raises(ValueError, match="'asleep' is no status"):
        store.list(status="asleep")


def test_a_store_that_was_removed_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    open_store(str(path)).submit(ToyConfig())
    for file in tmp_path.glob("runs.db*"):
        file.unlink()
    assert open_store(str(path)).list() == []
    with sqlite3.connect(path) as raw:
        assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    raw.close()


def _finish(store: Store) -> None:
    claim = take(store, ProcessId.of())
    assert claim is not None
    end(claim, Status.FINISHED)
