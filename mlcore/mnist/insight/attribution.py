"""Which pixels a class's output hangs on: its gradient there, and its gradients along a path."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mlcore.mnist.insight.pixels import Picture, answer_of, as_pixels

CHUNK: Final = 256
"""Pictures that pass a network at once."""


@dataclass(frozen=True, slots=True, eq=False)
class Saliency:
    """How a class's output moves with each pixel.

    Attributes:
        label: The class, from 0.
        score: Its raw output for the picture.
        gradient: ``[28, 28]``: ∂score/∂pixel, with pixels from 0 to 1.
    """

    label: int
    score: float
    gradient: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Attribution:
    """What each pixel adds to a class's output on the way from a baseline to the picture.

    Attributes:
        label: The class, from 0.
        score: Its raw output for the picture.
        baseline_score: Its raw output for the baseline.
        values: ``[28, 28]``: the pixels' parts, which sum to ``score − baseline_score``.
        steps: Points of the path at which the gradient was taken.
    """

    label: int
    score: float
    baseline_score: float
    values: NDArray[np.float64]
    steps: int

    @property
    def gain(self) -> float:
        """``score − baseline_score``."""
        return self.score - self.baseline_score

    @property
    def total(self) -> float:
        """Sum of all pixels' parts; completeness says that it is the gain."""
        return float(self.values.sum())

    @property
    def error(self) -> float:
        """How far completeness is missed: ``|total − gain| / |gain|``."""
        if self.gain == 0:
            return 0.0 if self.total == 0 else math.inf
        return abs(self.total - self.gain) / abs(self.gain)


def saliency(model: nn.Module, picture: Picture, label: int | None = None) -> Saliency:
    """Gradient of a class's raw output with respect to the pixels.

    Source: Simonyan, Vedaldi, Zisserman, *Deep Inside Convolutional Networks*, 2013, section 3.

    Args:
        model: On pixels from 0 to 1 (``on_pixels``), in eval mode.
        picture: One picture.
        label: The class; by default the one with the largest output.
    """
    pixels = as_pixels(picture, model)
    label = answer_of(model, pixels) if label is None else label
    scores, gradients = _scores_and_gradients(model, pixels, label)
    return Saliency(label, float(scores[0]), _array(gradients[0]))


def integrated_gradients(
    model: nn.Module,
    picture: Picture,
    label: int | None = None,
    *,
    baseline: Picture | None = None,
    tolerance: float = 0.005,
    steps: int = 32,
    most: int = 4096,
) -> Attribution:
    """(x − x₀) ⊙ ∫₀¹ ∇F(x₀ + t·(x − x₀)) dt, by the midpoint rule.

    Source: Sundararajan, Taly, Yan, *Axiomatic Attribution for Deep Networks*, ICML 2017,
    equation 1; completeness is its proposition 1.

    Args:
        model: On pixels from 0 to 1 (``on_pixels``), in eval mode.
        picture: One picture, x.
        label: The class whose raw output is F; by default the one with the largest.
        baseline: x₀; by default black.
        tolerance: The number of points is doubled until completeness is missed by no more.
        steps: Points of the path at first.
        most: Points at most, whatever the tolerance.
    """
    end = as_pixels(picture, model)
    start = torch.zeros_like(end) if baseline is None else as_pixels(baseline, model)
    label = answer_of(model, end) if label is None else label
    with torch.no_grad():
        first, last = (float(model(x)[0, label]) for x in (start, end))
    while True:
        along = (torch.arange(steps, dtype=end.dtype) + 0.5) / steps
        path = start + along[:, None, None] * (end - start)
        mean = sum(
            _scores_and_gradients(model, part, label)[1].double().sum(dim=0)
            for part in path.split(CHUNK)
        )
        values = _array((end - start)[0].double() * mean / steps)
        found = Attribution(label, last, first, values, steps)
        if found.error <= tolerance or steps * 2 > most:
            return found
        steps *= 2


def central_difference(
    model: nn.Module, picture: Picture, label: int, row: int, column: int, h: float = 1e-6
) -> float:
    """∂score/∂pixel of one pixel without autograd: (F(x + h) − F(x − h)) / 2h in float64.

    Args:
        model: On pixels from 0 to 1; a copy of it computes.
        picture: One picture.
        label: The class.
        row: Of the pixel, from 0.
        column: Of the pixel, from 0.
        h: Half the distance of the two points; a pixel may leave 0 to 1 by it.
    """
    exact = copy.deepcopy(model).double()
    pair = as_pixels(picture, exact).repeat(2, 1, 1)
    pair[0, row, column] += h
    pair[1, row, column] -= h
    with torch.no_grad():
        above, below = exact(pair)[:, label]
    return float(above - below) / (2 * h)


def _scores_and_gradients(model: nn.Module, pixels: Tensor, label: int) -> tuple[Tensor, Tensor]:
    """One class's outputs ``[N]`` and their gradients ``[N, 28, 28]``, picture by picture."""
    with torch.enable_grad():
        asked = pixels.detach().clone().requires_grad_()
        scores = model(asked)[:, label]
        (gradients,) = torch.autograd.grad(scores.sum(), asked)
    return scores.detach(), gradients


def _array(values: Tensor) -> NDArray[np.float64]:
    return np.asarray(values.double().numpy())
