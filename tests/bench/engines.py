"""What engines and back ends cost: points written by many processes, runs by several workers.

    python tests/bench/engines.py [--only points,workers,ray] [--repeats 3] [--seconds 3]
                                  [--runs 16] [--images 6000] [--idle]

- points: eight processes write to one store, a point a flush and 100 a flush, for SQLite and for
  PostgreSQL (skipped by name where it is not installed).
- workers: CNN runs by one worker and by two, each with its share of the cores, and the slowest
  answers of a page's queries meanwhile.
- ray: the same runs through a Ray cluster of as many cores on this machine.

Prints medians of the repeats.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from mlcore.core.cores import usable_cores
from mlcore.mnist.config import MNISTConfig
from mlcore.runs import Status
from mlcore.runs.execution import supervisor
from mlcore.runs.store.store import Store, open_store
from tests.bench.idle import wait_until_idle
from tests.conftest import end_workers

WRITERS = 8
WRITE = """
import sys, time
from mlcore.runs.execution.claims import flush, take
from mlcore.runs.process_id import ProcessId
from mlcore.runs.store.points import Point
from mlcore.runs.store.store import open_store
from mlcore.regression.config import RegressionConfig
url, number, batch, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
store = open_store(url)
run = store.submit(RegressionConfig(seed=number), force=True)
claim = take(store, ProcessId.of(), run.id)
print("ready", flush=True)
sys.stdin.readline()
step, end, slowest = 0, time.perf_counter() + seconds, 0.0
while (before := time.perf_counter()) < end:
    points = [Point(step + i, "loss", 0.5, 0.0) for i in range(batch)]
    step += batch
    flush(claim, points, step=step, done=step, total=1e9, elapsed=0.0, latest={"loss": 0.5})
    slowest = max(slowest, time.perf_counter() - before)
print(step, slowest)
"""


def points(stores: dict[str, Callable[[], str]], seconds: float, repeats: int) -> None:
    """Eight processes, each with a run of its own, write as fast as they can."""
    print(f"{WRITERS} processes, {seconds:g} s, median of {repeats}")
    print("back end     points a flush   points/s   flushes/s   slowest flush, ms")
    for name, new_url in stores.items():
        for batch in (1, 100):
            found = [_written(new_url(), batch, seconds) for _ in range(repeats)]
            rate = statistics.median(total for total, _ in found) / seconds
            slowest = statistics.median(slow for _, slow in found)
            print(
                f"{name:12} {batch:14} {rate:10,.0f} {rate / batch:11,.0f} {1000 * slowest:14.0f}"
            )


def _written(url: str, batch: int, seconds: float) -> tuple[int, float]:
    Store(url).close()  # the tables are there before anybody writes
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITE, url, str(number), str(batch), str(seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(WRITERS)
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    answers = []
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("\n")
        writer.stdin.flush()
    for writer in writers:
        total, slowest = writer.communicate()[0].split()
        answers.append((int(total), float(slowest)))
    return sum(total for total, _ in answers), max(slow for _, slow in answers)


def workers(runs: int, images: int, repeats: int, idle: bool) -> None:
    """The same runs by one worker and by two; the workers are warm before the clock starts."""
    print(f"\n{runs} CNN runs of {images} images on {usable_cores()} cores, median of {repeats}")
    print("batch  normalization  cores  workers   seconds   of one worker's   query p99, ms")
    shapes = [(256, "none", None), (256, "none", 1), (64, "batch", None)]
    for batch, normalization, cores in shapes:
        config = MNISTConfig.presets["99 % CNN"].replace(
            batch_size=batch, normalization=normalization, train_size=images
        )
        one = 0.0
        for count in (1, 2):
            # one worker alone may use every core; with cores=1 each worker has one thread
            share = {} if cores is None else {"MLCORE_CORES": str(cores)}
            found = []
            for _ in range(repeats):
                if idle:
                    wait_until_idle()
                found.append(_worked(config, runs, {"MLCORE_WORKERS": str(count), **share}))
            took = statistics.median(seconds for seconds, _ in found)
            one = one or took
            slow = statistics.median(p99 for _, p99 in found)
            shown = "all" if cores is None else str(cores)
            print(
                f"{batch:5}  {normalization:13}  {shown:>5}  {count:7} {took:9.1f} "
                f"{took / one:15.2f} {1000 * slow:16.1f}",
                flush=True,
            )


def ray(runs: int, images: int, new_url: Callable[[], str]) -> None:
    """The runs of ``workers`` as Ray tasks, each with one core."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": usable_cores(), "include_dashboard": False},
    )
    config = MNISTConfig.presets["99 % CNN"].replace(train_size=images)
    try:
        with _environment({"MLCORE_ENGINE": "auto", "RAY_ADDRESS": cluster.address}):
            took, _ = _worked(config, runs, {}, new_url())
        print(f"\nRay, {usable_cores()} cores: {runs} runs in {took:.1f} s")
    finally:
        cluster.shutdown()


