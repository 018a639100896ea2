"""``mlcore bench``: how fast this machine trains, and which way of a step was chosen."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from mlcore.cli.commands import Whole, command, flag, option
from mlcore.core import MlcoreError

_COURSE_EPOCHS = 4


@command(
    "measure how fast this machine trains, beside a plain torch loop",
    flag("--quick", text="fewer rounds and a smaller table: about one minute"),
    option("--rounds", type=Whole(1, 100), text="repeats of each figure (default 5, quick 2)"),
)
def bench(quick: bool, rounds: int | None) -> int:
    """Print images a second of ways to train; each in a process of its own, in turn."""
    count = rounds or (2 if quick else 5)
    for line in _lines(count, quick=quick):
        print(line, flush=True)
    return 0


def _lines(rounds: int, *, quick: bool) -> Iterator[str]:
    facts = _child("facts")
    yield f"{facts['machine']}; load {_load()}"
    yield f"step: {facts['way']} ({facts['why']})"
    yield ""
    yield f"The course's network in batches of 512, images/s, median of {rounds}:"
    speeds: dict[str, list[float]] = {}
    for _ in range(rounds):
        for name, value in _round(bfloat16=facts["bfloat16"]):
            speeds.setdefault(name, []).append(value)
    bare = statistics.median(speeds["bare loop"])
    yield f"  {'':38} {'images/s':>10} {'of bare':>8}"
    for name, found in speeds.items():
        middle = statistics.median(found)
        yield f"  {name:38} {middle:10,.0f} {middle / bare:8.2f}"
    yield ""
    yield "Ratio of mlcore's steps to the bare loop's, by batch size:"
    batches: list[int] = facts["batches"]
    yield "  " + " " * 12 + "".join(f"{batch:>8}" for batch in batches)
    for name in facts["quick" if quick else "full"]:
        row = [_child("ratio", name, batch, rounds) for batch in batches]
        yield f"  {name:12}" + "".join(f"{value:8.2f}" for value in row)


def _round(*, bfloat16: bool) -> Iterator[tuple[str, float]]:
    yield "bare loop", _child("bare")
    for precision in ("float32", "bfloat16") if bfloat16 else ("float32",):
        label = "" if precision == "float32" else ", bfloat16"
        speeds = _child("train", precision)
        yield f"mlcore.train, training alone{label}", speeds["alone"]
        yield f"mlcore.train{label}", speeds["all"]
        yield f"mlcore.run{label}", _child("run", precision)
    yield "limit of the products, float32", _child("limit")


def _child(what: str, *given: Any) -> Any:
    """What ``measured`` finds in a process of its own."""
    code = "import sys; from mlcore.cli.bench import measured; measured(*sys.argv[1:])"
    done = subprocess.run(  # noqa: S603 - our own Python
        [sys.executable, "-W", "ignore", "-c", code, what, *map(str, given)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise MlcoreError(f"Measuring {what} failed: {done.stderr.strip().splitlines()[-1]}")
    return json.loads(done.stdout.splitlines()[-1])


def measured(what: str, *given: str) -> None:
    """Measure one thing, and print it as JSON on the last line."""
    print(json.dumps(_MEASURES[what](*given)))


def _facts() -> dict[str, Any]:
    import torch

    from mlcore.mnist import bench
    from mlcore.mnist.config import MNISTConfig
    from mlcore.mnist.runtime import has_bfloat16
    from mlcore.mnist.steps.choices import why
    from mlcore.mnist.steps.kept import machine
    from mlcore.mnist.steps.ways import way_for

    cpu = torch.device("cpu")
    course = MNISTConfig()
    return {
        "machine": machine(),
        "way": str(way_for(course, cpu, "float32")),
        "why": why(course),
        "bfloat16": has_bfloat16(cpu),
        "batches": bench.BATCHES,
        "quick": list(bench.table_configs(quick=True)),
        "full": list(bench.table_configs(quick=False)),
    }


def _bare() -> float:
    from mlcore.mnist import bench
    from mlcore.mnist.config import MNISTConfig

    return bench.compare(MNISTConfig(), rounds=5)["bare"]


def _train(precision: str) -> dict[str, float]:
    from mlcore.mnist.bench import train_speed
    from mlcore.mnist.config import MNISTConfig

    return train_speed(
        MNISTConfig(device="cpu").replace(epochs=_COURSE_EPOCHS, precision=precision)
    )


def _run(precision: str) -> float:
    """Images a second of a recorded run after its first epoch, in a store of its own."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MLCORE_STORE"] = str(Path(folder) / "runs.db")
        from mlcore.mnist.config import MNISTConfig
        from mlcore.runs import open_store, run

        config = MNISTConfig(device="cpu").replace(epochs=_COURSE_EPOCHS, precision=precision)
        told = run(config).metrics(["test_loss"])
        times = told[told["step"] >= config.steps_per_epoch()]["time"]
        images = (config.epochs - 1) * config.samples_per_epoch()
        open_store().close()
    return float(images / (times.iloc[-1] - times.iloc[0]))


def _limit() -> float:
    from mlcore.mnist.bench import product_limit
    from mlcore.mnist.config import MNISTConfig

    return product_limit(MNISTConfig())


def _ratio(name: str, batch: str, rounds: str) -> float:
    from mlcore.mnist.bench import compare, table_configs

    config = table_configs(quick=False)[name].replace(batch_size=int(batch), device="cpu")
    speeds = compare(config, int(rounds))
    return speeds["mlcore"] / speeds["bare"]


_MEASURES: dict[str, Callable[..., Any]] = {
    "facts": _facts,
    "bare": _bare,
    "train": _train,
    "run": _run,
    "limit": _limit,
    "ratio": _ratio,
}


def _load() -> str:
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
