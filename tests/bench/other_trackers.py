"""Writes and reads points with TensorBoard or MLflow, by their own means; prints seconds as JSON.

Stands alone (standard library and the tracker), so that any interpreter that has one can run it:
``PYTHON other_trackers.py tensorboard POINTS.csv FOLDER``.
"""

from __future__ import annotations

import csv
import json
import sys
import time
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path

Rows = list[tuple[str, int, float]]
_READ = 10


def rows_by_run(file: Path) -> Iterator[tuple[str, Rows]]:
    """Each run with its points: metric, step, value."""
    with file.open(newline="", encoding="utf-8") as source:
        reader = csv.DictReader(source)
        for run, rows in groupby(reader, key=lambda row: row["run"]):
            yield run, [(row["metric"], int(row["step"]), float(row["value"])) for row in rows]


def tensorboard(points: Path, folder: Path) -> dict[str, float]:
    """Event files by TensorBoard's own writer; listed and read by its EventAccumulator."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    begin = time.perf_counter()
    for run, rows in rows_by_run(points):
        writer = EventFileWriter(str(folder / run))
        for metric, step, value in rows:
            summary = Summary(value=[Summary.Value(tag=metric, simple_value=value)])
            writer.add_event(Event(wall_time=float(step), step=step, summary=summary))
        writer.close()
    wrote = time.perf_counter() - begin
    homes = sorted(folder.iterdir())

    def read(some: list[Path]) -> None:
        for home in some:
            accumulator = EventAccumulator(str(home), size_guidance={"scalars": 0})
            accumulator.Reload()
            for tag in accumulator.Tags()["scalars"]:
                accumulator.Scalars(tag)

    # a run's tags and last values are known only once its whole file was read
    return {
        "write": wrote,
        "list": _timed(lambda: read(homes)),
        "read ten": _timed(lambda: read(homes[:_READ])),
    }


def mlflow(points: Path, folder: Path) -> dict[str, float]:
    """MLflow's SQLite store through its client."""
    from mlflow.entities import Metric
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{folder / 'mlflow.db'}")
    home = client.create_experiment("bench", artifact_location=str(folder / "artifacts"))
    begin = time.perf_counter()
    for run, rows in rows_by_run(points):
        copy = client.create_run(home, run_name=run).info.run_id
        metrics = [Metric(metric, value, step, step) for metric, step, value in rows]
        for start in range(0, len(metrics), 1000):  # its own limit
            client.log_batch(copy, metrics=metrics[start : start + 1000])
    wrote = time.perf_counter() - begin
    runs = client.search_runs([home], max_results=1000)

    def read() -> None:
        for run in runs[:_READ]:
            for metric in run.data.metrics:
                client.get_metric_history(run.info.run_id, metric)

    return {
        "write": wrote,
        "list": _timed(lambda: client.search_runs([home], max_results=1000)),
        "read ten": _timed(read),
    }


def _timed(act: Callable[[], object]) -> float:
    begin = time.perf_counter()
    act()
    return time.perf_counter() - begin


if __name__ == "__main__" and len(sys.argv) > 3:  # alone it has nothing to measure
    tracker = {"tensorboard": tensorboard, "mlflow": mlflow}[sys.argv[1]]
    print(json.dumps(tracker(Path(sys.argv[2]), Path(sys.argv[3]))))
