"""One core or two, and how: a run's speed alone and beside a busy core.

    python tests/bench/threads.py [--seconds 2] [--repeats 3] [--idle]

Prints the table that mlcore/mnist/runtime.py rests on: images per second, median and lowest of the
repeats, each in a process of its own. "operations" splits every single operation over the threads,
as torch does by itself, with GNU OpenMP's threads spinning while they wait (its default) or
sleeping (OMP_WAIT_POLICY=passive, GOMP_SPINCOUNT=0); "microbatches" gives each thread its share of
a batch, as mlcore does with autograd. All else is the same code. "by hand" is the way of networks
without convolutions, whose steps use one thread or several, as is quicker at the moment.
"""

import argparse
import itertools
import os
import statistics
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.bench.idle import wait_until_idle

PROBE = """
import sys, time
import mlcore.mnist.trainer as trainer
import mlcore.mnist.train as loop
from mlcore.mnist.config import MNISTConfig
from mlcore.mnist.torch_state import isolated_torch_state
preset, split, threads, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
if split == "operations":
    loop.isolated_torch_state = lambda threads: isolated_torch_state(int(sys.argv[3]))
    trainer.microbatches_for = lambda config: 1
else:
    trainer.given_cores = lambda: threads
config = MNISTConfig.presets[preset].replace(epochs=1000, train_size=20_000)
started, images, first = 0.0, 0, 30
for step in loop.train(config):
    if not started and step.index >= first:
        started, first = time.perf_counter(), step.index
    elif started and time.perf_counter() - started > seconds:
        break
print((step.index - first) * config.batch_size / (time.perf_counter() - started))
"""
BUSY = "while True: sum(range(10000))"

AUTOGRAD = {"MLCORE_STEP": "autograd"}
WAYS = {
    "operations, spinning": ("operations", AUTOGRAD),
    "operations, passive": ("operations", {**AUTOGRAD, "OMP_WAIT_POLICY": "passive"}),
    "operations, spin 0": ("operations", {**AUTOGRAD, "GOMP_SPINCOUNT": "0"}),
    "microbatches": ("microbatches", AUTOGRAD),
    "by hand": ("by hand", {}),
}


def images_per_second(words: list[str], env: dict[str, str], busy: int) -> float:
    with ExitStack() as stack:
        for _ in range(busy):
            process = stack.enter_context(subprocess.Popen([sys.executable, "-c", BUSY]))
            stack.callback(process.kill)
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", PROBE, *words],
            env={**os.environ, **env},
            capture_output=True,
            text=True,
            check=True,
        )
    return float(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--idle", action="store_true", help="wait for a quiet machine each time")
    arguments = parser.parse_args()
    print("preset      threads split by      threads  busy cores    median     lowest   load")
    for preset, threads, busy in itertools.product(["course", "99 % CNN"], [1, 2], [0, 1]):
        for way, (split, env) in WAYS.items():
            if split == "by hand" and preset != "course":
                continue
            if threads == 1 and len(env) > 1:
                continue  # one thread waits for nobody
            words = [preset, split, str(threads), str(arguments.seconds)]
            speeds = []
            for _ in range(arguments.repeats):
                if arguments.idle:
                    wait_until_idle()
                speeds.append(images_per_second(words, env, busy))
            print(
                f"{preset:11} {way:21} {threads:7} {busy:11} {statistics.median(speeds):9,.0f} "
                f"{min(speeds):10,.0f} {os.getloadavg()[0]:6.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
