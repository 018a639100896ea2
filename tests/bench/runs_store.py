"""Seconds to list, filter, compare and export 1,000 runs of 1,000 points; others beside it.

    python tests/bench/runs_store.py [--runs 1000] [--points 1000] [--others PYTHON]

``--others`` names an interpreter that has tensorboard and mlflow; by default this one is tried.
They get ``--other-runs`` of the runs, since writing all of them takes them many minutes.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[2]))

from mlcore.runs.analysis.comparison import compare
from mlcore.runs.export import to_csv, to_json, to_parquet, to_zip
from mlcore.runs.filters.parser import parse
from mlcore.runs.store import run_table as table
from mlcore.runs.store.run_table import revision, run_table
from mlcore.runs.store.store import Store
from tests.bench.idle import wait_until_idle
from tests.bench.many_runs import fill

REPEATS = 7
FILTER = "lr < 0.05 and test_accuracy > 0.5 and tag:week3 and not archived and hidden = 256,64"


def main() -> None:
    """Build the store and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--points", type=int, default=1000)
    parser.add_argument("--other-runs", type=int, default=100)
    parser.add_argument("--others", default=sys.executable, metavar="PYTHON")
    parser.add_argument("--wait", action="store_true", help="wait for a quiet machine first")
    given = parser.parse_args()
    busy = wait_until_idle() if given.wait else psutil.cpu_percent(interval=1.0)
    print(f"{given.runs:,} runs × {given.points:,} points; others use {busy:.0f} % of the machine")
    with tempfile.TemporaryDirectory() as folder:
        store = Store(str(Path(folder) / "runs.db"))
        begin = time.perf_counter()
        ids = fill(store, given.runs, given.points)
        _print("build the store", time.perf_counter() - begin)
        measure(store, ids)
        file = Path(folder) / "points.csv"
        file.write_bytes(to_csv(store.get_many(ids[: given.other_runs])))
        measure_others(given.others, file, Path(folder), given.other_runs)
        store.close()


def measure(store: Store, ids: list[str]) -> None:
    """Our own figures: medians of a few calls."""
    before = psutil.Process().memory_info().rss
    _print("table of all runs, read anew", _median(lambda: _table_anew(store)))
    _print("table of all runs, nothing new", _median(lambda: run_table(store)))
    _print("ask whether anything is new", _median(lambda: revision(store)))
    frame = run_table(store)
    kept = int(parse(FILTER).mask(frame).sum())
    _print(f"filter ({kept} kept)", _median(lambda: parse(FILTER).mask(frame)))
    ten = ids[:10]
    _print(
        "ten curves, thinned, with bands",
        _median(lambda: compare(ten, metric="train_loss", store=store).curves),
    )
    _print(
        "all in groups of seeds",
        _median(lambda: compare(ids, store=store).groups),
    )
    runs = store.get_many(ten)
    _print("every point of ten runs", _median(lambda: store.points_of(ten)))
    for name, export in (
        ("CSV", to_csv),
        ("Parquet", to_parquet),
        ("JSON", to_json),
        ("zip", to_zip),
    ):
        _print(f"export ten runs as {name}", _median(lambda export=export: export(runs)))  # type: ignore[misc]
    grown = (psutil.Process().memory_info().rss - before) / 2**20
    print(f"{'memory grown meanwhile':42} {grown:8.0f} MB")
    begin = time.perf_counter()
    size = len(to_parquet(store.get_many(ids)))
    _print(f"export all as Parquet ({size / 1e6:.0f} MB)", time.perf_counter() - begin)


def measure_others(python: str, points: Path, folder: Path, runs: int) -> None:
    """TensorBoard's and MLflow's own figures for the same points, or why there are none."""
    for tracker in ("tensorboard", "mlflow"):
        home = folder / tracker
        home.mkdir()
        script = str(Path(__file__).with_name("other_trackers.py"))
        done = subprocess.run(
            [python, script, tracker, str(points), str(home)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            reason = done.stderr.strip().splitlines()[-1:] or ["no reason given"]
            print(f"{tracker}: skipped ({reason[0]})")
            continue
        for what, seconds in json.loads(done.stdout.splitlines()[-1]).items():
            whole = f" ({runs} runs)" if what != "read ten" else ""
            _print(f"{tracker}: {what}{whole}", seconds)


def _table_anew(store: Store) -> None:
    table.forget()
    run_table(store)


def _median(act: Callable[[], object]) -> float:
    took = []
    for _ in range(REPEATS):
        begin = time.perf_counter()
        act()
        took.append(time.perf_counter() - begin)
    return statistics.median(took)


def _print(what: str, seconds: float) -> None:
    print(f"{what:42} {seconds * 1000:8.1f} ms")


if __name__ == "__main__":
    main()
