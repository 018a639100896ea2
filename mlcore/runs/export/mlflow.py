"""Runs as runs of an MLflow experiment, through MLflow's own client."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from mlcore.runs.export.missing import extra
from mlcore.runs.export.tables import points_frame
from mlcore.runs.recorded_run import Run
from mlcore.runs.status import Status
from mlcore.runs.store.run_table import plain

_METRICS_A_BATCH: Final = 1000  # MLflow's own limits, here and below
_PARAMS_A_BATCH: Final = 100
_LONGEST_PARAM: Final = 6000
_LONGEST_TAG: Final = 5000
_LONGEST_NAME: Final = 250
_ALLOWED: Final = frozenset("_-./ ")
_STATUS: Final = {Status.FINISHED: "FINISHED", Status.FAILED: "FAILED", Status.LOST: "FAILED"}


def to_mlflow(runs: Sequence[Run], uri: str, experiment: str = "mlcore") -> list[str]:
    """Copy runs into an MLflow server or database.

    Metrics keep every point, with the step and the moment it was measured at; MLflow itself turns
    infinities into ±1.8e308. The config becomes params, notes and tags become tags. Characters
    that MLflow refuses in a metric's name become ``_``.

    Args:
        runs: Runs of one store.
        uri: MLflow's tracking URI, such as ``sqlite:///mlflow.db`` or ``http://localhost:5000``.
        experiment: Name of the MLflow experiment; made if it is not there.

    Returns:
        MLflow's ids of the runs, in order.

    Raises:
        MissingExtraError: If mlflow is not installed.
        ConnectionError: If the server or database refuses; the text is MLflow's own reason.
    """
    extra("mlflow", "Exporting to MLflow", "mlflow")
    from mlflow.exceptions import MlflowException
    from mlflow.tracking import MlflowClient

    points = points_frame(runs)
    try:
        client = MlflowClient(tracking_uri=uri)
        found = client.get_experiment_by_name(experiment)
        home = client.create_experiment(experiment) if found is None else found.experiment_id
        return [_copy(client, home, run, points[points["run"] == run.id]) for run in runs]
    except MlflowException as error:
        raise ConnectionError(
            f"MLflow at {uri} refused: {str(error).splitlines()[0]} What was copied before stays."
        ) from error


def _copy(client: Any, home: str, run: Run, points: Any) -> str:
    from mlflow.entities import Metric, Param, RunTag

    started = int((run.started or run.created).timestamp() * 1000)
    name = (run.name or f"{run.experiment} {run.id}")[:_LONGEST_NAME]
    copy = client.create_run(home, start_time=started, run_name=name).info.run_id
    params = [
        Param(_allowed(field), str(plain(value))[:_LONGEST_PARAM])
        for field, value in run.config_fields.items()
    ]
    told = {
        "mlcore.id": run.id,
        "mlcore.experiment": run.experiment,
        "mlflow.note.content": run.note,
    }
    told |= {f"mlcore.version.{_allowed(name)}": version for name, version in run.versions.items()}
    told |= {"mlcore.tags": ", ".join(run.tags)}
    tags = [RunTag(key, text[:_LONGEST_TAG]) for key, text in told.items() if text]
    for some in _batches(params, _PARAMS_A_BATCH):
        client.log_batch(copy, params=some)
    client.log_batch(copy, tags=tags)
    metrics = [
        Metric(_allowed(metric), value, started + round(time * 1000), step)
        for metric, step, value, time in zip(
            *(points[column].tolist() for column in ("metric", "step", "value", "time")),
            strict=True,
        )
    ]
    for some in _batches(metrics, _METRICS_A_BATCH):
        client.log_batch(copy, metrics=some)
    ended = run.finished or run.started or run.created
    client.set_terminated(copy, _STATUS.get(run.status, "KILLED"), int(ended.timestamp() * 1000))
    return str(copy)


def _allowed(name: str) -> str:
    kept = "".join(c if c.isalnum() or c in _ALLOWED else "_" for c in name)
    return kept.strip("/. ")[:_LONGEST_NAME] or "_"


def _batches(things: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    for start in range(0, len(things), size):
        yield things[start : start + size]
