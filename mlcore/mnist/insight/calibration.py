"""Calibration of a network: the reliability diagram and the expected calibration error."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlcore.mnist.insight.mistakes import wilson_interval

BINS: Final = 15


@dataclass(frozen=True, slots=True, eq=False)
class Reliability:
    """Images sorted into bins of confidence.

    Attributes:
        bins: One row per bin: from, to, images, confidence (mean in the bin), accuracy, low, high
            (Wilson's 95 % interval of the accuracy); NaN in an empty bin.
        expected_error: The expected calibration error, see ``reliability``.
        largest_error: The largest |accuracy − confidence| of a bin.
    """

    bins: pd.DataFrame
    expected_error: float
    largest_error: float


def reliability(
    confidence: NDArray[np.floating], right: NDArray[np.bool_], bins: int = BINS
) -> Reliability:
    """Compare a network's confidence with its accuracy.

    The images fall into bins of equal width; bin ``m`` of ``M`` holds confidences from above
    ``(m − 1)/M`` to ``m/M`` (the first one 0 too). Then ``ECE = Σ |B_m|/n · |acc(B_m) −
    conf(B_m)|`` and ``MCE`` is the largest of the differences (Guo, Pleiss, Sun, Weinberger: On
    Calibration of Modern Neural Networks, ICML 2017, eq. 3 and 5).

    Args:
        confidence: Probability of each guess, 0 to 1, ``[N]``.
        right: Whether the guess is the label, ``[N]``.
        bins: How many bins.

    Raises:
        ValueError: If there are no images, not as many of both, or no bin.

    Example:
        >>> import mlcore, numpy
        >>> confidence, right = numpy.array([0.9, 0.9, 0.6]), numpy.array([True, True, False])
        >>> result = mlcore.mnist.insight.reliability(confidence, right, bins=10)
        >>> print(round(result.expected_error, 3), round(result.largest_error, 3))
        0.267 0.6
    """
    sure = np.asarray(confidence, dtype=np.float64)
    if not len(sure) or len(sure) != len(right) or bins < 1:
        raise ValueError(
            f"There are {len(sure)} confidences, {len(right)} answers and {bins} bins; give as "
            "many answers as confidences, and at least one of each."
        )
    place = np.clip(np.ceil(sure * bins).astype(np.int64) - 1, 0, bins - 1)
    rows, expected, largest = [], 0.0, 0.0
    for number in range(bins):
        mine = place == number
        images, hits = int(mine.sum()), int(right[mine].sum())
        mean = float(sure[mine].mean()) if images else math.nan
        accuracy = hits / images if images else math.nan
        rows.append(
            (
                number / bins,
                (number + 1) / bins,
                images,
                mean,
                accuracy,
                *wilson_interval(hits, images),
            )
        )
        if images:
            gap = abs(accuracy - mean)
            expected += images / len(sure) * gap
            largest = max(largest, gap)
    columns = ["from", "to", "images", "confidence", "accuracy", "low", "high"]
    return Reliability(pd.DataFrame(rows, columns=columns), expected, largest)
