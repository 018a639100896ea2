"""Sweeps as a whole: submitting, asking, two workers against one, one program against many.

    python tests/bench/sweep.py [PART …] [--repeats 3] [--idle]

- submit: seconds until 2,000 runs are queued, and a page's look at them.
- ask: seconds that TPE takes for the next setting after 100, 500 and 2,000 others, study rebuilt.
- workers: 16 runs of a small CNN by two warm workers and by one; and what this machine's cores
  allow: the same training in one bare process and in two.
- ensemble: 32 learning rates of 784-32-10, batch 64, one epoch, by one warm worker through the
  store: as one program, and one by one.

Each part starts in a store of its own and says the load it met.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import mlcore
from mlcore.mnist.config import MNISTConfig
from mlcore.runs import Status, open_store
from mlcore.sweeps import Sweep, Trial, TrialRun, get_sweep, spec_for
from mlcore.sweeps.coordinator import advance
from mlcore.sweeps.study import propose
from tests.bench.idle import wait_until_idle
from tests.conftest import end_workers

CNN = MNISTConfig(model="cnn", channels=(8, 16), dense=32, batch_size=64, epochs=1, train_size=6000)
SMALL = MNISTConfig(hidden=(32,), batch_size=64, epochs=1)
RATES = {"lr": mlcore.log_range(1e-4, 1e-1)}


def submit() -> None:
    began = time.perf_counter()
    space = {"lr": mlcore.log_range(1e-4, 1), "weight_decay": mlcore.linear_range(0, 0.1)}
    found = mlcore.sweep(MNISTConfig(), space, 2000, sampler="random", wait=False)
    queued = time.perf_counter()
    sweep = get_sweep(found.id)
    assert sweep.counts.queued == 2000
    sweep.frame()
    looked = time.perf_counter()
    advance(sweep.store, sweep.id)
    moved = time.perf_counter()
    print(
        f"  2,000 runs queued in {queued - began:.2f} s; counts and table in "
        f"{looked - queued:.3f} s; moved on in {moved - looked:.3f} s"
    )


def ask() -> None:
    space = {"lr": mlcore.log_range(1e-4, 1), "weight_decay": mlcore.linear_range(0, 0.1)}
    spec = spec_for(MNISTConfig(), space, sampler="tpe")
    chance = spec_for(MNISTConfig(), space, sampler="random")
    history = [
        Trial(number, one.params, (_finished(number, one.params),))
        for number, one in enumerate(propose(chance, [], 0, 2000))
    ]
    for count in (100, 500, 2000):
        began = time.perf_counter()
        propose(spec, history[:count], count, 1)
        print(f"  the next of TPE after {count:,}: {time.perf_counter() - began:.3f} s")


def _finished(number: int, params: dict[str, object]) -> TrialRun:
    return TrialRun(
        number=number,
        repeat=0,
        params=params,
        attrs={},
        run_id=str(number),
        run_key=number,
        status=Status.FINISHED,
        own=True,
        decisions=(),
        error=None,
        diverged=False,
        last={"test_accuracy": float(str(params["lr"]))},
        done=1.0,
        elapsed=1.0,
        step=1,
        total=1,
        ensemble=None,
    )


def workers() -> None:
    two, one = (_sixteen(count) for count in (2, 1))
    alone, together = _bare(1), _bare(2)
    _ratios.append(two / one)
    print(
        f"  two workers {two:.1f} s, one {one:.1f} s: {two / one:.2f} of it (median so far "
        f"{statistics.median(_ratios):.2f}); bare processes, no store: {together / alone / 2:.2f}"
    )


_ratios: list[float] = []


def _sixteen(count: int) -> float:
    """Seconds that so many warm workers need for 16 runs."""
    os.environ["MLCORE_WORKERS"] = str(count)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MLCORE_STORE"] = str(Path(folder) / "runs.db")
        try:
            mlcore.sweep(CNN.replace(train_size=1280, seed=1), RATES, 4)  # they are warm now
            return _span(mlcore.sweep(CNN, RATES, 16))
        finally:
            end_workers(open_store().url)


BARE = """
import sys, time
from mlcore.core.cores import give_cores
from tests.bench.sweep import CNN
give_cores(1)
list(CNN.replace(train_size=1280).train())
print(flush=True)
sys.stdin.readline()
began = time.perf_counter()
for seed in range(8):
    list(CNN.replace(seed=seed).train())
print(time.perf_counter() - began)
"""


def _bare(count: int) -> float:
    """Seconds that each of so many processes at once needs for 8 runs, no store behind them."""
    home = Path(__file__).parents[2]
    started = [
        subprocess.Popen(
            [sys.executable, "-c", BARE],
            cwd=home,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for _ in range(count)
    ]
    for process in started:
        assert process.stdout is not None
        process.stdout.readline()
    return max(float(process.communicate("go\n")[0]) for process in started)


def _span(sweep: Sweep) -> float:
    """Seconds from the first run's start to the last one's end."""
    assert sweep.counts.failed == 0
    runs = sweep.runs()
    begun = min(run.started.timestamp() for run in runs if run.started)
    return max(run.finished.timestamp() for run in runs if run.finished) - begun


def ensemble() -> None:
    os.environ["MLCORE_WORKERS"] = "1"
    mlcore.sweep(SMALL.replace(train_size=640), RATES, 2)  # a warm worker
    together = mlcore.sweep(SMALL, RATES, 32)
    (group,) = together.ensembles
    one_program = _span(together)
    began = time.perf_counter()
    for run in together.runs():
        mlcore.submit(run.config.replace(seed=1))
    while open_store().count(Status.QUEUED) or open_store().count(Status.RUNNING):
        time.sleep(0.05)
    apart = time.perf_counter() - began
    print(
        f"  {group.sentence()}; through the store {one_program:.2f} s as one program, trial "
        f"included, and {apart:.2f} s one by one: {apart / one_program:.2f}×"
    )


PARTS: dict[str, Callable[[], None]] = {
    "submit": submit,
    "ask": ask,
    "workers": workers,
    "ensemble": ensemble,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--idle", action="store_true", help="wait for a quiet machine each time")
    given = parser.parse_args()
    for part in given.parts or PARTS:
        for _ in range(given.repeats):
            if given.idle:
                wait_until_idle()
            print(f"{part}, load {os.getloadavg()[0]:.1f}", flush=True)
            os.environ.pop("MLCORE_WORKERS", None)
            if part in ("submit", "ask"):
                os.environ["MLCORE_WORKERS"] = "0"
            with tempfile.TemporaryDirectory() as folder:
                os.environ["MLCORE_STORE"] = str(Path(folder) / "runs.db")
                try:
                    PARTS[part]()
                finally:
                    end_workers(open_store().url)


if __name__ == "__main__":
    main()
