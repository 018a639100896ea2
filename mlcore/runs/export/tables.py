"""Exports the points of runs as CSV, Parquet and JSON, all of them and to the last digit."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from mlcore.core import InputError
from mlcore.runs.export.described import UNITS, described

if TYPE_CHECKING:
    import pandas as pd

    from mlcore.runs.recorded_run import Run

_NAMES: Final = {math.inf: "Infinity", -math.inf: "-Infinity"}
FORMAT: Final = "mlcore points 1"


def points_frame(runs: Sequence[Run]) -> pd.DataFrame:
    """Every point of some runs of one store: run, metric, step, value, time (s of work)."""
    check_some(runs)
    return runs[0].store.points_of([run.id for run in runs])


def check_some(runs: Sequence[Run]) -> None:
    """Raise InputError if there is no run."""
    if not runs:
        raise InputError("No run was given. Name one or more by their ids.")


def to_csv(runs: Sequence[Run]) -> bytes:
    """Columns run, metric, step, value, time in UTF-8; NaN is ``NaN``, infinities ``inf``.

    ``time`` is seconds of work since the run's start, pauses left out; see ``UNITS``.

    Numbers have as many digits as bring the same number back, from any reader that rounds as it
    should (Python's own ``float`` does).

    Example:
        >>> import mlcore
        >>> run = mlcore.run(mlcore.RegressionConfig(steps=20))
        >>> table = mlcore.runs.export.to_csv([run]).decode()
        >>> print(table.splitlines()[0])
        "run","metric","step","value","time"
    """
    return b"".join(csv_parts(runs))


def csv_parts(runs: Sequence[Run], *, with_run: bool = True) -> Iterator[bytes]:
    """The text of ``to_csv`` in parts, so that a long run need not be in memory as a whole.

    Args:
        runs: Of one store.
        with_run: Whether the first column names the run.
    """
    check_some(runs)
    columns = [*(["run"] if with_run else []), "metric", "step", "value", "time"]
    store = runs[0].store
    yield csv_text(store.points_of([])[columns]).encode("utf-8")
    for part in store.parts_of([run.id for run in runs]):
        yield csv_text(part[columns], header=False).encode("utf-8")


def csv_text(points: pd.DataFrame, *, header: bool = True) -> str:
    """A table as CSV; every text is quoted, as a metric's name may hold a newline."""
    text: str = points.to_csv(
        index=False, header=header, na_rep="NaN", lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC
    )
    return text


def to_parquet(runs: Sequence[Run]) -> bytes:
    """The same table as Parquet; the schema's metadata holds each run's metadata.

    It is JSON under the key ``mlcore``, and the units under ``mlcore_units``:
    ``pyarrow.parquet.read_schema(file).metadata``.

    Example:
        >>> import io, mlcore, pandas
        >>> run = mlcore.run(mlcore.RegressionConfig(steps=20))
        >>> points = pandas.read_parquet(io.BytesIO(mlcore.runs.export.to_parquet([run])))
        >>> print(list(points.columns))
        ['run', 'metric', 'step', 'value', 'time']
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    check_some(runs)
    store = runs[0].store
    schema = pa.Schema.from_pandas(store.points_of([]), preserve_index=False)
    facts = json.dumps([described(run) for run in runs], ensure_ascii=False).encode("utf-8")
    units = json.dumps(UNITS).encode("utf-8")
    ours = {b"mlcore": facts, b"mlcore_units": units}
    schema = schema.with_metadata({**(schema.metadata or {}), **ours})
    buffer = io.BytesIO()
    with pq.ParquetWriter(buffer, schema) as writer:
        for part in store.parts_of([run.id for run in runs]):
            writer.write_table(pa.Table.from_pandas(part, schema, preserve_index=False))
    return buffer.getvalue()


def to_json(runs: Sequence[Run]) -> bytes:
    """Each run with its config and its metrics as lists of step, value and time.

    Strict JSON: NaN, Infinity and -Infinity are those words as texts. ``read_json`` reads it.

    Example:
        >>> import json, mlcore
        >>> run = mlcore.run(mlcore.RegressionConfig(steps=20))
        >>> content = json.loads(mlcore.runs.export.to_json([run]))
        >>> print(sorted(content["runs"][0]["metrics"]))
        ['b', 'loss', 'w']
    """
    points = points_frame(runs)
    by_run = {run: rows for run, rows in points.groupby("run", sort=False)}  # noqa: C416 - a GroupBy
    whole = {
        "format": FORMAT,
        "units": UNITS,
        "runs": [
            {**described(run), "metrics": metrics_of(by_run.get(run.id, points.iloc[:0]))}
            for run in runs
        ],
    }
    return json.dumps(whole, ensure_ascii=False, allow_nan=False).encode("utf-8")


def read_json(data: bytes) -> pd.DataFrame:
    """The points in a file of ``to_json``: run, metric, step, value, time.

    Raises:
        ValueError: If it is no such file.

    Example:
        >>> import mlcore
        >>> from mlcore.runs import export
        >>> run = mlcore.run(mlcore.RegressionConfig(steps=20))
        >>> points = export.read_json(export.to_json([run]))
        >>> print(list(points.columns), points["step"].max())
        ['run', 'metric', 'step', 'value', 'time'] 20
    """
    import pandas as pd

    try:
        whole = json.loads(data)
    except ValueError as error:
        raise InputError(f"The file is no JSON: {error}.") from None
    if not isinstance(whole, dict) or whole.get("format") != FORMAT:
        raise InputError(f"The file is none of {FORMAT!r}, as mlcore export writes it.")
    parts = [
        pd.DataFrame(
            {
                "run": run["id"],
                "metric": metric,
                "step": pd.array(curve["step"], dtype="int64"),
                "value": [float(value) for value in curve["value"]],
                "time": [float(value) for value in curve["time"]],
            }
        )
        for run in whole["runs"]
        for metric, curve in run["metrics"].items()
    ]
    kinds = {"run": "str", "metric": "str", "step": "int64", "value": "float64", "time": "float64"}
    frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(kinds))
    return frame.astype(kinds)


def metrics_of(rows: pd.DataFrame) -> dict[str, dict[str, list[Any]]]:
    """The points of one run by metric, as lists that strict JSON can hold."""
    return {
        str(metric): {
            "step": curve["step"].tolist(),
            "value": [_number(value) for value in curve["value"].tolist()],
            "time": curve["time"].tolist(),
        }
        for metric, curve in rows.groupby("metric", sort=False)
    }


def _number(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else _NAMES[value]
