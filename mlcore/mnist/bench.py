"""Training speed on this machine: ours, a plain torch loop's, and the limit of the products."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from mlcore.core.cores import usable_cores
from mlcore.mnist.batches import normalized
from mlcore.mnist.config import MNISTConfig
from mlcore.mnist.data.digits import load
from mlcore.mnist.models import build_model
from mlcore.mnist.products import (
    LIBRARIES,
    Library,
    input_gradient,
    onednn_multiplies,
    outputs,
    weight_gradient,
)
from mlcore.mnist.torch_state import isolated_torch_state
from mlcore.mnist.train import cadence
from mlcore.mnist.trainer import Trainer

TURN_S: Final = 0.2
WIDTHS: Final = (32, 64, 128, 256, 512, 1024)
BATCHES: Final = (16, 64, 512)

Step = Callable[[], int]
"""Takes an optimizer step and returns how many images it learned from."""


def table_configs(*, quick: bool) -> dict[str, MNISTConfig]:
    """The networks of the table, without a batch size."""
    widths = WIDTHS[::5] if quick else WIDTHS
    return {
        "linear": MNISTConfig(model="linear"),
        **{f"width {width}": MNISTConfig(hidden=(width,)) for width in widths},
        "CNN": MNISTConfig(model="cnn", channels=(16, 32), kernels=(7, 4), stride=2, dense=96),
    }


def compare(config: MNISTConfig, rounds: int) -> dict[str, float]:
    """Images a second of the plain loop (``bare``) and of ours, in turn, as medians.

    Args:
        config: What is trained, without evaluation.
        rounds: How many windows of 0.2 s each gets.

    Example:
        >>> import mlcore
        >>> from mlcore.mnist.bench import compare
        >>> speeds = compare(mlcore.MNISTConfig(train_size=1000, hidden=(8,)), rounds=1)
        >>> print(sorted(speeds))
        ['bare', 'mlcore']
    """
    ways = {"bare": (bare_steps(config), usable_cores()), "mlcore": (our_steps(config), 1)}
    found: dict[str, list[float]] = {name: [] for name in ways}
    for round_ in range(rounds + 1):
        for name, (step, threads) in ways.items():
            with isolated_torch_state(threads):
                speed = _pace(step)
            if round_:  # the first window warms up
                found[name].append(speed)
    return {name: statistics.median(speeds) for name, speeds in found.items()}


def bare_steps(config: MNISTConfig) -> Step:
    """A plain torch loop over images in memory: modules, autograd, ``torch.optim``."""
    digits = load(config.dataset, config.data_dir)
    images = normalized(digits, digits.train_images[: config.num_train()])
    labels = digits.train_labels[: config.num_train()]
    targets = functional.one_hot(labels, config.num_classes()).float()
    model = build_model(config)
    optimizer = torch.optim.SGD(model.parameters(), lr=config.lr, momentum=config.momentum)
    batches = _endless(len(images), config.batch_size)

    def step() -> int:
        chosen = next(batches)
        loss = functional.mse_loss(model(images[chosen]), targets[chosen])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch's own
        optimizer.step()
        return len(chosen)

    return step


def our_steps(config: MNISTConfig) -> Step:
    """The steps of a run, with the metrics of its training curves."""
    with isolated_torch_state(threads=1):
        trainer = Trainer(config, load(config.dataset, config.data_dir), None)
    every, index = cadence(config), 0

    def step() -> int:
        nonlocal index
        index += 1
        trainer.learn(index - 1, config.lr, tell=index % every == 0)
        return trainer.batches.size(index - 1)

    return step


def train_speed(config: MNISTConfig) -> dict[str, float]:
    """Images a second of ``train``: ``alone`` without, ``all`` with evaluation on the test set.

    The first epoch is left out.
    """
    started, told = 0.0, []
    for step in config.train():
        if step.index == config.steps_per_epoch() and not started:
            started = time.perf_counter()
        elif started and "samples_per_second" in step.metrics:
            told.append(step.metrics["samples_per_second"])
    images = (config.epochs - 1) * config.samples_per_epoch()
    return {
        "alone": statistics.median(told),
        "all": images / (time.perf_counter() - started),
    }


def product_limit(config: MNISTConfig, rounds: int = 5) -> float:
    """Images a second if a step were its matrix products alone, in float32 on all cores.

    Each product by the quicker library. Only for networks without convolutions.
    """
    linear = [layer for layer in build_model(config) if isinstance(layer, nn.Linear)]
    seconds = 0.0
    with isolated_torch_state(usable_cores()):
        for number, layer in enumerate(linear):
            for work in _products(layer, config.batch_size, first=number == 0):
                libraries = LIBRARIES if onednn_multiplies() else LIBRARIES[:1]
                seconds += min(_median_s(work, library, rounds) for library in libraries)
    return config.batch_size / seconds


def _products(layer: nn.Linear, rows: int, *, first: bool) -> list[Callable[[Library], Tensor]]:
    x, dy = torch.randn(rows, layer.in_features), torch.randn(rows, layer.out_features)
    weight, bias = layer.weight.data, layer.bias.data
    y, dw, dx = torch.empty_like(dy), torch.empty_like(weight), torch.empty_like(x)
    works: list[Callable[[Library], Tensor]] = [
        lambda library: outputs(x, weight, bias, library, y),
        lambda library: weight_gradient(dy, x, library, dw),
    ]
    if not first:
        works.append(lambda library: input_gradient(dy, weight, library, dx))
    return works


def _median_s(work: Callable[[Library], Tensor], library: Library, rounds: int) -> float:
    found = []
    for _ in range(4 * rounds + 1):
        began = time.perf_counter()
        work(library)
        found.append(time.perf_counter() - began)
    return statistics.median(found[1:])


def _pace(step: Step) -> float:
    """Images a second over a window."""
    images, began = 0, time.perf_counter()
    while True:
        images += step()
        spent = time.perf_counter() - began
        if spent >= TURN_S:
            return images / spent


def _endless(images: int, size: int) -> Iterator[Tensor]:
    while True:
        yield from torch.split(torch.randperm(images), size)
