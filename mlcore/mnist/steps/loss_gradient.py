"""The losses of ``mlcore.mnist.losses`` with their gradients by hand.

They take outputs as ``[…, classes, N]``, the images last: torch's softmax over ten numbers that lie
side by side takes several times as long as over ten rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from mlcore.mnist.config import MNISTConfig


class LossGradient:
    """The loss of a config, for one network or several.

    Args:
        config: Its ``loss`` decides.
        smoothing: ``label_smoothing``; of K networks a tensor ``[K, 1, 1]``.
        dtype: Of the outputs.
        across: Whether the outputs are a transposed view of ``[N, classes]``.
    """

    def __init__(
        self,
        config: MNISTConfig,
        smoothing: float | Tensor,
        dtype: torch.dtype,
        *,
        across: bool = False,
    ) -> None:
        self._squares = config.loss == "mse"
        self._hot = torch.eye(config.num_classes(), dtype=dtype)
        smooth = bool(torch.as_tensor(smoothing).any())
        self._smoothing = smoothing if smooth else None
        self._across = across

    def targets(self, labels: Tensor) -> Tensor:
        """What the outputs of images with labels ``[…, N]`` should be, ``[…, classes, N]``.

        One-hot, smoothed if the loss does so, which makes them ``[K, classes, N]`` for K networks.
        """
        if self._squares and self._across:  # in the layout of the outputs
            return self._hot.index_select(0, labels).t()
        targets = self._hot.index_select(1, labels.view(-1))
        if labels.ndim > 1:
            targets = targets.view(-1, *labels.shape).movedim(0, -2)
        if self._smoothing is None:
            return targets
        return targets * (1 - self._smoothing) + self._smoothing / len(self._hot)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The mean over the images: a scalar, or one of each network ``[K]``."""
        classes, rows = outputs.shape[-2:]
        if self._squares:
            norm: Tensor = torch.linalg.vector_norm(outputs - targets, dim=(-2, -1))
            return norm.square_().div_(classes * rows)
        return outputs.log_softmax(dim=-2).mul_(targets).sum(dim=(-2, -1)).div_(-rows)

    def gradient(self, outputs: Tensor, targets: Tensor, share: float = 1.0) -> Tensor:
        """∂ of ``share`` times the loss by the outputs, which are overwritten."""
        classes, rows = outputs.shape[-2:]
        if self._squares:
            return outputs.sub_(targets).mul_(2 * share / (classes * rows))
        return outputs.softmax(dim=-2).sub_(targets).mul_(share / rows)
