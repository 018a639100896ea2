"""Nearest neighbours of an image in a network's last hidden layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mlcore.mnist.insight.pixels import Picture, as_pixels, as_tensor, twin

Metric = Literal["euclidean", "cosine"]

_CHUNK: Final = 1000
_SLACK: Final = 1e-4
"""How much farther, in float32, a row may seem whose distance is taken again in float64."""


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """The nearest rows, the nearest first.

    Attributes:
        places: int64 ``[K]``: their places among the many.
        distances: float64 ``[K]``: Euclidean, or 1 − cosine.
    """

    places: NDArray[np.int64]
    distances: NDArray[np.float64]


def features(model: nn.Module, pictures: Picture, *, chunk: int = _CHUNK) -> Tensor:
    """The input of the last linear layer, recorded by a forward hook.

    Args:
        model: On pixels from 0 to 1 (``on_pixels``), in eval mode.
        pictures: One or many; many pass in chunks.
        chunk: Pictures that pass at once.

    Returns:
        float32 ``[N, units]``: the last hidden layer; of a network without one, the pixels it
        was given.

    Raises:
        ValueError: If the network has no linear layer.

    Example:
        >>> import mlcore
        >>> from mlcore.mnist import insight
        >>> digits = mlcore.mnist.load("mnist")
        >>> network = insight.on_pixels(mlcore.mnist.build_model(mlcore.MNISTConfig()), digits)
        >>> insight.features(network, digits.test_images[:5].numpy()).shape
        torch.Size([5, 64])
    """
    hooked = twin(model)
    layers = [layer for layer in hooked.modules() if isinstance(layer, nn.Linear)]
    if not layers:
        raise ValueError("The network has no linear layer, so no last hidden layer to look into.")
    seen: list[Tensor] = []
    layers[-1].register_forward_pre_hook(
        lambda _layer, given: seen.append(given[0].detach().float())
    )
    many = as_tensor(pictures)
    with torch.no_grad():
        for part in torch.split(many[None] if many.ndim == 2 else many, chunk):
            hooked(as_pixels(part, model))
    return torch.cat(seen)


def nearest(
    gallery: Tensor, query: Tensor, count: int = 12, metric: Metric = "euclidean"
) -> Neighbours:
    """The rows of a matrix nearest to a vector; of equal distances, the earlier.

    Args:
        gallery: float32 ``[N, units]``, see ``features``.
        query: ``[units]``.
        count: How many to find, at most N.
        metric: ``euclidean``: √Σ(a − b)². ``cosine``: 1 − a·b / (|a|·|b|), and 1 where a vector
            is zero.

    Raises:
        ValueError: If the widths differ or the count is not in 1 to N.

    Example:
        >>> import mlcore, torch
        >>> gallery = torch.tensor([[0.0, 0.0], [3.0, 4.0], [1.0, 0.0]])
        >>> found = mlcore.mnist.insight.nearest(gallery, torch.zeros(2), count=2)
        >>> print(found.places.tolist(), found.distances.tolist())
        [0, 2] [0.0, 1.0]
    """
    if gallery.ndim != 2 or query.shape != gallery.shape[1:]:
        raise ValueError(
            f"The query has the shape {tuple(query.shape)}, but the rows it is compared with have "
            f"{tuple(gallery.shape[1:])}."
        )
    if not 1 <= count <= len(gallery):
        raise ValueError(f"{count} neighbours were asked for, but there are 1 to {len(gallery)}.")
    parts = torch.split(gallery, 10 * _CHUNK)
    rough = torch.cat([_distances(part, query, metric) for part in parts])
    farthest = rough.kthvalue(count).values
    some = (rough <= farthest * (1 + _SLACK) + _SLACK / 10).nonzero()[:, 0]
    exact = _distances(gallery[some].double(), query.double(), metric)
    order = exact.argsort(stable=True)[:count]
    return Neighbours(some[order].numpy(), exact[order].numpy())


def _distances(rows: Tensor, query: Tensor, metric: Metric) -> Tensor:
    if metric == "euclidean":
        distances: Tensor = torch.linalg.vector_norm(rows - query, dim=1)
        return distances
    norms = torch.linalg.vector_norm(rows, dim=1) * torch.linalg.vector_norm(query)
    cosine = torch.mv(rows, query) / norms.clamp(min=torch.finfo(rows.dtype).tiny)
    return torch.rsub(cosine.clamp(-1, 1), 1)