def _worked(
    config: MNISTConfig, runs: int, env: dict[str, str], url: str | None = None
) -> tuple[float, float]:
    """Seconds from the first start to the last end, and the 99th percentile of a page's query."""
    with tempfile.TemporaryDirectory() as folder, _environment(env):
        store = open_store(url or str(Path(folder) / "runs.db"))
        warm = [store.submit(config.replace(seed=1000 + n, train_size=256)) for n in range(4)]
        _wait(store, [run.id for run in warm])
        began = time.perf_counter()
        queued = [store.submit(config.replace(seed=n)).id for n in range(runs)]
        queries = _wait(store, queued)
        took = time.perf_counter() - began
        assert all(store.get(one).status == Status.FINISHED for one in queued)
        end_workers(store.shown_url)
        store.close()
    return took, sorted(queries)[int(0.99 * len(queries))]


def _wait(store: Store, ids: list[str]) -> list[float]:
    """Ask as a page does until all have ended; give the seconds of each answer."""
    queries = []
    while True:
        supervisor.tend(store)
        before = time.perf_counter()
        moving = [run for run in store.list(limit=len(ids)) if run.status.moving]
        queries.append(time.perf_counter() - before)
        if not moving:
            return queries
        time.sleep(0.05)


@contextmanager
def _environment(changes: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(changes)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--only", default="points,workers,ray")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--runs", type=int, default=16)
    parser.add_argument("--images", type=int, default=6000)
    parser.add_argument("--idle", action="store_true", help="wait for a quiet machine each time")
    arguments = parser.parse_args()
    wanted = arguments.only.split(",")
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[2])
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    with tempfile.TemporaryDirectory() as folder, _postgres() as new_url:
        numbers = iter(range(1000))
        stores = {"SQLite": lambda: str(Path(folder) / f"{next(numbers)}" / "runs.db")}
        if new_url is not None:
            stores["PostgreSQL"] = new_url
        if "points" in wanted:
            if arguments.idle:
                wait_until_idle()
            points(stores, arguments.seconds, arguments.repeats)
        if "workers" in wanted:
            workers(arguments.runs, arguments.images, arguments.repeats, arguments.idle)
        if "ray" in wanted and new_url is not None:
            ray(arguments.runs, arguments.images, new_url)


@contextmanager
def _postgres() -> Iterator[Callable[[], str] | None]:
    """Gives addresses of empty stores on a server of the bench's own."""
    try:
        from tests.engines.server import PostgresServer, find_binaries
    except ModuleNotFoundError:
        binaries = None
    else:
        binaries = find_binaries()
    if binaries is None:
        print("PostgreSQL or psycopg is missing; without it there is no Ray either")
        yield None
        return
    server = PostgresServer(binaries)
    try:
        server.start()
        yield server.new_store
    finally:
        server.remove()


if __name__ == "__main__":
    main()
