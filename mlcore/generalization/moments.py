"""Second moments of features and observations, from which the lasso is solved."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from mlcore.generalization.lasso import lasso


class Moments(NamedTuple):
    """Moments over n points, for R vectors of observations at the same points.

    Attributes:
        means: Of the columns that are penalized, ``[…, 1, p]``.
        level: Mean of the observations, ``[…, R, 1]``.
        gram: ΦᵀΦ/n of the centred columns, ``[…, p, p]``.
        cross: yᵀΦ/n of what is centred, ``[…, R, p]``.
        square: Variance of the observations, ``[…, R]``.
    """

    means: Tensor
    level: Tensor
    gram: Tensor
    cross: Tensor
    square: Tensor

    def lasso(self, strength: Tensor, degrees: Tensor) -> tuple[Tensor, Tensor]:
        """The lasso's coefficients of several degrees, and their duality gaps.

        Args:
            strength: λ, broadcast against ``[…, R, D]``.
            degrees: int64 ``[D]``.

        Returns:
            ``[…, R, D, p + 1]``, the constant first, and ``[…, R, D]``.
        """
        p = self.gram.shape[-1]
        shape = (*self.square.shape, len(degrees))
        level = self.level.unsqueeze(-1).expand(*shape, 1)
        if p == 0:
            return level, level.new_zeros(shape)
        allowed = torch.arange(1, p + 1) <= degrees.unsqueeze(-1)
        solved = lasso(
            self.gram[..., None, None, :, :].expand(*shape, p, p).reshape(-1, p, p),
            self.cross.unsqueeze(-2).expand(*shape, p).reshape(-1, p),
            self.square.unsqueeze(-1).expand(shape).reshape(-1),
            strength.expand(shape).reshape(-1),
            allowed.expand(*shape, p).reshape(-1, p),
        )
        weights = solved.weights.reshape(*shape, p)
        constant = level - (weights * self.means.unsqueeze(-3)).sum(-1, keepdim=True)
        return torch.cat([constant, weights], dim=-1), solved.gap.reshape(shape)


def moments_of(features: Tensor, targets: Tensor) -> Moments:
    """The moments of points.

    Args:
        features: ``[…, n, p + 1]``, the first column constant.
        targets: ``[…, R, n]``.
    """
    n = features.shape[-2]
    means = features[..., 1:].mean(-2, keepdim=True)
    level = targets.mean(-1, keepdim=True)
    columns, wanted = features[..., 1:] - means, targets - level
    return Moments(
        means, level, columns.mT @ columns / n, wanted @ columns / n, wanted.square().mean(-1)
    )
