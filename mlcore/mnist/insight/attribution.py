"""Pixel attributions of a class's logit: saliency and integrated gradients."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mlcore.mnist.insight.pixels import Picture, answer_of, as_pixels

CHUNK: Final = 256
"""Pictures that pass a network at once."""
_QUICK: Final = 512
"""Parts of a path that are taken in the network's own dtype."""
_ROUNDING: Final = 1e-6
"""Outputs that differ by less are the same but for rounding."""


@dataclass(frozen=True, slots=True, eq=False)
class Saliency:
    """The gradient of a class's logit with respect to each pixel.

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
    """Each pixel's part of the change of a class's logit from a baseline to the image.

    Attributes:
        label: The class, from 0.
        score: Its raw output for the picture.
        baseline_score: Its raw output for the baseline.
        values: ``[28, 28]``: the pixels' parts, which sum to ``score − baseline_score``.
        steps: Parts of the path, with the gradient taken in the middle of each.
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
        """Sum of all pixels' parts; by completeness it equals the gain."""
        return float(self.values.sum())

    @property
    def error(self) -> float:
        """Relative error of completeness: ``|total − gain| / |gain|`` where there is a gain."""
        return abs(self.total - self.gain) / max(abs(self.gain), _ROUNDING)


def saliency(model: nn.Module, picture: Picture, label: int | None = None) -> Saliency:
    """Gradient of a class's logit with respect to the pixels.

    Source: Simonyan, Vedaldi, Zisserman, *Deep Inside Convolutional Networks*, 2013, section 3.

    Args:
        model: On pixels from 0 to 1 (``on_pixels``), in eval mode.
        picture: One picture.
        label: The class; by default the one with the largest output.

    Example:
        >>> import mlcore
        >>> from mlcore.mnist import insight
        >>> digits = mlcore.mnist.load("mnist")
        >>> network = insight.on_pixels(mlcore.mnist.build_model(mlcore.MNISTConfig()), digits)
        >>> result = insight.saliency(network, digits.test_images[0].numpy(), label=7)
        >>> print(result.label, result.gradient.shape)
        7 (28, 28)
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
    tolerance: float = 0.01,
    steps: int = 32,
    most: int = 2048,
) -> Attribution:
    """(x − x₀) ⊙ ∫₀¹ ∇F(x₀ + t·(x − x₀)) dt, by an adaptive midpoint rule.

    Source: Sundararajan, Taly, Yan, *Axiomatic Attribution for Deep Networks*, ICML 2017,
    equation 1; completeness is its proposition 1. It holds on every part of the path too, which
    tells how far each part's midpoint misses: the parts that miss too much are halved. A network
    with instance normalization, say, turns within a thousandth of the way from a black picture.
    There float32 is too coarse: where it does not come to an end in 512 parts, float64 takes over.

    Args:
        model: On pixels from 0 to 1 (``on_pixels``), in eval mode.
        picture: One picture, x.
        label: The class whose raw output is F; by default the one with the largest.
        baseline: x₀; by default black.
        tolerance: Parts are halved until their misses sum to no more of F(x) − F(x₀).
        steps: Parts of the path at first.
        most: Parts at most, whatever the tolerance.

    Example:
        >>> import mlcore
        >>> from mlcore.mnist import insight
        >>> digits = mlcore.mnist.load("mnist")
        >>> model = mlcore.mnist.build_model(mlcore.MNISTConfig(hidden=(8,)))
        >>> network = insight.on_pixels(model, digits)
        >>> result = insight.integrated_gradients(network, digits.test_images[0].numpy(), label=7)
        >>> print(result.values.shape, abs(result.total - result.gain) <= 0.01 * abs(result.gain))
        (28, 28) True
    """
    end = as_pixels(picture, model)
    start = torch.zeros_like(end) if baseline is None else as_pixels(baseline, model)
    label = answer_of(model, end) if label is None else label
    found = _integrated(
        _Path(model, start[0], end[0], label), label, tolerance, steps, min(most, _QUICK)
    )
    if found.error <= tolerance or found.steps >= most:
        return found
    exact = copy.deepcopy(model).double()
    path = _Path(exact, start[0].double(), end[0].double(), label)
    return _integrated(path, label, tolerance, steps, most)


def _integrated(path: _Path, label: int, tolerance: float, steps: int, most: int) -> Attribution:
    edges = torch.linspace(0, 1, steps + 1, dtype=torch.float64)
    low, high = edges[:-1], edges[1:]
    scores = path.scores(edges)
    before, after = scores[:-1], scores[1:]
    middle, parts = path.parts(low, high)
    allowed = max(tolerance * abs(float(scores[-1] - scores[0])), _ROUNDING)
    while len(low) < most:
        misses = (parts.sum(dim=(1, 2)) - (after - before)).abs()
        if misses.sum() <= allowed:
            break
        worst = misses.argsort(descending=True)[: most - len(low)]
        worst = worst[misses[worst] > allowed / (2 * len(low))]
        good = torch.ones(len(low), dtype=torch.bool)
        good[worst] = False
        halves = (low + high)[worst] / 2
        new_low, new_high = torch.cat([low[worst], halves]), torch.cat([halves, high[worst]])
        new_before = torch.cat([before[worst], middle[worst]])
        new_after = torch.cat([middle[worst], after[worst]])
        new_middle, new_parts = path.parts(new_low, new_high)
        low, high = torch.cat([low[good], new_low]), torch.cat([high[good], new_high])
        before = torch.cat([before[good], new_before])
        after = torch.cat([after[good], new_after])
        middle = torch.cat([middle[good], new_middle])
        parts = torch.cat([parts[good], new_parts])
    values = _array(parts.sum(dim=0))
    return Attribution(label, float(scores[-1]), float(scores[0]), values, len(low))


class _Path:
    """The straight line from one image to another, evaluated at one output of a network."""

    def __init__(self, model: nn.Module, start: Tensor, end: Tensor, label: int) -> None:
        self._model, self._start, self._way, self._label = model, start, end - start, label

    def scores(self, at: Tensor) -> Tensor:
        """F at fractions of the line, float64 ``[N]``."""
        with torch.no_grad():
            parts = [self._model(self._pictures(part)) for part in torch.split(at, CHUNK)]
        return torch.cat(parts)[:, self._label].double()

    def parts(self, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        """F at the midpoints of intervals ``[N]``, and each pixel's part there ``[N, 28, 28]``."""
        scores, slopes = [], []
        for part in torch.split((low + high) / 2, CHUNK):
            score, slope = _scores_and_gradients(self._model, self._pictures(part), self._label)
            scores.append(score.double())
            slopes.append(slope.double())
        along = self._way.double() * (high - low)[:, None, None]
        return torch.cat(scores), torch.cat(slopes) * along

    def _pictures(self, at: Tensor) -> Tensor:
        return self._start + at.to(self._way.dtype)[:, None, None] * self._way


