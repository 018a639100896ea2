"""What ``run.log`` costs a loop of one's own at 10,000 points a second, and what a long run costs.

Prints how much longer a loop of pure Python takes with logging than without, by the medians of
``--repeats`` of each, in turn; then the processor time of the loop's and the writer's thread for
each point; then the seconds for the curves and the exports of a run of a million points.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from mlcore import ActiveRun, start_run
from mlcore.core.cores import processor
from mlcore.runs import export, open_store
from mlcore.ui.live_curves import LiveCurves

RATE = 10_000
SECONDS = 0.5


def work(size: int) -> int:
    """Stand for a step of training that never lets go of Python's lock: the worst case."""
    return sum(number * number for number in range(size))


def loop(run: ActiveRun | None, values: Mapping[str, float], calls: int, size: int) -> float:
    """Seconds of a loop."""
    began = time.perf_counter()
    for _ in range(calls):
        work(size)
        if run is not None:
            run.log(values)
    return time.perf_counter() - began


def cost(a_call: int, repeats: int) -> None:
    """Print the cost of logging so many values in each call."""
    values = {f"metric {place}": place / 7 for place in range(a_call)}
    calls, size = int(RATE * SECONDS / a_call), 10
    while loop(None, values, 200, size) / 200 < a_call / RATE:
        size = int(size * 1.1) + 1
    with start_run("bench") as run:
        loop(run, values, calls // 4, size)
        plain, logged = [], []
        for _ in range(repeats):
            plain.append(loop(None, values, calls, size))
            logged.append(loop(run, values, calls, size))
        began, before = time.thread_time(), time.process_time()
        for _ in range(calls):
            run.log(values)
        own = time.thread_time() - began
    other = time.process_time() - before - own
    points = calls * a_call
    share = statistics.median(logged) / statistics.median(plain) - 1
    in_loop, beside = (seconds / points * 1e6 for seconds in (own, other))
    print(
        f"{a_call} a call: {share:+.1%} (n={repeats}); processor time of a point: "
        f"{in_loop:.2f} µs in the loop, {beside:.2f} µs in the writer"
    )


def million() -> None:
    """Print what a run of a million points costs to draw and to export."""
    with start_run("million") as run:
        for step in range(250_000):
            run.log({"train/loss": 1 / (step + 1), "train/acc": step / 1e6, "lr": 0.1, "gap": 2.0})
    found = run.read()
    began = time.perf_counter()
    LiveCurves(None).curves(found)
    print(f"1,000,000 points: {time.perf_counter() - began:.2f} s for the curves of its page")
    for to in (export.to_csv, export.to_parquet, export.to_zip):
        began = time.perf_counter()
        size = len(to([found]))
        print(f"  {to.__name__}: {time.perf_counter() - began:.1f} s, {size / 1e6:.0f} MB")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=21)
    repeats = parser.parse_args().repeats
    print(f"{processor()}, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MLCORE_STORE"] = str(Path(folder, "runs.db"))
        for a_call in (1, 10):
            cost(a_call, repeats)
        million()
        open_store().close()


if __name__ == "__main__":
    main()
