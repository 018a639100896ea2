"""Measures which library multiplies the matrices of a network faster on this processor."""

from __future__ import annotations

import itertools
import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

import torch
from torch import Tensor

from mlcore.mnist.products import (
    LIBRARIES,
    Library,
    input_gradient,
    outputs,
    weight_gradient,
)
from mlcore.mnist.torch_state import torch_threads

BUDGET_S: Final = 0.15
MOST_FLOPS: Final = 1e8
"""Of one product that is timed: about 1 ms. Larger ones are timed with fewer images."""
MOST_UNITS: Final = 1024
"""Larger layers are timed with so many inputs and units."""
ROUNDS: Final = 7
CLEARLY: Final = 0.9
"""oneDNN is taken if it needs less than this share of BLAS's time, and bfloat16 of float32's: so
ties end the same way."""
EFFICIENCY: Final = 0.8
"""What each of several threads is taken to give, where a product rounds alike on them."""

Direction = str
Times = dict[Direction, dict[Library, float]]


def measure(layers: Sequence[tuple[int, int]], rows: int, threads: int) -> Times:
    """Time the products of one pass in float32; call it with one torch thread set.

    The processor time of this thread is counted where the system tells it finely enough, so that
    it hardly matters what else the machine does.

    Args:
        layers: Inputs and units of each linear layer, the first one first.
        rows: Images in the pass.
        threads: Torch threads that a step may use. A product that rounds otherwise on them than
            on one will get one, and so counts more.

    Returns:
        For ``forward`` and ``backward`` the estimated seconds of each library.

    Example:
        >>> from mlcore.mnist.steps.calibration import measure
        >>> times = measure([(784, 32), (32, 10)], rows=64, threads=1)
        >>> print(sorted(times), times["forward"]["blas"] > 0)
        ['backward', 'forward'] True
    """
    found: Times = {
        "forward": dict.fromkeys(LIBRARIES, 0.0),
        "backward": dict.fromkeys(LIBRARIES, 0.0),
    }
    ends = time.perf_counter() + BUDGET_S
    work: Counter[tuple[int, int, bool]] = Counter()
    for number, (inputs, units) in enumerate(layers):
        smaller = min(inputs, MOST_UNITS), min(units, MOST_UNITS)
        work[(*smaller, number == 0)] += round(100 * inputs * units / math.prod(smaller))
    for number, ((inputs, units, first), percent) in enumerate(work.items()):
        fewer = max(1, min(rows, int(MOST_FLOPS / (2 * inputs * units))))
        until = time.perf_counter() + (ends - time.perf_counter()) / (len(work) - number)
        for (direction, library), seconds in _layer(
            inputs, units, fewer, first, threads, until
        ).items():
            found[direction][library] += seconds * rows / fewer * percent / 100
    return found


def measure_bfloat16() -> dict[str, float]:
    """Seconds of a product of 256 × 784 by 784 × 256 in each precision."""
    x, weight = torch.ones(256, 784), torch.ones(784, 256)
    clock = _clock()
    best: dict[str, float] = {}
    for round_ in range(ROUNDS + 1):
        for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
            a, b = x.to(dtype), weight.to(dtype)
            began = clock()
            torch.mm(a, b)
            if round_:  # the first call makes the kernel
                best[name] = min(best.get(name, float("inf")), clock() - began)
    return best


def quickest(times: Times) -> tuple[Library, Library]:
    """The library for the products forward and for those backward."""
    ahead, back = (
        "onednn" if each["onednn"] < CLEARLY * each["blas"] else "blas"
        for each in (times["forward"], times["backward"])
    )
    return ahead, back  # type: ignore[return-value]  # mypy widens the words of a generator


def _layer(
    inputs: int, units: int, rows: int, first: bool, threads: int, until: float
) -> dict[tuple[Direction, Library], float]:
    """The estimated seconds of the products of one layer, from the quickest of some rounds."""
    draws = torch.Generator().manual_seed(0)
    x, dy, weight = (
        torch.randn(shape, generator=draws)
        for shape in ((rows, inputs), (rows, units), (units, inputs))
    )
    bias, y, dx, dw = (
        torch.ones(units),
        torch.empty_like(dy),
        torch.empty_like(x),
        torch.empty_like(weight),
    )

    def forward(library: Library) -> list[Tensor]:
        return [outputs(x, weight, bias, library, y)]

    def backward(library: Library) -> list[Tensor]:
        found = [weight_gradient(dy, x, library, dw)]
        if not first:  # nobody needs the gradient of the images
            found.append(input_gradient(dy, weight, library, dx))
        return found

    works: dict[Direction, Callable[[Library], list[Tensor]]] = {
        "forward": forward,
        "backward": backward,
    }
    ways = list(itertools.product(works, LIBRARIES))
    share = {
        (direction, library): (
            1 / (EFFICIENCY * threads)
            if threads > 1 and _alike(works[direction], library, threads)
            else 1.0
        )
        for direction, library in ways
    }
    clock = _clock()
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(ROUNDS):
        for direction, library in ways:
            began = clock()
            works[direction](library)
            best[direction, library] = min(best[direction, library], clock() - began)
        if time.perf_counter() >= until:
            break
    return {way: seconds * share[way] for way, seconds in best.items()}


def _alike(work: Callable[[Library], list[Tensor]], library: Library, threads: int) -> bool:
    alone = [product.clone() for product in work(library)]
    with torch_threads(threads):
        together = work(library)
    return all(map(torch.equal, alone, together))


def _clock() -> Callable[[], float]:
    fine = time.get_clock_info("thread_time").resolution <= 1e-6
    return time.thread_time if fine else time.perf_counter
