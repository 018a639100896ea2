"""Would CNNs gain from training as one program? A prototype against one by one.

    python tests/bench/ensemble_cnn.py [--repeats 5] [--members 4 8 32] [--batches 16 64 256]

The prototype gives each member a group of channels (``conv2d`` with ``groups``), in either memory
layout, and takes optimizer steps of SGD with momentum on one thread, in turn with the steps of
single runs (``mlcore.mnist.trainer.Trainer`` on one core); all members read the same images. On
several cores both ways scale alike: single runs by a worker a core, a program by a block a core.

Printed: milliseconds of processor time for a step of all members one by one, and how many times as
fast the prototype is (median of the repeats). A single run also reads its batch, which takes a few
hundredths of its time.

torch.func.vmap and products of unfolded images were slower than the groups for every shape. On a
Xeon with AVX-512 the groups were 0.9 to 2.2 times as fast at batches of 16 and 0.4 to 1.2 times at
64, by the network (n = 3), so CNNs train one by one.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch
from torch import Tensor, nn
from torch.func import stack_module_state
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).parents[2]))

from mlcore.core.cores import give_cores
from mlcore.mnist.config import MNISTConfig
from mlcore.mnist.data import digits
from mlcore.mnist.models import build_model
from mlcore.mnist.trainer import Trainer

SMALL = MNISTConfig(model="cnn", channels=(8, 16), dense=32, momentum=0.9)
CNNS = {
    "8-16-32": SMALL,
    "16-32-64": SMALL.replace(channels=(16, 32), dense=64),
    "99 % CNN": MNISTConfig.presets["99 % CNN"].replace(
        precision="float32", optimizer="sgd", momentum=0.9
    ),
}
STEP_S = 0.3
"""Seconds of steps a repeat, at least."""

Way = Callable[[], None]


def one_by_one(config: MNISTConfig) -> Way:
    trainer, place = Trainer(config, digits.load(), None), [0]

    def step() -> None:
        trainer.learn(place[0] % trainer.batches.per_epoch, config.lr, tell=False)
        place[0] += 1

    return step


def _batch(config: MNISTConfig) -> tuple[Tensor, Tensor]:
    data = digits.load()
    images = data.train_images[: config.batch_size].float().div(255).sub(0.13).div(0.31)
    return images, data.train_labels[: config.batch_size]


def _stacks(config: MNISTConfig, members: int) -> tuple[nn.Module, dict[str, Tensor]]:
    models = [build_model(config.replace(seed=seed)) for seed in range(members)]
    parameters, _ = stack_module_state(models)
    return models[0], {name: p.detach().requires_grad_() for name, p in parameters.items()}


def _descend(stacks: dict[str, Tensor], loss: Callable[[], Tensor], lr: float) -> Way:
    optimizer = torch.optim.SGD(list(stacks.values()), lr, momentum=0.9, fused=True)

    def step() -> None:
        optimizer.zero_grad()
        loss().backward()  # type: ignore[no-untyped-call]  # torch's own
        optimizer.step()

    return step


def _cross_entropy(outputs: Tensor, labels: Tensor) -> Tensor:
    """Sum over the members of outputs ``[K, B, classes]`` of each one's mean loss."""
    flat = outputs.float().flatten(0, 1)
    return functional.cross_entropy(flat, labels.repeat(len(outputs)), reduction="sum") / len(
        labels
    )


def grouped(config: MNISTConfig, members: int, layout: torch.memory_format) -> Way:
    """A group of channels a member; the first layer reads one image for all."""
    model, stacks = _stacks(config, members)
    images, labels = _batch(config)

    def loss() -> Tensor:
        x, first = images[:, None].contiguous(memory_format=layout), True
        for name, layer in model.named_children():
            if isinstance(layer, nn.Conv2d):
                weight = stacks[f"{name}.weight"].flatten(0, 1).contiguous(memory_format=layout)
                bias, groups = stacks[f"{name}.bias"].flatten(), 1 if first else members
                x = functional.conv2d(x, weight, bias, layer.stride, groups=groups)
                first = False
            elif isinstance(layer, nn.Flatten):
                x = x.reshape(len(x), members, -1).transpose(0, 1)
            elif isinstance(layer, nn.Unflatten):
                continue
            else:
                x = _dense_or_pointwise(name, layer, x, stacks)
        return _cross_entropy(x, labels)

    return _descend(stacks, loss, config.lr)


def _dense_or_pointwise(
    name: str, layer: nn.Module, x: Tensor, stacks: dict[str, Tensor]
) -> Tensor:
    if isinstance(layer, nn.Linear):
        weight, bias = stacks[f"{name}.weight"], stacks[f"{name}.bias"]
        return torch.baddbmm(bias[:, None], x, weight.transpose(1, 2))
    found: Tensor = layer(x)
    return found


def pace(step: Way) -> float:
    """Processor seconds a step."""
    count, began, end = 0, time.thread_time(), 0.0
    while count < 3 or end - began < STEP_S:
        step()
        count, end = count + 1, time.thread_time()
    return (end - began) / count


def compare(name: str, config: MNISTConfig, members: int, repeats: int) -> None:
    """Print one line."""
    alone = one_by_one(config)
    layouts = {"contiguous": torch.contiguous_format, "channels last": torch.channels_last}
    together = {kind: grouped(config, members, layout) for kind, layout in layouts.items()}
    for step in (alone, *together.values()):
        step()
    singles: list[float] = []
    gains: dict[str, list[float]] = {kind: [] for kind in together}
    for _ in range(repeats):
        singles.append(pace(alone) * members)
        for kind, step in together.items():
            gains[kind].append(singles[-1] / pace(step))
    shown = ", ".join(f"{kind} {median(found):.2f}×" for kind, found in gains.items())
    print(
        f"{name:9} batch {config.batch_size:3}, {members:2} members: one by one "
        f"{median(singles) * 1000:7.1f} ms; {shown}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--members", type=int, nargs="+", default=[4, 8, 32])
    parser.add_argument("--batches", type=int, nargs="+", default=[16, 64, 256])
    given = parser.parse_args()
    torch.set_num_threads(1)
    give_cores(1)
    print(f"load {os.getloadavg()[0]:.1f}")
    for name, bare in CNNS.items():
        for size in given.batches:
            for members in given.members:
                compare(name, bare.replace(batch_size=size), members, given.repeats)


if __name__ == "__main__":
    main()
