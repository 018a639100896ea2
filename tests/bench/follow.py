"""What ``mlcore follow`` costs: a file that gets 10,000 points a second, and a million at once.

Prints how late points are in the store, the follower's share of a core, then the seconds and the
peak memory of the first look at a file of a million points, and of a second look at the same.
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

from mlcore.core.cores import processor
from mlcore.runs import open_store

RATE = 10_000  # points a second
FLUSH_S = 0.1
COMMAND = [sys.executable, "-m", "mlcore.cli", "follow"]


def records(points: int, begin: float) -> list[bytes]:
    """Scalars as records of an event file, four tags in turn."""
    made = []
    for number in range(points):
        buffer = io.BytesIO()
        value = Summary.Value(tag=f"train/metric {number % 4}", simple_value=1 / (number + 1))
        event = Event(
            step=number // 4, wall_time=begin + number / RATE, summary=Summary(value=[value])
        )
        RecordWriter(buffer).write(event.SerializeToString())
        made.append(buffer.getvalue())
    return made


def growing(folder: Path, seconds: float) -> None:
    """Print lag and processor time while a file grows."""
    made = records(int(RATE * seconds), time.time())
    path, store = folder / "events.out.tfevents.1.bench", open_store()
    with subprocess.Popen([*COMMAND, str(folder)], stderr=subprocess.DEVNULL) as process:
        watched, lags, written = psutil.Process(process.pid), list[float](), 0
        time.sleep(4)
        began, before = time.perf_counter(), sum(watched.cpu_times()[:2])
        with path.open("wb", buffering=0) as file:
            while written < len(made):
                due = min(len(made), int((time.perf_counter() - began) * RATE))
                file.write(b"".join(made[written:due]))
                written = due
                if (found := store.list()) and found[0].last:
                    lags.append((written - 4 * (found[0].step + 1)) / RATE)
                time.sleep(FLUSH_S)
        took = time.perf_counter() - began
        used = sum(watched.cpu_times()[:2]) - before
        while len(store.list()[0].metrics()) < len(made):
            time.sleep(0.2)
        process.terminate()
    print(
        f"{RATE:,} points a second for {seconds:g} s: {statistics.median(lags):.1f} s late by the "
        f"median, {max(lags):.1f} s at most (n={len(lags)}); {used / took:.0%} of a core"
    )


def at_once(folder: Path, points: int) -> None:
    """Print what the first look at many points costs."""
    content = b"".join(records(points, time.time()))
    (folder / "events.out.tfevents.1.bench").write_bytes(content)
    for look in ("first", "second"):
        began = time.perf_counter()
        with subprocess.Popen(
            [*COMMAND, str(folder), "--once"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            _, _, usage = os.wait4(process.pid, 0)
            process.returncode = 0
        took = time.perf_counter() - began
        print(
            f"{points:,} points ({len(content) / 1e6:.0f} MB), {look} look: {took:.1f} s, "
            f"{usage.ru_utime:.1f} s of it processor time; {usage.ru_maxrss / 1024:.0f} MiB at the "
            "peak"
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--points", type=int, default=1_000_000)
    asked = parser.parse_args()
    print(f"{processor()}, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as name:
        os.environ["MLCORE_STORE"] = str(Path(name, "runs.db"))
        for folder in ("growing", "whole"):
            Path(name, folder).mkdir()
        growing(Path(name, "growing"), asked.seconds)
        at_once(Path(name, "whole"), asked.points)
        open_store().close()


if __name__ == "__main__":
    main()
