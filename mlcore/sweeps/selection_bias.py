"""What choosing the best of many trials by test accuracy adds to that accuracy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from mlcore.core import InputError


@lru_cache(maxsize=256)
def expected_maximum(n: int) -> float:
    """The mean of the largest of n independent standard normal numbers.

    ``n ∫ x φ(x) Φ(x)ⁿ⁻¹ dx``, by the trapezoidal rule.

    Raises:
        ValueError: If n is below 1.

    Example:
        >>> from mlcore.sweeps.selection_bias import expected_maximum
        >>> print(round(expected_maximum(2), 6))  # 1 / √π
        0.56419
    """
    if n < 1:
        raise InputError(f"n is {n}, but must be a whole number from 1 up.")
    x = np.linspace(-12.0, 12.0, 2401)
    density = np.exp(-x * x / 2) / math.sqrt(2 * math.pi)
    below = np.array([math.erfc(-each / math.sqrt(2)) / 2 for each in x.tolist()])
    return float(np.trapezoid(n * x * density * below ** (n - 1), x))


def inflation(accuracies: Sequence[float], measured_on: int, test_images: int) -> float:
    """By how much the best of trials would look better than it is, if chosen by test accuracy.

    Each accuracy is the trial's true accuracy plus the luck of its images, of variance p(1 − p)/m
    on m of them. The true accuracies spread by what is left of the measured spread. Of n trials on
    t test images, with σ² = p(1 − p)/t and s² = σ² + the true variance, the best by test accuracy
    has on average the luck ``σ²/s · E[max of n standard normal numbers]``: the share σ²/s² of its
    lead is luck. All of it is, if the trials are equally good. From few trials the spread, and so
    the estimate, is rough. The trials share their test images,
    so that part of their luck is common and chooses none: it is at most about so much.

    Args:
        accuracies: Of the trials, 0 to 1.
        measured_on: How many images each was measured on.
        test_images: How many images the test set has.

    Returns:
        The inflation as a share of 1; 0 for fewer than two trials.

    Example:
        >>> from mlcore.sweeps.selection_bias import inflation
        >>> print(f"{inflation([0.90, 0.91, 0.92, 0.93], 10_000, 10_000):.4f}")
        0.0006
    """
    n = len(accuracies)
    if n < 2:
        return 0.0
    p, variance = float(np.mean(accuracies)), float(np.var(accuracies, ddof=1))
    true = max(0.0, variance - p * (1 - p) / measured_on)
    # accuracies near 1 vary less: the winner's luck is that of its own level, its lead shrunk
    lead = true / variance if variance else 0.0
    best = p + lead * (max(accuracies) - p)
    luck = best * (1 - best) / test_images
    spread = math.sqrt(luck + true)
    return expected_maximum(n) * luck / spread if spread else 0.0
