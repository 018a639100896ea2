"""Measures which library multiplies the matrices of a network faster on this processor."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

import torch

from mlcore.mnist.products import (
    LIBRARIES,
    Library,
    input_gradient,
    outputs,
    weight_gradient,
)

BUDGET_S: Final = 0.2
MOST_FLOPS: Final = 2e8
"""Of one product that is timed: about 2 ms. Larger ones are timed with fewer images."""
ROUNDS: Final = 7
WORTH_IT: Final = 0.97
"""oneDNN is taken if it needs less than this share of BLAS's time: ties end the same way."""

Direction = str
Times = dict[Direction, dict[Library, float]]


def measure(layers: Sequence[tuple[int, int]], rows: int) -> Times:
    """Time the products of one microbatch in float32; call it with one torch thread set.

    The processor time of this thread is counted where the system tells it finely enough, so that
    it hardly matters what else the machine does.

    Args:
        layers: Inputs and units of each linear layer, the first one first.
        rows: Images in the microbatch.

    Returns:
        For ``forward`` and ``backward`` the seconds of each library.

    Example:
        >>> from mlcore.mnist.steps.calibration import measure
        >>> times = measure([(784, 32), (32, 10)], rows=64)
        >>> print(sorted(times), times["forward"]["blas"] > 0)
        ['backward', 'forward'] True
    """
    found: Times = {
        "forward": dict.fromkeys(LIBRARIES, 0.0),
        "backward": dict.fromkeys(LIBRARIES, 0.0),
    }
    ends = time.perf_counter() + BUDGET_S
    for number, (inputs, units) in enumerate(layers):
        fewer = max(1, min(rows, int(MOST_FLOPS / (2 * inputs * units))))
        until = time.perf_counter() + (ends - time.perf_counter()) / (len(layers) - number)
        for (direction, library), seconds in _layer(inputs, units, fewer, number, until).items():
            found[direction][library] += seconds * rows / fewer
    return found


def quickest(times: Times) -> tuple[Library, Library]:
    """The library for the products forward and for those backward."""
    ahead, back = (
        "onednn" if each["onednn"] < WORTH_IT * each["blas"] else "blas"
        for each in (times["forward"], times["backward"])
    )
    return ahead, back  # type: ignore[return-value]  # mypy widens the words of a generator


def _layer(
    inputs: int, units: int, rows: int, number: int, until: float
) -> dict[tuple[Direction, Library], float]:
    """The seconds of the products of one layer, the quickest of some rounds."""
    x, dy = torch.ones(rows, inputs), torch.ones(rows, units)
    weight, bias = torch.ones(units, inputs), torch.ones(units)
    y, dx, dw = torch.empty_like(dy), torch.empty_like(x), torch.empty_like(weight)

    def forward(library: Library) -> None:
        outputs(x, weight, bias, library, y)

    def backward(library: Library) -> None:
        weight_gradient(dy, x, library, dw)
        if number:  # nobody needs the gradient of the images
            input_gradient(dy, weight, library, dx)

    works: dict[Direction, Callable[[Library], None]] = {"forward": forward, "backward": backward}
    clock = _clock()
    best: dict[tuple[Direction, Library], float] = {}
    for round_ in range(ROUNDS + 1):
        for direction, work in works.items():
            for library in LIBRARIES:
                began = clock()
                work(library)
                spent = clock() - began
                if round_:  # the first call of a shape makes its kernel
                    key = direction, library
                    best[key] = min(best.get(key, spent), spent)
        if round_ and time.perf_counter() >= until:
            break
    return best


def _clock() -> Callable[[], float]:
    fine = time.get_clock_info("thread_time").resolution <= 1e-6
    return time.thread_time if fine else time.perf_counter
