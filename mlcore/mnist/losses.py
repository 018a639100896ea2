"""The two losses, and class probabilities from raw outputs under each."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

if TYPE_CHECKING:
    from mlcore.mnist.config import MNISTConfig

Loss = Callable[[Tensor, Tensor], Tensor]


def targets_for(config: MNISTConfig, labels: Tensor) -> Tensor:
    """The targets that the loss compares outputs with.

    Args:
        config: Its ``loss`` decides.
        labels: int64 ``[N]``.

    Returns:
        ``mse``: one-hot float32 ``[N, classes]``. ``cross_entropy``: the labels themselves.
    """
    if config.loss == "mse":
        return functional.one_hot(labels, config.num_classes()).float()
    return labels


def loss_for(config: MNISTConfig) -> Loss:
    """The loss as a function of raw outputs ``[N, classes]`` and targets, a mean over the batch.

    ``mse``: Σ (outputs − one-hot)² / (N · classes), as ``torch.nn.functional.mse_loss``.
    ``cross_entropy``: −(1/N) Σ q · log softmax(outputs), where q is the one-hot label, of which
    ``label_smoothing`` is spread evenly over all classes.
    """
    if config.loss == "mse":
        return functional.mse_loss
    return functools.partial(functional.cross_entropy, label_smoothing=config.label_smoothing)


def probabilities(config: MNISTConfig, outputs: Tensor) -> Tensor:
    """Class probabilities from raw outputs: numbers from 0 to 1 with sum 1.

    Under cross-entropy that is the softmax. Under squared error the outputs themselves estimate
    the probabilities (the minimizer is the conditional mean of the one-hot label), so they are
    moved to the nearest vector of probabilities, which keeps their order.

    Args:
        config: Its ``loss`` decides.
        outputs: ``[N, classes]``.

    Returns:
        float32 ``[N, classes]``.
    """
    if config.loss == "cross_entropy":
        return outputs.float().softmax(dim=1)
    return nearest_probabilities(outputs.float())


def nearest_probabilities(values: Tensor) -> Tensor:
    """Euclidean projection of each row onto the probability simplex.

    Source: Duchi, Shalev-Shwartz, Singer and Chandra, "Efficient Projections onto the ℓ1-Ball
    for Learning in High Dimensions", ICML 2008, figure 1.
    """
    falling = values.sort(dim=1, descending=True).values
    excess = falling.cumsum(dim=1) - 1.0
    counts = torch.arange(1, values.shape[1] + 1, device=values.device)
    support = (falling * counts > excess).sum(dim=1, keepdim=True).clamp(min=1)
    return (values - excess.gather(1, support - 1) / support).clamp(min=0.0)
