"""Smooths a curve as TensorBoard does: a debiased exponential moving mean."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mlcore.core import InputError

Floats = NDArray[np.float64]


def smoothed(values: Sequence[float] | Floats, weight: float) -> Floats:
    """The debiased exponential moving mean of a curve.

    TensorBoard's formula: ``m_n = w m_{n−1} + (1 − w) x_n`` from ``m_0 = 0``, and
    ``s_n = m_n / (1 − w^n)`` with n the number of finite values so far. Dividing makes the first
    point itself the start of the curve (Kingma, Ba: Adam, ICLR 2015, section 3). A value that is
    not finite stays as it is and does not enter the mean.

    Args:
        values: The points, in order; shape (n,).
        weight: Of the past, from 0 (as they are) to below 1.

    Returns:
        Shape (n,). It lies between the lowest and the highest value so far.

    Raises:
        ValueError: If the weight is not from 0 to below 1.
    """
    if not 0 <= weight < 1:
        raise InputError(f"weight is {weight}, but must be from 0 to below 1.")
    raw = np.asarray(values, dtype=np.float64)
    finite = np.isfinite(raw)
    result = raw.copy()
    mean, share = 0.0, 0.0
    smooth = np.empty(int(finite.sum()))
    for place, value in enumerate(raw[finite].tolist()):
        mean = weight * mean + (1 - weight) * value
        share = weight * share + (1 - weight)  # = 1 − w^n, without a power a point
        smooth[place] = mean / share
    result[finite] = smooth
    return result
