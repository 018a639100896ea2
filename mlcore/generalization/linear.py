"""Least squares and ridge of every degree at once, by one QR decomposition.

The ridge estimate minimizes ‖y − Φw‖²/(2n) + λ/2·Σ_{k≥1} w_k², which is the least-squares problem
of Φ with √(nλ)·I below it. The first d + 1 columns of its Q and R solve the problem of degree d, so
the coefficients of all degrees are cumulative sums (Golub and Van Loan, "Matrix computations",
4th edition, 2013, section 5.3).
"""

from __future__ import annotations

import torch
from torch import Tensor


def every_degree(features: Tensor, targets: Tensor, strength: Tensor) -> Tensor:
    """Coefficients of the polynomials of every degree; degrees from 0 to P − 1.

    Args:
        features: ``[…, n, P]``, the first column constant.
        targets: ``[…, R, n]``: R vectors of observations at the same points.
        strength: λ, ``[…]``; the constant is not penalized. 0 is least squares.

    Returns:
        ``[…, R, P, P]``: for each degree its P coefficients, of which those above it are 0.
    """
    inverse, projected = _factors(features, strength)
    components = targets @ projected  # […, R, P]
    return (inverse.unsqueeze(-3) * components.unsqueeze(-2)).cumsum(-1).mT


def smoother(features: Tensor, strength: Tensor, at: Tensor) -> Tensor:
    """The matrices that turn observations into predictions, one for each degree.

    Args:
        features: ``[n, P]``.
        strength: λ, a scalar.
        at: Features of the points predicted, ``[T, P]``.

    Returns:
        ``[P, T, n]``.
    """
    inverse, projected = _factors(features, strength)
    rows = at @ inverse  # [T, P]
    return (rows.T.unsqueeze(-1) * projected.T.unsqueeze(-2)).cumsum(0)


def _factors(features: Tensor, strength: Tensor) -> tuple[Tensor, Tensor]:
    """R⁻¹ ``[…, P, P]``, and the rows of Q that meet the observations, ``[…, n, P]``."""
    n, columns = features.shape[-2:]
    penalized = torch.eye(columns, dtype=features.dtype)[1:]
    root = (n * strength).sqrt()
    below = root[..., None, None] * penalized
    shape = (features[..., 0, 0] + root).shape
    stacked = torch.cat(
        [features.expand(*shape, n, columns), below.expand(*shape, columns - 1, columns)], dim=-2
    )
    q, r = torch.linalg.qr(stacked)
    one = torch.eye(columns, dtype=features.dtype)
    inverse = torch.linalg.solve_triangular(r, one.expand_as(r), upper=True)
    return inverse, q[..., :n, :]
