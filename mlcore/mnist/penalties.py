"""L1 and L2 penalties on the weights, as parts of the gradient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from mlcore.mnist.config import MNISTConfig


def add_penalties(
    config: MNISTConfig, parameters: Sequence[Tensor], gradients: Sequence[Tensor]
) -> None:
    """Add the gradient of l1·Σ|w| + l2/2·Σw² to the gradients of the loss, in place.

    The sums are over weights; biases and the scales of normalization, which have one dimension,
    are left alone (Goodfellow, Bengio and Courville, *Deep Learning*, 2016, section 7.1). As part
    of the gradient a penalty goes through the optimizer: Adam divides it by its running scale,
    as it does not divide the decoupled weight decay of AdamW (Loshchilov and Hutter, 2019).

    Args:
        config: Its ``l1`` and ``l2`` decide.
        parameters: Of a network.
        gradients: Of the loss, one for each parameter.

    Example:
        >>> import mlcore, torch
        >>> from mlcore.mnist.penalties import add_penalties
        >>> w, g = torch.tensor([[2.0, -4.0]]), torch.zeros(1, 2)
        >>> add_penalties(mlcore.MNISTConfig(l1=0.1, l2=0.5), [w], [g])
        >>> print([round(value, 4) for value in g[0].tolist()])
        [1.1, -2.1]
    """
    if not (config.l1 or config.l2):
        return
    with torch.no_grad():
        for parameter, gradient in zip(parameters, gradients, strict=True):
            if parameter.ndim < 2:
                continue
            if config.l2:
                gradient.add_(parameter, alpha=config.l2)
            if config.l1:
                gradient.add_(parameter.sign(), alpha=config.l1)


def add_stacked_penalties(
    configs: Sequence[MNISTConfig], parameters: Sequence[Tensor], gradients: Sequence[Tensor]
) -> None:
    """``add_penalties`` for the stacked parameters ``[K, …]`` of an ensemble of K members."""
    for name in ("l2", "l1"):
        strengths = [getattr(config, name) for config in configs]
        if not any(strengths):
            continue
        with torch.no_grad():
            for stack, gradient in zip(parameters, gradients, strict=True):
                if stack.ndim < 3:
                    continue
                factor = torch.tensor(strengths, dtype=stack.dtype, device=stack.device)
                factor = factor.view(-1, *(1,) * (stack.ndim - 1))
                gradient.addcmul_(stack if name == "l2" else stack.sign(), factor)
