"""Many learning rates as one program, against the same runs one after another.

    python tests/bench/ensemble.py [--members 32] [--width 32] [--batch 64] [--images 60000]
                                     [--repeats 3] [--threads 0] [--device cpu] [--idle]

Both ways train one epoch of MNIST for the same learning rates, look at the whole test set before
and after, and keep nothing. Prints wall and CPU seconds, medians of the repeats, and their ratio;
then the regression's 200 rates in one call against one call a rate.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import torch

from mlcore.core import Config
from mlcore.mnist.config import MNISTConfig
from mlcore.regression.config import RegressionConfig
from mlcore.sweeps import log_range
from tests.bench.idle import wait_until_idle


def one_by_one(configs: list[Config]) -> None:
    for config in configs:
        for step in config.train():
            assert step.index >= 0


def together(configs: list[Config]) -> None:
    ensemble = type(configs[0]).train_together(configs, [None] * len(configs))
    for told in ensemble.rounds():
        assert told


def seconds(
    work: Callable[[list[Config]], None], configs: list[Config], device: str
) -> list[float]:
    """Wall and CPU seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    work(configs)
    if device == "cuda":
        torch.cuda.synchronize()
    return [time.perf_counter() - wall, time.process_time() - cpu]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--members", type=int, default=32)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--images", type=int, default=60_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=0, help="cores to use; 0 for all")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--idle", action="store_true", help="wait for a quiet machine each time")
    given = parser.parse_args()
    if given.threads:
        os.environ["MLCORE_CORES"] = str(given.threads)
    digits: list[Config] = [
        MNISTConfig(
            hidden=(given.width,),
            batch_size=given.batch,
            train_size=given.images,
            epochs=1,
            lr=lr,
            device=given.device,
        )
        for lr in log_range(1e-4, 1e-1).spread(given.members)
    ]
    lines: list[Config] = [RegressionConfig(lr=lr) for lr in log_range(1e-6, 3e-4).spread(200)]
    for name, configs in (("mnist", digits), ("regression", lines)):
        warm = configs[:2]
        one_by_one(warm)
        together(warm)
        print(f"{name}: {len(configs)} learning rates, load {os.getloadavg()[0]:.1f}")
        medians = {}
        for way in (one_by_one, together):
            taken = []
            for _ in range(given.repeats):
                if given.idle:
                    wait_until_idle()
                taken.append(seconds(way, configs, given.device))
            medians[way] = [statistics.median(column) for column in zip(*taken, strict=True)]
            shown = "  ".join(f"{wall:.2f}/{cpu:.2f}" for wall, cpu in taken)
            print(f"  {way.__name__:11} wall/CPU s: {shown}", flush=True)
        for place, kind in enumerate(("wall", "CPU")):
            ratio = medians[one_by_one][place] / medians[together][place]
            print(f"  {kind:4} {ratio:.2f}× as fast as one program")


if __name__ == "__main__":
    main()
