"""Polynomials in the orthonormal basis of Legendre, and in powers of x.

Columns of powers 1, x, x², … are nearly parallel: at degree 15 the condition number of 30 points
is about 10⁶ times that of Legendre's polynomials, so coefficients would lose as many digits.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import torch
from torch import Tensor

from mlcore.generalization.checks import whole

MOST_DEGREE: Final = 15


def polynomial_features(x: Tensor, degree: int) -> Tensor:
    """Legendre's polynomials, scaled to mean square 1 over [−1, 1]: √(2k + 1)·P_k(x).

    Computed by (k + 1)·P_{k+1} = (2k + 1)·x·P_k − k·P_{k−1}.

    Args:
        x: ``[…, n]``.
        degree: Highest degree, 0 to 15.

    Returns:
        ``[…, n, degree + 1]``; the first column is 1.

    Raises:
        InputError: If the degree is out of bounds.

    Example:
        >>> import torch
        >>> from mlcore.generalization import polynomial_features
        >>> polynomial_features(torch.tensor([-1.0, 1.0]), 2).round(decimals=3)
        tensor([[ 1.0000, -1.7320,  2.2360],
                [ 1.0000,  1.7320,  2.2360]])
    """
    degree = whole("degree", degree, 0, MOST_DEGREE)
    columns = [torch.ones_like(x), x]
    for k in range(1, degree):
        columns.append(((2 * k + 1) * x * columns[k] - k * columns[k - 1]) / (k + 1))
    scaled = [math.sqrt(2 * k + 1) * column for k, column in enumerate(columns[: degree + 1])]
    return torch.stack(scaled, dim=-1)


def powers_of(coefficients: Tensor) -> Tensor:
    """Coefficients of 1, x, x², … from those of ``polynomial_features``, ``[degree + 1]``."""
    scales = torch.arange(len(coefficients), dtype=coefficients.dtype).mul(2).add(1).sqrt()
    return torch.from_numpy(np.polynomial.legendre.leg2poly((coefficients * scales).numpy()))
