"""A cross-validation as a group, against the runs of its folds one after another.

    python tests/bench/folds.py [--folds 5] [--epochs 1] [--batch 512] [--width 256,64]
                                [--repeats 5] [--idle] [--no-store]

By default the course's network. In this process: the folds' trainings one after another, and as
one program. Through a store: ``mlcore.run`` of each fold in turn, which trains in this process, and
``mlcore.cross_validate``, whose workers are warm. The ways take turns; prints wall seconds, their
medians and the ratio to one after another.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import mlcore
from mlcore.mnist.config import MNISTConfig
from mlcore.mnist.ensemble.program import MNISTEnsemble
from mlcore.runs import open_store
from mlcore.runs.analysis.fold_scores import fold_configs
from mlcore.runs.execution.benchmark import measure
from tests.bench.idle import wait_until_idle
from tests.conftest import end_workers


def one_by_one(config: MNISTConfig) -> None:
    for fold in fold_configs(config):
        for step in fold.train():
            assert step.index >= 0


def together(config: MNISTConfig) -> None:
    configs = fold_configs(config)
    for told in MNISTEnsemble(configs, [None] * len(configs)).rounds():
        assert told


def recorded_one_by_one(config: MNISTConfig) -> None:
    for fold in fold_configs(config):
        mlcore.run(fold, force=True, progress=False)


def recorded_group(config: MNISTConfig) -> None:
    assert mlcore.cross_validate(config, force=True).complete


def turns(
    ways: list[Callable[[MNISTConfig], None]], config: MNISTConfig, repeats: int, *, idle: bool
) -> None:
    taken: dict[str, list[float]] = {way.__name__: [] for way in ways}
    for way in ways:
        way(config)  # imports, measured steps, warm workers
    for _ in range(repeats):
        for way in ways:
            if idle:
                wait_until_idle(60)
            began = time.perf_counter()
            way(config)
            taken[way.__name__].append(time.perf_counter() - began)
    first = statistics.median(taken[ways[0].__name__])
    for name, walls in taken.items():
        median = statistics.median(walls)
        shown = " ".join(f"{wall:.2f}" for wall in walls)
        print(f"  {name:20} {shown} s, median {median:.2f} s, ratio {median / first:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--width", default="256,64")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--idle", action="store_true", help="wait for a quiet machine each time")
    parser.add_argument("--no-store", action="store_true", help="in this process alone")
    given = parser.parse_args()
    config = MNISTConfig(
        hidden=tuple(int(width) for width in given.width.split(",")),
        folds=given.folds,
        epochs=given.epochs,
        batch_size=given.batch,
    )
    print(f"{config.as_command('cv')}: load {os.getloadavg()[0]:.1f}")
    gain = measure(list(fold_configs(config)))
    print(f"  a worker's benchmark: {gain or 0:.2f}× as fast as one program")
    turns([one_by_one, together], config, given.repeats, idle=given.idle)
    if given.no_store:
        return
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MLCORE_STORE"] = f"{folder}/runs.db"
        try:
            turns([recorded_one_by_one, recorded_group], config, given.repeats, idle=given.idle)
        finally:
            end_workers(open_store().url)


if __name__ == "__main__":
    main()