def difference_quotients(
    model: nn.Module,
    picture: Picture,
    label: int,
    places: Sequence[tuple[int, int]],
    h: float = 1e-6,
) -> NDArray[np.float64]:
    """∂score/∂pixel without autograd, in float64: the slopes to both sides of each pixel.

    Where they differ the output has a kink, such as a tie in max pooling, and autograd gives the
    slope of one of the pieces that meet there.

    Args:
        model: On pixels from 0 to 1; a copy of it computes.
        picture: One picture, x.
        label: The class whose raw output is F.
        places: (row, column) of K pixels, from 0.
        h: How far a pixel is moved; it may leave 0 to 1 by that.

    Returns:
        ``[K, 2]``: (F(x) − F(x − h)) / h and (F(x + h) − F(x)) / h.

    Example:
        >>> import mlcore
        >>> from mlcore.mnist import insight
        >>> digits = mlcore.mnist.load("mnist")
        >>> network = insight.on_pixels(mlcore.mnist.build_model(mlcore.MNISTConfig()), digits)
        >>> places = [(14, 14), (9, 9)]
        >>> slopes = insight.difference_quotients(network, digits.test_images[0].numpy(), 7, places)
        >>> print(slopes.shape)
        (2, 2)
    """
    exact = copy.deepcopy(model).double()
    here = as_pixels(picture, exact)[:1]
    moved = here.repeat(2 * len(places) + 1, 1, 1)
    for number, (row, column) in enumerate(places):
        moved[2 * number, row, column] -= h
        moved[2 * number + 1, row, column] += h
    with torch.no_grad():
        scores = torch.cat([exact(part) for part in torch.split(moved, CHUNK)])[:, label]
    below, above, middle = scores[:-1:2], scores[1:-1:2], scores[-1]
    return torch.stack([middle - below, above - middle], dim=1).numpy() / h


def _scores_and_gradients(model: nn.Module, pixels: Tensor, label: int) -> tuple[Tensor, Tensor]:
    """One class's logits ``[N]`` and their gradients ``[N, 28, 28]``, image by image."""
    with torch.enable_grad():
        asked = pixels.detach().clone().requires_grad_()
        scores = model(asked)[:, label]
        (gradients,) = torch.autograd.grad(scores.sum(), asked)
    return scores.detach(), gradients


def _array(values: Tensor) -> NDArray[np.float64]:
    return np.asarray(values.double().numpy())
