"""*Last* means one thing everywhere: the value at the highest step, the later of equal ones."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import mlcore
from mlcore.charts.report import report_html
from mlcore.cli.run_lines import line_of
from mlcore.mnist.config import MNISTConfig
from mlcore.runs.execution.claims import take
from mlcore.runs.execution.recorder import execute
from mlcore.runs.export import to_csv, to_json, to_parquet, to_tensorboard, to_zip
from mlcore.runs.imports import import_content, import_tensorboard
from mlcore.runs.process_id import ProcessId
from mlcore.runs.store.latest import latest_of
from mlcore.runs.store.points import Point
from mlcore.runs.store.run_table import run_table
from mlcore.runs.store.store import Store
from tests.runs.odd import GivenSteps
from tests.sweeps.conftest import work_off

few = settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
hostile = st.lists(
    st.tuples(st.integers(0, 6), st.floats(-9, 9, allow_nan=False)), min_size=1, max_size=8
)


def _expected(told: list[tuple[int, float]]) -> float:
    highest = max(step for step, _ in told)
    return [value for step, value in told if step == highest][-1]


def _same(found: float, expected: float) -> bool:
    return found == expected or (math.isnan(found) and math.isnan(expected))


def _check(store: Store, run: mlcore.Run, expected: float) -> None:
    found = {
        "run.latest": run.latest()["loss"],
        "run_table": run_table(store).set_index("id")["metric.loss"][run.id],
        "search_runs": mlcore.search_runs().set_index("id")["metric.loss"][run.id],
        "compare": float(mlcore.runs.compare([run], metric="loss", store=store).measures[run.id]),
        "the curve's end": float(run.metrics(["loss"])["value"].iloc[-1]),
    }
    odd = {where: value for where, value in found.items() if not _same(value, expected)}
    assert not odd, f"expected {expected}"


@few
@given(hostile)
def test_last_is_the_same_wherever_it_is_asked_for(
    store: Store, told: list[tuple[int, float]]
) -> None:
    steps, values = zip(*told, strict=True)
    run = mlcore.run(GivenSteps(steps=steps, values=values), force=True, progress=False)
    assert run.status == "finished", run.error
    _check(store, run, _expected(told))


def test_last_stays_the_same_through_every_export(store: Store, tmp_path: Path) -> None:
    run = mlcore.run(GivenSteps(), progress=False)
    _check(store, run, 0.5)
    to_tensorboard([run], tmp_path)
    for twin in (
        *import_tensorboard(store, tmp_path),
        *import_content(store, to_zip([run]), "run.zip"),
        *import_content(store, to_csv([run]), "run.csv"),
        *import_content(store, to_parquet([run]), "run.parquet"),
        *import_content(store, to_json([run]), "run.json"),
    ):
        _check(store, twin, 0.5)
    other = mlcore.run(GivenSteps(k=2), progress=False)
    page = report_html(mlcore.runs.compare([run, other], metric="loss", store=store))
    assert page.count("<td><bdi>0.5</bdi></td>") >= 2
    assert "0.9</bdi>" not in page


@pytest.mark.sqlite
def test_a_sweep_judges_by_the_same_value(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLCORE_WORKERS", "0")
    settings = {"k": [1, 2, 3]}
    sweep = mlcore.sweep(GivenSteps(), settings, objective="loss", direction="min", wait=False)
    sweep = work_off(sweep)
    assert sweep.frame()["loss"].tolist() == [0.5, 1.0, 1.5]
    assert sweep.best is not None
    assert sweep.best.config_fields["k"] == 1
    for run in sweep.runs():
        _check(store, run, 0.5 * run.config_fields["k"])


def test_a_resumed_run_ends_with_the_value_at_its_highest_step(store: Store) -> None:
    waiting = store.submit(GivenSteps())
    claim = take(store, ProcessId.of(), waiting.id)
    assert claim is not None
    stopped = execute(claim, interrupted=lambda: True)
    assert stopped.latest() == {"loss": 1.0}
    again = take(store, ProcessId.of(), store.requeue(stopped).id)
    assert again is not None
    _check(store, execute(again), 0.5)


@given(st.lists(st.tuples(st.integers(0, 5), st.floats()), min_size=1, max_size=9))
def test_points_end_with_what_numpy_finds(told: list[tuple[int, float]]) -> None:
    points = [Point(step, "m", value, 0.0) for step, value in told]
    steps, values = (np.array(column) for column in zip(*told, strict=True))
    last = values[np.flatnonzero(steps == steps.max())[-1]]
    assert _same(latest_of(points)["m"], float(last))


@pytest.mark.sqlite
def test_a_metric_never_hides_what_is_known_of_a_run(store: Store) -> None:
    from tests.runs.made import made

    told = {"id": 1.0, "status": 2.0, "duration": 3.0, "config.lr": 4.0, "metric.id": 5.0}
    run = made(store, MNISTConfig(lr=0.125), {name: {0: value} for name, value in told.items()})
    row = mlcore.search_runs().iloc[0]
    assert (row["id"], row["status"], row["config.lr"]) == (run.id, "finished", 0.125)
    assert {name: row[f"metric.{name}"] for name in told} == told
    assert run.id in line_of(run)
