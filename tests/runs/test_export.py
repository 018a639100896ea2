"""Exports: read back, they are exactly what was measured, whatever it is called."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import math
import posixpath
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

import mlcore
from mlcore.mnist.config import MNISTConfig
from mlcore.runs import Status
from mlcore.runs.export import (
    described,
    read_json,
    to_csv,
    to_json,
    to_parquet,
    to_tensorboard,
    to_zip,
)
from mlcore.runs.export.missing import MissingExtraError, extra
from mlcore.runs.export.mlflow import mlflow_name
from mlcore.runs.imports import import_content, import_tensorboard, import_zip
from mlcore.runs.store.store import Store
from tests.runs.hostile import HOSTILE
from tests.runs.made import made
from tests.runs.toy import ToyConfig

pytestmark = pytest.mark.sqlite

values = st.one_of(st.floats(), st.just(math.nan), st.just(math.inf), st.just(-math.inf))
MEETING = (
    *("test/acc@1", "test/acc#1", "test/acc_1", "准确率", "val loss", "val_loss", "val.loss"),
    *("Loss", "loss", "a/../b", "b", "x/", "x", "..", "top-5", "top_5", "deadbeef-deadbeef"),
)
"""Names that are easily taken for each other."""

names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)
curves = st.dictionaries(
    names, st.dictionaries(st.integers(0, 10**12), values, min_size=1, max_size=6), max_size=4
)
few = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Store]:
    """The store of another machine."""
    opened = Store(str(tmp_path / "elsewhere" / "runs.db"))
    yield opened
    opened.close()


@few
@given(curves)
def test_csv_parquet_and_json_read_back_to_the_same_numbers(
    store: Store, curve: dict[str, dict[int, float]]
) -> None:
    run = made(store, ToyConfig(), curve)
    points = store.points_of([run.id])
    assert len(points) == sum(map(len, curve.values()))
    rows = [*csv.DictReader(io.StringIO(to_csv([run]).decode("utf-8"), newline=""))]
    kinds = {"run": str, "metric": str, "step": int, "value": float, "time": float}
    read = pd.DataFrame({name: [kind(row[name]) for row in rows] for name, kind in kinds.items()})
    if rows:
        assert_frame_equal(read, points, check_exact=True, check_dtype=False)
    table = pq.read_table(io.BytesIO(to_parquet([run])))
    assert_frame_equal(table.to_pandas(), points, check_exact=True, check_dtype=False)
    assert_frame_equal(read_json(to_json([run])), points, check_exact=True, check_dtype=False)


def test_exports_say_units_and_zone(store: Store) -> None:
    run = made(store, MNISTConfig(), {"loss": {0: 0.5}})
    told = json.loads(to_json([run]))
    schema = pq.read_schema(io.BytesIO(to_parquet([run])))
    with zipfile.ZipFile(io.BytesIO(to_zip([run]))) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        (facts,) = (json.loads(archive.read(n)) for n in archive.namelist() if "run.json" in n)
    for units in (told["units"], manifest["units"], json.loads(schema.metadata[b"mlcore_units"])):
        assert units["time"].startswith("seconds of work since the run's start")
        assert "UTC" in units["created, started, finished"]
    for moments in (told["runs"][0], facts):
        for name in ("created", "started", "finished"):
            assert datetime.fromisoformat(moments[name]).utcoffset() == timedelta(0)


@few
@given(curves, names, names)
def test_a_zip_brings_the_same_run_to_another_store(
    store: Store, other: Store, curve: dict[str, dict[int, float]], name: str, note: str
) -> None:
    run = made(store, MNISTConfig(lr=0.125), curve).edit(name=name, note=note, tags=["a", "<b>"])
    (twin,) = import_zip(other, to_zip([run]))
    assert_frame_equal(other.points_of([twin.id]), store.points_of([run.id]), check_exact=True)
    told, known = described(twin), described(run)
    marks = {"source": "zip", "starred": False, "archived": False}
    assert told == known | marks, "marks are a person's own and stay behind"
    assert (twin.config, twin.id) == (run.config, run.id)


@few
@given(curves)
def test_event_files_read_back_to_the_same_numbers(
    store: Store, other: Store, curve: dict[str, dict[int, float]]
) -> None:
    run = made(store, MNISTConfig(lr=0.125, hidden=(8, 4)), {"loss": {0: 0.1}, **curve})
    with TemporaryDirectory() as folder:
        to_tensorboard([run], Path(folder))
        (twin,) = import_tensorboard(other, Path(folder))
    columns = ["metric", "step", "value"]
    assert_frame_equal(
        other.points_of([twin.id])[columns], store.points_of([run.id])[columns], check_exact=True
    )
    assert (twin.source, twin.config, twin.name) == ("tensorboard", run.config, "")


@pytest.mark.usefixtures("store")
def test_weights_and_arrays_come_along(other: Store) -> None:
    run = mlcore.run(MNISTConfig(train_size=256, epochs=1, hidden=(8,)))
    (twin,) = import_zip(other, to_zip([run]))
    mine, theirs = run.model().state_dict(), twin.model().state_dict()
    assert mine.keys() == theirs.keys()
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)
    assert twin.array_steps() == run.array_steps() != []
    for name, array in run.arrays(run.array_steps()[-1]).items():
        assert torch.equal(array, twin.arrays(run.array_steps()[-1])[name])


def test_a_stopped_run_brings_the_weights_it_had(store: Store, other: Store) -> None:
    from mlcore.runs.execution.claims import take
    from mlcore.runs.execution.recorder import execute
    from mlcore.runs.process_id import ProcessId

    claim = take(store, ProcessId.of(), store.submit(ToyConfig()).id)
    assert claim is not None
    stopped = execute(claim, interrupted=lambda: True)
    assert stopped.status == Status.STOPPED
    (twin,) = import_zip(other, to_zip([stopped]))
    assert twin.status == Status.STOPPED
    weights = twin.artifacts.load("weights")
    assert weights is not None
    assert torch.equal(weights.tensors["model.weight"], stopped.model().state_dict()["weight"])


def test_the_same_runs_give_the_same_zip(store: Store) -> None:
    runs = [made(store, ToyConfig(seed=seed), {"loss": {1: 0.5}}) for seed in range(2)]
    assert to_zip(runs) == to_zip([run.refresh() for run in runs])


def test_hostile_names_are_exported_intact(store: Store, other: Store, tmp_path: Path) -> None:
    run = made(store, MNISTConfig(), {"loss": {1: 0.5}, '=1+1,"<b>"\n': {1: 2.0}})
    run = run.edit(name=HOSTILE, note=HOSTILE, tags=["<script>"])
    (told,) = json.loads(to_json([run]))["runs"]
    assert (told["name"], told["note"], told["tags"]) == (HOSTILE, HOSTILE, ["<script>"])
    schema = pq.read_schema(io.BytesIO(to_parquet([run])))
    assert json.loads(schema.metadata[b"mlcore"])[0]["note"] == HOSTILE
    (by_zip,) = import_zip(other, to_zip([run]))
    to_tensorboard([run], tmp_path / "logs")
    (by_events,) = import_tensorboard(other, tmp_path / "logs")
    for twin in (by_zip, by_events):
        assert (twin.name, twin.note, twin.tags) == (HOSTILE, HOSTILE, ("<script>",))
        assert other.points_of([twin.id])["metric"].tolist() == ['=1+1,"<b>"\n', "loss"]


def test_names_that_are_easily_taken_for_each_other_stay_apart(
    store: Store, other: Store, tmp_path: Path
) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    told = {name: float(place) for place, name in enumerate(MEETING)}
    run = made(store, MNISTConfig(), {name: {0: value} for name, value in told.items()})
    (file,) = to_tensorboard([run], tmp_path)
    accumulator = EventAccumulator(str(file.parent))
    accumulator.Reload()
    assert {tag: accumulator.Scalars(tag)[0].value for tag in accumulator.Tags()["scalars"]} == told
    for twin in (
        *import_tensorboard(other, tmp_path),
        *import_content(other, to_zip([run]), "run.zip"),
        *import_content(other, to_csv([run]), "run.csv"),
        *import_content(other, to_parquet([run]), "run.parquet"),
        *import_content(other, to_json([run]), "run.json"),
    ):
        assert twin.latest() == told, twin.source


def test_tensorboard_itself_reads_the_event_files(store: Store, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = made(store, ToyConfig(), {"loss": {0: 1 / 3, 7: 1e300}})
    (file,) = to_tensorboard([run], tmp_path)
    accumulator = EventAccumulator(str(file.parent))
    accumulator.Reload()
    events = accumulator.Scalars("loss")
    assert [event.step for event in events] == [0, 7]
    assert events[0].value == pytest.approx(1 / 3, rel=1e-7), "float32, as all its scalars are"
    assert events[1].value == math.inf
    assert run.started is not None
    assert events[1].wall_time == pytest.approx(run.started.timestamp() + 0.7)
    plugins = {
        tag: accumulator.SummaryMetadata(tag).plugin_data.plugin_name
        for tag in accumulator.Tags()["tensors"]
    }
    assert plugins == {
        "_hparams_/session_start_info": "hparams",
        "mlcore/run": "text",
        "mlcore/points": "mlcore",
    }


@pytest.mark.skipif(importlib.util.find_spec("mlflow") is None, reason="mlflow is missing")
def test_mlflow_itself_reads_what_was_copied(store: Store, tmp_path: Path) -> None:
    odd = {name: {0: float(place)} for place, name in enumerate(MEETING)}
    run = made(store, MNISTConfig(lr=0.125), {"loss/a": {0: 1 / 3, 7: 0.1}, **odd}).edit(note="<b>")
    grown = made(store, MNISTConfig(lr=0.25), {"loss/a": {0: 1.0}}, Status.STOPPED)
    # MLflow warns of its own dependencies, so it is kept in a process of its own
    code = (
        "import sys, json\n"
        "from mlcore.runs import open_store\n"
        "from mlcore.runs.export import to_mlflow\n"
        "from mlcore.runs.store.points import Point\n"
        "from mlflow.tracking import MlflowClient\n"
        "store, uri = open_store(), sys.argv[3]\n"
        "runs = [store.get(one) for one in sys.argv[1:3]]\n"
        "first = to_mlflow(runs, uri)\n"
        "with store.writing() as connection:\n"
        "    points = [Point(5, 'loss/a', 0.5, 0.5), Point(5, 'new', 2.0, 0.5)]\n"
        "    store.point_table.write(connection, runs[1].key, points)\n"
        "assert to_mlflow(runs, uri) == first, 'a second export makes no second copy'\n"
        "client = MlflowClient(tracking_uri=uri)\n"
        "def curve(copy, name):\n"
        "    return [[p.step, p.value] for p in client.get_metric_history(copy, name)]\n"
        "run = client.get_run(first[0])\n"
        "print(json.dumps([curve(first[0], 'loss/a'), run.data.params['lr'], run.info.status,\n"
        "    run.data.tags['mlflow.note.content'], sorted(run.data.metrics.values()),\n"
        "    json.loads(run.data.tags['mlcore.names']), sorted(run.data.metrics),\n"
        "    curve(first[1], 'loss/a'), curve(first[1], 'new'),\n"
        "    len(client.search_runs([run.info.experiment_id]))]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, run.id, grown.id, f"sqlite:///{tmp_path / 'mlflow.db'}"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert said[:4] == [[[0, 1 / 3], [7, 0.1]], "0.125", "FINISHED", "<b>"]
    values, changed, names = said[4:7]
    assert values == sorted([0.1, *map(float, range(len(MEETING)))]), "no two names have met"
    assert {changed.get(name, name) for name in names} == {"loss/a", *MEETING}
    assert said[7:] == [[[0, 1.0], [5, 0.5]], [[5, 2.0]], 2]


@given(st.sets(st.text("ab/.-_@# é0\n", min_size=1, max_size=8), max_size=20))
def test_mlflow_names_stay_apart_and_are_allowed(names: set[str]) -> None:
    spelt = {mlflow_name(name) for name in names}
    assert len(spelt) == len(names)
    for name in spelt:
        assert re.fullmatch(r"[\w\-./ ]+", name)
        assert posixpath.normpath(name) == name
        assert not name.startswith(("..", "/"))
        assert mlflow_name(name) == name or name not in names


def test_a_missing_extra_says_how_to_install_it() -> None:
    with pytest.raises(MissingExtraError, match=r"needs nowhere, .*pip install 'mlcore\[gone\]'"):
        extra("nowhere.at.all", "Exporting", "gone")


@pytest.mark.usefixtures("store")
def test_nothing_is_exported_from_nothing() -> None:
    for export in (to_csv, to_parquet, to_json, to_zip):
        with pytest.raises(ValueError, match="No run was given"):
            export([])
    with pytest.raises(ValueError, match="is no JSON"):
        read_json(b"{")
    with pytest.raises(ValueError, match="none of 'mlcore points 1'"):
        read_json(b"[]")
