"""CSV, Parquet and JSON of ours come back as the runs they were; the rest is told what it is."""

from __future__ import annotations

import json
import math

import pytest

from mlcore.mnist.config import MNISTConfig
from mlcore.runs import Run
from mlcore.runs.export import to_csv, to_json, to_parquet
from mlcore.runs.imports import ImportRefusedError, import_content
from mlcore.runs.store.store import Store
from tests.runs.made import made

pytestmark = pytest.mark.sqlite

CURVES = {
    "loss": {0: 1 / 3, 50: math.nan, 20: math.inf, 60: -math.inf, 70: 1e-310},
    '=1+1,"<b>"\n': {0: 2.0},
}


@pytest.fixture
def runs(store: Store) -> list[Run]:
    return [
        made(store, MNISTConfig(lr=0.125), CURVES).edit(name="first", note="a\nb", tags=["x"]),
        made(store, MNISTConfig(lr=0.25), {"loss": {0: 0.5}}),
    ]


@pytest.mark.parametrize("kind", ["csv", "parquet", "json"])
def test_a_table_of_ours_brings_the_runs_back(store: Store, runs: list[Run], kind: str) -> None:
    content = {"csv": to_csv, "parquet": to_parquet, "json": to_json}[kind](runs)
    twins = import_content(store, content, f"two runs.{kind}")
    assert [twin.source for twin in twins] == [kind, kind]
    for run, twin in zip(runs, twins, strict=True):
        assert twin.metrics().equals(run.metrics())
        assert twin.latest().keys() == run.latest().keys()
        assert twin.id != run.id
        if kind == "csv":  # which knows no more
            assert (twin.name, twin.config_fields) == (f"two runs · {run.id}", {})
        else:
            assert (twin.name, twin.note, twin.tags) == (run.name, run.note, run.tags)
            assert (twin.config, twin.created) == (run.config, run.created)
    again = import_content(store, content, f"two runs.{kind}")
    assert [twin.id for twin in again] == [twin.id for twin in twins]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "x.bin is empty"),
        (b"\x89PNG\r\n\x1a\n" + bytes(20), "x.bin is a PNG picture"),
        (b"SQLite format 3\0" + bytes(90), "is an SQLite database; a store is opened by naming it"),
        (b"\x80\x04\x95" + bytes(20), "is a Python pickle, which is never opened"),
        (bytes(range(256)), "of a kind that is not known here"),
        (b"step,loss\n1,2\n", "has the columns step, loss, but only tables of points"),
        (b"Dear reader,\nhello\n", "has the columns Dear reader, , but only"),
        (b"run,metric,step,value,time\na,b,1\n", "Line 2 of the CSV file x.bin cannot be read"),
        (b"run,metric,step,value,time\na,b,c,1,1\n", "Line 2 of the CSV file x.bin cannot be"),
        (b"run,metric,step,value,time\n", "x.bin holds no points"),
        (b"run,metric,step,value,time\na,b,1,1,1\nc,b,1,1,1\na,b,2,1,1\n", "Sort the table by run"),
        (b'{"a": 1}', "is none of 'mlcore points 1'"),
        (b"[1, 2", "x.bin is no JSON"),
        (b'{"format": "mlcore points 1", "runs": [{"id": "abcd"}]}', "cannot be read: 'metrics'"),
        (b"PAR1" + bytes(20), "The Parquet file x.bin is damaged"),
        (b"PK\x03\x04" + bytes(20), "x.bin is no zip, or is damaged"),
    ],
)
def test_what_is_none_of_ours_is_told_what_it_is(store: Store, content: bytes, words: str) -> None:
    with pytest.raises(ImportRefusedError) as refused:
        import_content(store, content, "x.bin")
    assert words in str(refused.value)
    assert store.list() == []


def test_an_earlier_export_keeps_its_environment(store: Store, runs: list[Run]) -> None:
    document = json.loads(to_json(runs))
    for run in document["runs"]:
        del run["environment"]
        run["surroundings"] = {"device": "cpu", "threads": 2}
    twins = import_content(store, json.dumps(document).encode(), "earlier.json")
    assert [dict(twin.environment) for twin in twins] == [{"device": "cpu", "threads": 2}] * 2
