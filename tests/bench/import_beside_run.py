"""Longest silence of a live run while a zip of many points is imported beside it.

    python tests/bench/import_beside_run.py [--points 4000000] [--postgres] [--wait]

The run is a process of its own that writes a point every 0.2 s, as any training does. Its silence
is the longest time between two of its writes. ``--postgres`` starts a server of the tests' own.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from itertools import chain
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[2]))

from mlcore.core import canonical_json
from mlcore.runs.execution.claims import flush, take
from mlcore.runs.execution.heartbeat import heartbeat
from mlcore.runs.export.file_formats import FORMAT
from mlcore.runs.imports import import_zip
from mlcore.runs.process_id import ProcessId
from mlcore.runs.store.points import Point
from mlcore.runs.store.store import Store
from tests.bench.idle import wait_until_idle
from tests.runs.toy import ToyConfig

EVERY_S = 0.2


def main() -> None:
    """Import beside a run and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--points", type=int, default=4_000_000)
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--wait", action="store_true", help="wait for a quiet machine first")
    parser.add_argument("--live", metavar="URL", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.live:
        go_on(given.live)
        return
    busy = wait_until_idle() if given.wait else psutil.cpu_percent(interval=1.0)
    print(f"{given.points:,} points; others use {busy:.0f} % of the machine")
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder), given.postgres) as url:
        file = Path(folder) / "many.zip"
        write_zip(file, given.points)
        measure(url, file)


def measure(url: str, file: Path) -> None:
    """Bring the file in while a run goes on."""
    store = Store(url)
    command = [sys.executable, __file__, "--live", url]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as live:
        assert live.stdin is not None
        assert live.stdout is not None
        live.stdout.readline()  # it has begun
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        begin = time.perf_counter()
        (run,) = import_zip(store, file)
        took = time.perf_counter() - begin
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        live.stdin.close()
        silence, writes = live.stdout.readline().split()
    statuses = [f"{one.status}" for one in store.list() if one.id != run.id]
    print(f"import of {file.stat().st_size / 1e6:.1f} MB: {took:.1f} s")
    print(f"memory of this process grew by {grown / 1024:.0f} MiB")
    print(f"the run wrote {writes} times, its longest silence {float(silence):.2f} s")
    print(f"the run's status in the end: {', '.join(statuses)}")
    store.close()


def go_on(url: str) -> None:
    """Be a run that writes until the other side closes the pipe."""
    store = Store(url)
    claim = take(store, ProcessId.of(), store.submit(ToyConfig()).id)
    assert claim is not None
    step, last, longest = 0, time.monotonic(), 0.0
    over = _closed_stdin()
    with heartbeat([claim]):
        while not next(over):
            point = Point(step, "loss", 1 / (step + 1), step * EVERY_S)
            flush(
                claim,
                [point],
                step=step,
                done=step,
                total=1e9,
                elapsed=step * EVERY_S,
                latest={"loss": point.value},
            )
            now = time.monotonic()
            longest, last = max(longest, now - last), now
            step += 1
            if step == 1:
                print("began", flush=True)
            time.sleep(EVERY_S)
    print(longest, step)


def _closed_stdin() -> Iterator[bool]:
    import select

    while True:
        ready, _, _ = select.select([sys.stdin], [], [], 0)
        yield bool(ready)


def write_zip(file: Path, points: int) -> None:
    """A zip as mlcore export makes it, of one run with four metrics."""
    home, steps = "runs/bench0001", points // 4
    told = {}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:

        def add(name: str, parts: Iterable[bytes]) -> None:
            digest, size = sha256(), 0
            with archive.open(name, "w") as member:
                for part in parts:
                    digest.update(part)
                    size += member.write(part)
            told[name] = {"size": size, "sha256": digest.hexdigest()}

        facts = {"experiment": "bench", "status": "finished"}
        add(f"{home}/run.json", [canonical_json(facts).encode()])
        add(f"{home}/config.json", [b"{}"])
        rows = (
            f'"metric{m}",{step},{(step % 1009) / 1009},{step / 100}\n'.encode()
            for m in range(4)
            for step in range(steps)
        )
        add(f"{home}/metrics.csv", chain([b"metric,step,value,time\n"], rows))
        archive.writestr("manifest.json", canonical_json({"format": FORMAT, "members": told}))


@contextmanager
def opened(folder: Path, postgres: bool) -> Iterator[str]:
    """The address of an empty store."""
    if not postgres:
        yield str(folder / "runs.db")
        return
    from tests.engines.server import PostgresServer, find_binaries

    binaries = find_binaries()
    if binaries is None:
        raise SystemExit("PostgreSQL is not installed (apt-get install postgresql).")
    server = PostgresServer(binaries)
    try:
        server.start()
        yield server.new_store()
    finally:
        server.remove()


if __name__ == "__main__":
    main()
