"""Softmax and three losses of logits: values and gradients, by autograd and in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import torch
from torch import Tensor
from torch.nn import functional

from mlcore.layers.differences import largest_difference

LossName = Literal["squared_raw", "squared_softmax", "cross_entropy"]
LOSS_TITLES: Final[dict[LossName, str]] = {
    "squared_raw": "squared distance of the logits",
    "squared_softmax": "squared distance of the softmax",
    "cross_entropy": "cross-entropy",
}


@dataclass(frozen=True, slots=True, eq=False)
class Softmaxed:
    """Logits and their probabilities.

    Attributes:
        output: ``torch.softmax(logits / temperature)``, ``[…, K]``.
        by_hand: e^{z/T} / Σ e^{z/T}.
        entropy: −Σ p ln p in nats, ``[…]``.
        max_difference: The largest |output − by_hand|.
    """

    output: Tensor
    by_hand: Tensor
    entropy: Tensor
    max_difference: float


@dataclass(frozen=True, slots=True, eq=False)
class LogitLoss:
    """One loss of a batch of logits against one label.

    Attributes:
        name: Which loss.
        value: ``[B]``: by torch.
        value_by_hand: ``[B]``: in closed form.
        gradient: ``[B, K]``: with respect to each logit, by autograd.
        gradient_by_hand: ``[B, K]``: in closed form.
        max_difference: The largest difference of both pairs.
    """

    name: LossName
    value: Tensor
    value_by_hand: Tensor
    gradient: Tensor
    gradient_by_hand: Tensor
    max_difference: float


def softmax(logits: Tensor, temperature: float = 1.0) -> Softmaxed:
    """The softmax of logits; a temperature above 1 flattens it, below 1 sharpens it.

    Args:
        logits: ``[…, K]``.
        temperature: T, above 0.

    Raises:
        ValueError: If the temperature is not above 0.

    Example:
        >>> import math, mlcore, torch
        >>> result = mlcore.layers.softmax(torch.tensor([0.0, math.log(3)], dtype=torch.float64))
        >>> print(result.output)
        tensor([0.2500, 0.7500], dtype=torch.float64)
    """
    if not temperature > 0:
        raise ValueError(f"temperature is {temperature}, but must be above 0.")
    output = torch.softmax(logits / temperature, dim=-1)
    powers = torch.exp((logits - logits.amax(-1, keepdim=True)) / temperature)
    by_hand = powers / powers.sum(-1, keepdim=True)
    entropy = torch.special.entr(output).sum(-1)
    return Softmaxed(output, by_hand, entropy, largest_difference((output, by_hand)))


def logit_loss(name: LossName, logits: Tensor, label: int) -> LogitLoss:
    """One loss and its gradient with respect to every logit.

    With y the one-hot label and p the softmax of the logits z, K classes:

    - ``squared_raw``: Σ (z − y)² / K, gradient 2(z − y)/K.
    - ``squared_softmax``: Σ (p − y)² / K, gradient 2p·(p − y − Σ p(p − y))/K, which is 0 wherever
      p is 0 or 1: flat for a confidently wrong answer as for a right one.
    - ``cross_entropy``: −ln p[label], gradient p − y.

    Args:
        name: Which loss.
        logits: ``[B, K]``.
        label: The right class, from 0.

    Example:
        >>> import mlcore, torch
        >>> result = mlcore.layers.logit_loss("cross_entropy", torch.zeros(1, 4), label=2)
        >>> print(result.value, result.gradient)
        tensor([1.3863]) tensor([[ 0.2500,  0.2500, -0.7500,  0.2500]])
    """
    batch, classes = logits.shape
    leaf = logits.detach().clone().requires_grad_()
    y = functional.one_hot(torch.full((batch,), label), classes).to(logits.dtype)
    value = _by_torch(name, leaf, y)
    (gradient,) = torch.autograd.grad(value.sum(), leaf)
    with torch.no_grad():
        z = logits.detach()
        p = softmax(z).by_hand
        match name:
            case "squared_raw":
                value_by_hand = ((z - y) ** 2).sum(1) / classes
                by_hand = 2 * (z - y) / classes
            case "squared_softmax":
                miss = p - y
                value_by_hand = (miss**2).sum(1) / classes
                by_hand = 2 * p * (miss - (p * miss).sum(1, keepdim=True)) / classes
            case "cross_entropy":
                top = z.amax(1)
                value_by_hand = top + (z - top[:, None]).exp().sum(1).log() - z[:, label]
                by_hand = p - y
        value = value.detach()
        gap = largest_difference((value, value_by_hand), (gradient, by_hand))
    return LogitLoss(name, value, value_by_hand, gradient, by_hand, gap)


def _by_torch(name: LossName, z: Tensor, y: Tensor) -> Tensor:
    match name:
        case "squared_raw":
            return functional.mse_loss(z, y, reduction="none").mean(1)
        case "squared_softmax":
            return functional.mse_loss(z.softmax(1), y, reduction="none").mean(1)
        case "cross_entropy":
            return functional.cross_entropy(z, y.argmax(1), reduction="none")
