"""Noisy observations of a known function on [−1, 1]."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, get_args

import torch
from torch import Tensor

from mlcore.generalization.checks import one_of, real, whole

Truth = Literal["sine", "cubic", "runge", "step"]
TRUTHS: Final[tuple[Truth, ...]] = get_args(Truth)
MOST_POINTS: Final = 10_000
MOST_NOISE: Final = 10.0
MOST_SEED: Final = 2**31 - 1

_FUNCTIONS: Final[dict[Truth, Callable[[Tensor], Tensor]]] = {
    "sine": lambda x: torch.sin(1.5 * math.pi * x),
    "cubic": lambda x: 2.5 * x**3 - 1.5 * x,
    "runge": lambda x: 2 / (1 + 25 * x**2) - 1,
    "step": lambda x: torch.where(x < 0, -1.0, 1.0).to(x.dtype),
}
_PARTS: Final = {"training": 0, "validation": 1, "resamples": 2}


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Observations of a function.

    Attributes:
        x: float64 ``[n]``, uniform on [−1, 1].
        y: float64 ``[n]``: the function at x, plus noise.
    """

    x: Tensor
    y: Tensor


@dataclass(frozen=True, slots=True)
class NoisyFunction:
    """A known function, and how it is observed.

    Attributes:
        truth: ``sine`` sin(3πx/2), ``cubic`` (5x³ − 3x)/2, ``runge`` 2/(1 + 25x²) − 1, or
            ``step`` (−1 below 0, else 1).
        n: Training points, 2 to 10,000. More points keep the earlier ones.
        noise: Standard deviation σ of the normal noise, 0 to 10.
        seed: Of points and noise; the same seed gives the same bits.

    Raises:
        InputError: If an argument is out of bounds.
    """

    truth: Truth = "sine"
    n: int = 30
    noise: float = 0.3
    seed: int = 0

    def __post_init__(self) -> None:
        one_of("truth", self.truth, TRUTHS)
        whole("n", self.n, 2, MOST_POINTS)
        real("noise", self.noise, 0, MOST_NOISE)
        whole("seed", self.seed, 0, MOST_SEED)


def true_function(truth: Truth, x: Tensor) -> Tensor:
    """The function without noise.

    Args:
        truth: See ``NoisyFunction``.
        x: Any shape.

    Raises:
        InputError: If there is no such function.

    Example:
        >>> import mlcore, torch
        >>> mlcore.generalization.true_function("cubic", torch.tensor([-1.0, 0.0, 1.0]))
        tensor([-1.,  0.,  1.])
    """
    one_of("truth", truth, TRUTHS)
    return _FUNCTIONS[truth](x)


def training_sample(function: NoisyFunction) -> Sample:
    """The ``n`` training points.

    Example:
        >>> from mlcore.generalization import NoisyFunction, training_sample
        >>> few, more = (training_sample(NoisyFunction(n=n)) for n in (10, 20))
        >>> print(few.x.shape, bool((few.y == more.y[:10]).all()))
        torch.Size([10]) True
    """
    return _sample(function, function.n, "training")


def validation_sample(function: NoisyFunction, n: int = 200) -> Sample:
    """Points of the same distribution that no fit has seen.

    Args:
        function: Its ``n`` plays no part here.
        n: Validation points, 1 to 10,000.

    Raises:
        InputError: If n is out of bounds.

    Example:
        >>> from mlcore.generalization import NoisyFunction, validation_sample
        >>> print(validation_sample(NoisyFunction(seed=3)).x.shape)
        torch.Size([200])
    """
    return _sample(function, whole("n", n, 1, MOST_POINTS), "validation")


def generator_of(function: NoisyFunction, part: str) -> torch.Generator:
    """The random numbers of one part of the data, independent of those of the others."""
    return torch.Generator().manual_seed(function.seed * len(_PARTS) + _PARTS[part])


def _sample(function: NoisyFunction, n: int, part: str) -> Sample:
    generator = generator_of(function, part)
    # All that there may be is drawn, so that a larger n keeps the points of a smaller one.
    x = torch.rand(MOST_POINTS, generator=generator, dtype=torch.float64)[:n] * 2 - 1
    noise = torch.randn(MOST_POINTS, generator=generator, dtype=torch.float64)[:n]
    return Sample(x, true_function(function.truth, x) + function.noise * noise)
