"""Exports runs as TensorBoard event files: scalars for its charts, exact points for import.

TensorBoard's scalars are float32, and its data server shows no others. So that nothing is lost,
the file holds the points once more, as JSON in float64, where only ``mlcore import`` looks.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlcore.core.files import write_atomically
from mlcore.runs.export.described import described
from mlcore.runs.export.file_formats import DESCRIPTION_TAG, POINTS_TAG
from mlcore.runs.export.missing import extra
from mlcore.runs.export.tables import metrics_of, points_frame
from mlcore.runs.store.run_table import plain

if TYPE_CHECKING:
    from mlcore.runs.recorded_run import Run


def to_tensorboard(runs: Sequence[Run], folder: Path) -> list[Path]:
    """Write one subfolder with an event file for each run; existing ones are replaced.

    Metrics become scalars, the config hyperparameters for the HParams tab. The wall time of a
    point is the run's start plus its seconds of work.

    Args:
        runs: Runs of one store.
        folder: The ``--logdir``; made if it is not there.

    Returns:
        The event files.

    Raises:
        MissingExtraError: If tensorboard is not installed.
        OSError: If the folder cannot be written.

    Example:
        >>> import mlcore, pathlib, tempfile
        >>> run = mlcore.run(mlcore.RegressionConfig(steps=20))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     files = mlcore.runs.export.to_tensorboard([run], pathlib.Path(folder))
        ...     print(len(files), run.id in files[0].parent.name)
        1 True
    """
    extra("tensorboard", "Writing event files", "tensorboard")
    points = points_frame(runs)
    written = []
    for run in runs:
        home = folder / f"{_plain_name(run.experiment)}-{run.id}"
        home.mkdir(parents=True, exist_ok=True)
        started = (run.started or run.created).timestamp()
        path = home / f"events.out.tfevents.{int(started):010d}.mlcore.{run.id}"
        write_atomically(path, _records(run, points[points["run"] == run.id], started))
        written.append(path)
    return written


def _records(run: Run, points: Any, started: float) -> bytes:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.record_writer import RecordWriter

    buffer = io.BytesIO()
    writer = RecordWriter(buffer)

    def write(**event: Any) -> None:
        writer.write(Event(**event).SerializeToString())

    write(wall_time=started, file_version="brain.Event:2")
    exact = json.dumps(metrics_of(points), ensure_ascii=False, allow_nan=False)
    for summary in (
        _hparams(run.config_fields, run.id, started),
        _text(DESCRIPTION_TAG, "text", json.dumps(described(run), ensure_ascii=False)),
        _text(POINTS_TAG, "mlcore", exact),
    ):
        write(wall_time=started, step=0, summary=summary)
    for name, step, value, time in zip(
        *(points[column].tolist() for column in ("metric", "step", "value", "time")), strict=True
    ):
        entry = Summary.Value(tag=name, simple_value=_float32(value))
        write(wall_time=started + time, step=step, summary=Summary(value=[entry]))
    return buffer.getvalue()


def _float32(value: float) -> float:
    """A number as float32; infinity beyond its range."""
    import numpy as np

    with np.errstate(over="ignore"):
        return float(np.float32(value))


def _hparams(fields: Mapping[str, Any], run_id: str, started: float) -> Any:
    from tensorboard.plugins.hparams.summary_v2 import hparams_pb

    values: dict[str, bool | float | str] = {}
    for name, value in fields.items():
        told = plain(value)
        number = isinstance(told, (bool, int, float)) and math.isfinite(told)
        values[name] = told if number else str(told)  # type: ignore[assignment]  # narrowed above
    return hparams_pb(values, trial_id=run_id, start_time_secs=started)


def _text(tag: str, plugin: str, text: str) -> Any:
    import numpy as np
    from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
    from tensorboard.util.tensor_util import make_tensor_proto

    metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name=plugin))
    tensor = make_tensor_proto(np.array(text.encode("utf-8"), dtype=object))
    return Summary(value=[Summary.Value(tag=tag, tensor=tensor, metadata=metadata)])


def _plain_name(text: str) -> str:
    """A folder's name from any text: letters, digits, dots and hyphens stay, the rest is ``_``."""
    kept = "".join(c if c.isascii() and (c.isalnum() or c in ".-") else "_" for c in text)
    return kept.lstrip(".")[:60] or "run"
