"""Imports the tables written by ``mlcore export``: CSV, Parquet and JSON."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from mlcore.core import InputError
from mlcore.runs.export.tables import FORMAT
from mlcore.runs.imports.foreign import Foreign, ImportRefusedError
from mlcore.runs.imports.insertion import bring_in_all
from mlcore.runs.store.points import Point

if TYPE_CHECKING:
    from mlcore.runs.recorded_run import Run
    from mlcore.runs.store.store import Store

COLUMNS: Final = ("run", "metric", "step", "value", "time")

_Row = tuple[str, str, int, float, float]


def import_csv(store: Store, content: bytes, name: str) -> list[Run]:
    """Import the runs of a CSV file of ``mlcore.runs.export.to_csv``.

    It holds points alone, so the runs have no config; they are called after the file.

    Args:
        store: Where to store them.
        content: Of the file.
        name: Of the file.

    Returns:
        The runs, marked with ``source="csv"``.

    Raises:
        ImportRefusedError: If it is no such file; nothing is stored.
    """
    facts: dict[str, dict[str, Any]] = {}
    return _bring_in(store, _csv_rows(content, name), facts, "csv", content, name)


def import_parquet(store: Store, content: bytes, name: str) -> list[Run]:
    """Import the runs of a Parquet file of ``mlcore.runs.export.to_parquet``, with their configs.

    Raises:
        ImportRefusedError: If it is no such file; nothing is stored.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(io.BytesIO(content))
        metadata = file.schema_arrow.metadata or {}
        told = json.loads(metadata.get(b"mlcore", b"[]"))
        found = file.schema_arrow.names
    except (pa.ArrowException, ValueError, OSError, RecursionError) as error:
        raise ImportRefusedError(f"The Parquet file {name} is damaged: {error}.") from None
    if tuple(found) != COLUMNS:
        raise _other_columns("Parquet", name, found)
    facts = _by_id(told)
    return _bring_in(store, _parquet_rows(file, name), facts, "parquet", content, name)


def import_json(store: Store, content: bytes, name: str) -> list[Run]:
    """Import the runs of a JSON file of ``mlcore.runs.export.to_json``, with their configs.

    Raises:
        ImportRefusedError: If it is no such file; nothing is stored.
    """
    try:
        whole = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ImportRefusedError(f"The file {name} is no JSON: {error}.") from None
    if not isinstance(whole, dict) or whole.get("format") != FORMAT:
        raise ImportRefusedError(
            f"The JSON file {name} is none of {FORMAT!r}, as mlcore export --to FILE.json writes "
            "it. Other JSON is not read."
        )
    told: Any = whole.get("runs")
    facts = _by_id(told)
    if not facts or len(facts) != len(told):
        raise ImportRefusedError(f"The JSON file {name} holds no runs, or runs without an id.")
    return _bring_in(store, _json_rows(told, name), facts, "json", content, name)


def _bring_in(
    store: Store,
    rows: Iterable[_Row],
    facts: Mapping[str, Mapping[str, Any]],
    source: str,
    content: bytes,
    name: str,
) -> list[Run]:
    digest = hashlib.sha256(content).hexdigest()
    seen: set[str] = set()

    def foreign() -> Iterator[Foreign]:
        for run_id, mine in groupby(rows, key=itemgetter(0)):
            if run_id in seen:
                raise ImportRefusedError(
                    f"The rows of run {run_id[:60]!r} in {name} do not stand together. Sort the "
                    "table by run."
                )
            seen.add(run_id)
            yield one(run_id, (Point(step, metric, v, t) for _, metric, step, v, t in mine))
        for run_id in facts:  # a run without points
            if run_id not in seen:
                yield one(run_id, ())

    def one(run_id: str, points: Iterable[Point]) -> Foreign:
        return Foreign(
            source=source,
            file=name,
            digest=hashlib.sha256(f"{digest} {run_id}".encode("utf-8", "replace")).hexdigest(),
            facts={"status": "finished", **facts.get(run_id, {}), "id": run_id},
            points=points,
        )

    found = bring_in_all(store, foreign())
    if not found:
        raise ImportRefusedError(f"{name} holds no points.")
    return found


def _csv_rows(content: bytes, name: str) -> Iterator[_Row]:
    try:
        text = io.TextIOWrapper(io.BytesIO(content), "utf-8-sig", newline="")
        lines = csv.reader(text, strict=True)
        columns = next(lines, [])
        if tuple(columns) != COLUMNS:
            raise _other_columns("CSV", name, columns)
        for line in lines:
            if line:
                run_id, metric, step, value, time = line
                yield run_id, metric, _step(step), float(value), float(time)
    except ImportRefusedError:
        raise
    except (ValueError, csv.Error) as error:  # what is no UTF-8 is a ValueError, too
        raise ImportRefusedError(
            f"Line {lines.line_num:,} of the CSV file {name} cannot be read: {error}."
        ) from None


def _parquet_rows(file: Any, name: str) -> Iterator[_Row]:
    import pyarrow as pa

    try:
        for batch in file.iter_batches():
            columns = [batch.column(column).to_pylist() for column in COLUMNS]
            for run_id, metric, step, value, time in zip(*columns, strict=True):
                number = float("nan") if value is None else float(value)
                yield str(run_id), str(metric), _step(step), number, float(time)
    except (pa.ArrowException, ValueError, TypeError, OSError) as error:
        raise ImportRefusedError(f"The Parquet file {name} is damaged: {error}.") from None


def _json_rows(told: Iterable[Mapping[str, Any]], name: str) -> Iterator[_Row]:
    for facts in told:
        try:
            for metric, curve in facts["metrics"].items():
                columns = (curve[column] for column in COLUMNS[2:])
                for step, value, time in zip(*columns, strict=True):
                    yield facts["id"], metric, _step(step), float(value), float(time)
        except (KeyError, AttributeError, TypeError, ValueError, OverflowError) as error:
            raise ImportRefusedError(
                f"The metrics of run {facts['id'][:60]!r} in {name} cannot be read: {error}."
            ) from None


def _by_id(told: Any) -> dict[str, dict[str, Any]]:
    """The metadata of each run, by its id."""
    if not isinstance(told, list):
        return {}
    return {
        one["id"]: {name: value for name, value in one.items() if name != "metrics"}
        for one in told
        if isinstance(one, dict) and isinstance(one.get("id"), str)
    }


def _step(given: Any) -> int:
    step = int(given)
    if abs(step) >= 2**63:
        raise InputError(f"{step} is no step")
    return step


def _other_columns(kind: str, name: str, found: Iterable[str]) -> ImportRefusedError:
    shown = ", ".join(map(str, found))
    shown = shown if len(shown) <= 200 else shown[:199] + "…"
    return ImportRefusedError(
        f"The {kind} file {name} has the columns {shown or '(none)'}, but only tables of points as "
        f"mlcore export writes them are imported: {', '.join(COLUMNS)}."
    )
