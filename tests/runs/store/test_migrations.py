"""Migrations: an old store is brought up to date with nothing lost."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config as AlembicConfig
from sqlalchemy import create_engine

from mlcore.runs import Status
from mlcore.runs.store import database
from mlcore.runs.store.run_table import run_table
from mlcore.runs.store.store import Store

pytestmark = pytest.mark.sqlite

_MIGRATIONS = Path(database.__file__).parent / "migrations"


@pytest.fixture
def old_store(tmp_path: Path) -> Path:
    """A store as the first version made it, with a finished run, its points and a waiting one."""
    path = tmp_path / "old.db"
    settings = AlembicConfig()
    settings.set_main_option("script_location", str(_MIGRATIONS))
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        settings.attributes["connection"] = connection
        command.upgrade(settings, "0001")
    engine.dispose()
    with sqlite3.connect(path) as raw:
        for row in (
            ("aaaa2222", "finished", "f1", '["old", "ü"]', "“note”\n<b>", '{"loss": 0.5}'),
            ("bbbb3333", "queued", "f2", "[]", "", "{}"),
        ):
            raw.execute(
                "INSERT INTO runs (id, experiment, version, config, fingerprint, status, seed,"
                " created, elapsed, step, versions, tags, note, latest)"
                " VALUES (?, 'mnist', 1, '{\"lr\":0.1}', ?, ?, 7, 1000.5, 2.5, 3, '{}', ?, ?, ?)",
                (row[0], row[2], row[1], *row[3:]),
            )
        raw.execute("INSERT INTO metric_names (name) VALUES ('loss')")
        raw.executemany(
            "INSERT INTO points VALUES (1, 1, ?, ?, ?)", [(s, 1 / (s + 1), s / 7) for s in range(4)]
        )
    raw.close()
    return path


def test_a_store_of_the_first_version_keeps_everything(old_store: Path) -> None:
    store = Store(str(old_store))
    waiting, done = store.list()
    assert (done.id, done.status, done.seed) == ("aaaa2222", Status.FINISHED, 7)
    assert (done.tags, done.note, done.latest()) == (("old", "ü"), "“note”\n<b>", {"loss": 0.5})
    assert done.config_fields == {"lr": 0.1}
    assert done.metrics()["value"].tolist() == [1 / (s + 1) for s in range(4)]
    assert waiting.status == Status.QUEUED
    for run in (waiting, done):
        assert (run.name, run.starred, run.archived, run.deleted) == ("", False, False, None)
        assert (run.source, run.edited, run.environment) == (None, 0, {})
    assert len(run_table(store)) == 2
    assert done.edit(name="kept", starred=True).name == "kept"
    store.close()


def test_migrating_down_and_up_again_keeps_the_runs(old_store: Path) -> None:
    Store(str(old_store)).close()
    settings = AlembicConfig()
    settings.set_main_option("script_location", str(_MIGRATIONS))
    engine = create_engine(f"sqlite:///{old_store}")
    with engine.begin() as connection:
        settings.attributes["connection"] = connection
        command.downgrade(settings, "0001")
    engine.dispose()
    store = Store(str(old_store))
    assert [run.id for run in store.list()] == ["bbbb3333", "aaaa2222"]
    store.close()
