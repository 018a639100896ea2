"""Exports runs to an MLflow experiment, through MLflow's client."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from mlcore.runs.export.missing import extra
from mlcore.runs.export.tables import points_frame
from mlcore.runs.status import Status
from mlcore.runs.store.run_table import plain

if TYPE_CHECKING:
    from mlcore.runs.recorded_run import Run

_ID: Final = "mlcore.id"
_METRICS_A_BATCH: Final = 1000  # MLflow's own limits, here and below
_PARAMS_A_BATCH: Final = 100
_LONGEST_PARAM: Final = 6000
_LONGEST_TAG: Final = 5000
_LONGEST_NAME: Final = 250
_ALLOWED: Final = frozenset("_-./ ")
_MARKED: Final = re.compile(r"-[0-9a-f]{8}\Z")
_STATUS: Final = {Status.FINISHED: "FINISHED", Status.FAILED: "FAILED", Status.LOST: "FAILED"}


def to_mlflow(runs: Sequence[Run], uri: str, experiment: str = "mlcore") -> list[str]:
    """Copy runs into an MLflow server or database.

    Metrics keep every point, with the step and the moment it was measured at; MLflow itself turns
    infinities into ±1.8e308. The config becomes params, notes and tags become tags. A name that
    MLflow refuses is spelt as ``mlflow_name`` says; the tag ``mlcore.names`` tells the names that
    were changed. A run that was copied before, which MLflow knows by its tag ``mlcore.id``, is
    brought up to date: it gets the points that it lacks, and no second copy is made.

    Args:
        runs: Runs of one store.
        uri: MLflow's tracking URI, such as ``sqlite:///mlflow.db`` or ``http://localhost:5000``.
        experiment: Name of the MLflow experiment; made if it is not there.

    Returns:
        MLflow's ids of the runs, in order.

    Raises:
        MissingExtraError: If mlflow is not installed.
        ConnectionError: If the server or database refuses; the text is MLflow's own reason.

    Example:
        >>> import mlcore, tempfile
        >>> run = mlcore.run(mlcore.RegressionConfig(steps=20))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     uri = f"sqlite:///{folder}/mlflow.db"
        ...     print(len(mlcore.runs.export.to_mlflow([run], uri)))
        1
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


def mlflow_name(name: str) -> str:
    """A name with only the characters MLflow allows; different names stay different.

    What MLflow takes stays as it is: letters, digits, and ``_ - . /`` or a space, as a path would
    be written. In any other name each other character becomes ``_``, and the first 8 digits of
    the SHA-256 of the name follow: ``acc@1`` → ``acc_1-3c1a68e7``.
    """
    kept = "".join(c if c.isalnum() or c in _ALLOWED else "_" for c in name)
    path = "/".join(part for part in kept.split("/") if part.strip(". "))
    path = path.removeprefix("..")
    # a name that looks as if it had been changed is changed, too, so that none meets another
    if path == name and len(name) <= _LONGEST_NAME and not _MARKED.search(name):
        return name
    mark = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{path[: _LONGEST_NAME - 9] or 'name'}-{mark}"


def _copy(client: Any, home: str, run: Run, points: Any) -> str:
    from mlflow.entities import Metric, Param, RunTag

    started = int((run.started or run.created).timestamp() * 1000)
    before, known = _copied(client, home, run)
    copy = before
    if copy is None:
        name = (run.name or f"{run.experiment} {run.id}")[:_LONGEST_NAME]
        first = {_ID: run.id}  # with it from the start, or a copy that breaks off is made twice
        copy = client.create_run(home, start_time=started, run_name=name, tags=first).info.run_id
    params = [
        Param(mlflow_name(field), str(plain(value))[:_LONGEST_PARAM])
        for field, value in run.config_fields.items()
    ]
    names = {name: mlflow_name(name) for name in points["metric"].unique().tolist()}
    changed = {new: old for old, new in names.items() if new != old}
    told = {
        _ID: run.id,
        "mlcore.experiment": run.experiment,
        "mlflow.note.content": run.note,
        "mlcore.names": json.dumps(changed, ensure_ascii=False) if changed else "",
        "mlcore.tags": ", ".join(run.tags),
    }
    told |= {f"mlcore.version.{mlflow_name(k)}": version for k, version in run.versions.items()}
    tags = [RunTag(key, text[:_LONGEST_TAG]) for key, text in told.items() if text or before]
    for some in _batches(params, _PARAMS_A_BATCH):
        client.log_batch(copy, params=some)
    client.log_batch(copy, tags=tags)
    there = {name: _steps(client, copy, name) for name in names.values() if name in known}
    metrics = [
        Metric(names[metric], value, started + round(time * 1000), step)
        for metric, step, value, time in zip(
            *(points[column].tolist() for column in ("metric", "step", "value", "time")),
            strict=True,
        )
        if step not in there.get(names[metric], ())
    ]
    for some in _batches(metrics, _METRICS_A_BATCH):
        client.log_batch(copy, metrics=some)
    ended = run.finished or run.started or run.created
    client.set_terminated(copy, _STATUS.get(run.status, "KILLED"), int(ended.timestamp() * 1000))
    return str(copy)


def _copied(client: Any, home: str, run: Run) -> tuple[str | None, frozenset[str]]:
    """The MLflow run of an earlier export, and the metrics it has."""
    same = f"tags.`{_ID}` = '{run.id}'"
    found = client.search_runs([home], same, order_by=["attributes.start_time"], max_results=1)
    if not found:
        return None, frozenset()
    return str(found[0].info.run_id), frozenset(found[0].data.metrics)


def _steps(client: Any, copy: str, name: str) -> set[int]:
    """The steps at which the MLflow run has points of a metric."""
    return {point.step for point in client.get_metric_history(copy, name)}


def _batches(things: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    for start in range(0, len(things), size):
        yield things[start : start + size]
