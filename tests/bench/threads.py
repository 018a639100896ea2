"""How fast a run trains with one and two torch threads, alone and beside a busy core.

    python tests/bench/threads.py [--seconds 3] [--repeats 3]

Prints the table that mlcore/mnist/threads.py rests on: images per second, median of the repeats,
each in a process of its own, with GNU OpenMP's threads spinning while they wait (its default) and
sleeping (OMP_WAIT_POLICY=passive).
"""

import argparse
import itertools
import os
import statistics
import subprocess
import sys
from contextlib import ExitStack

PROBE = """
import sys, time, torch
import mlcore.mnist.train as loop
from mlcore.mnist.config import MNISTConfig
preset, threads, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
loop.threads_for = lambda config, cores: threads
config = MNISTConfig.presets[preset].replace(epochs=1000)
started = images = 0
for step in loop.train(config):
    if step.index < 30:
        started, first = time.perf_counter(), step.index
    elif time.perf_counter() - started > seconds:
        break
print((step.index - first) * config.batch_size / (time.perf_counter() - started))
"""
BUSY = "while True: sum(range(10000))"


def images_per_second(preset: str, threads: int, busy: int, env: dict[str, str], s: float) -> float:
    with ExitStack() as stack:
        for _ in range(busy):
            process = stack.enter_context(subprocess.Popen([sys.executable, "-c", BUSY]))
            stack.callback(process.kill)
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", PROBE, preset, str(threads), str(s)],
            env={**os.environ, **env},
            capture_output=True,
            text=True,
            check=True,
        )
    return float(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    waits = {
        "spinning": {},
        "passive": {"OMP_WAIT_POLICY": "passive"},
        "spin 0": {"GOMP_SPINCOUNT": "0"},
    }
    print(f"{'preset':18} {'waiting':9} threads  busy cores  images/s (median, lowest)", flush=True)
    for preset, busy, (wait, env), threads in itertools.product(
        ["course", "99 % CNN", "linear baseline"], [0, 1], waits.items(), [1, 2]
    ):
        speeds = [
            images_per_second(preset, threads, busy, env, arguments.seconds)
            for _ in range(arguments.repeats)
        ]
        print(
            f"{preset:18} {wait:9} {threads:7}  {busy:10}  "
            f"{statistics.median(speeds):10,.0f} {min(speeds):10,.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
