"""Networks of one's own that take images: over pixels, their weights and what their layers give."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from mlcore.core import InputError
from mlcore.core.image_input import image_shape
from mlcore.mnist.insight.layer_activations import activations
from mlcore.mnist.insight.pixels import OnPixels, Picture, as_pixels
from mlcore.mnist.insight.predict import Answer
from mlcore.mnist.insight.weights import Matrix, matrix_of

if TYPE_CHECKING:
    from mlcore.core import Config

CLASSES: Final = 64
"""Outputs of a network at most."""

_SAME: Final = ("Flatten", "Unflatten", "Dropout", "Identity")
"""Layers that at rest hand on the numbers they are given."""


class OwnNetwork(OnPixels):
    """A network of one's own over pixels: 0 to 1 ``[N, 28, 28]`` → ``[N, classes]``.

    Args:
        model: The network, in eval mode.
        to_input: From pixels to what it takes, such as ``Config.image_input``.
        classes: Names of its classes; empty: they are numbered.

    Attributes:
        classes: Names of its classes.

    Raises:
        InputError: If the network fails on an image, does not return one number a class, has more
            than ``CLASSES``, or another number of them than of names.
    """

    def __init__(
        self, model: nn.Module, to_input: Callable[[Tensor], Any], classes: tuple[str, ...] = ()
    ) -> None:
        super().__init__(model, 0.0, 1.0)
        self.to_input = to_input
        try:
            with torch.no_grad():
                outputs = self(as_pixels(torch.zeros(2, 28, 28), self))
        except InputError:
            raise
        except Exception as error:  # a network of one's own may raise anything
            said = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise InputError(f"The network failed on an image: {said}") from error
        if outputs.ndim != 2 or len(outputs) != 2:
            raise InputError(
                f"For 2 images the network returned the shape {tuple(outputs.shape)}, but must "
                "return [2, classes]."
            )
        count = outputs.shape[1]
        if not 2 <= count <= CLASSES:
            raise InputError(
                f"The network has {count:,} outputs for an image, but must have 2 to {CLASSES}: "
                "one a class."
            )
        if classes and len(classes) != count:
            raise InputError(
                f"class_names has {len(classes)} names, but the network has {count} outputs."
            )
        self.classes = classes or tuple(map(str, range(count)))

    def forward(self, pixels: Tensor) -> Tensor:
        """Outputs, one per class; the first tensor, if the network returns several."""
        found = self.model(self.to_input(pixels))
        found = found[0] if isinstance(found, (tuple, list)) and found else found
        if not isinstance(found, Tensor):
            raise InputError(
                f"The network returned a {type(found).__name__}, but must return a tensor "
                "[N, classes]."
            )
        return found

    def answer(self, picture: Picture) -> Answer:
        """Its prediction for one image."""
        with torch.inference_mode():
            outputs = self(as_pixels(picture, self)[:1]).float()
        chances = self.probabilities(outputs)
        return Answer(int(outputs.argmax()), outputs[0].numpy(), chances[0].numpy())

    def probabilities(self, outputs: Tensor) -> Tensor:
        """The outputs themselves where they are probabilities, else their softmax."""
        sums = outputs.sum(dim=1)
        alone = bool((outputs >= 0).all()) and bool(
            torch.isclose(sums, torch.ones(()), atol=1e-4).all()
        )
        return outputs if alone else outputs.softmax(dim=1)


def own_network(config: Config, model: nn.Module) -> OwnNetwork:
    """The network of an experiment of one's own over pixels, in eval mode; weights are shared.

    Args:
        config: Says what the network takes (``example_input``, ``image_input``), and its
            ``class_names``.
        model: Its network, such as ``run.model()``.

    Raises:
        InputError: If it takes no images, or is no classifier of them: see ``OwnNetwork``.

    Example:
        >>> import mlcore, torch
        >>> from mlcore.mnist import insight
        >>> class Own(mlcore.Config):
        ...     experiment = "own"
        ...     def example_input(self):
        ...         return torch.zeros(1, 1, 28, 28)
        >>> model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 3))
        >>> insight.own_network(Own(), model).answer(torch.zeros(28, 28)).probabilities.shape
        (3,)
    """
    return OwnNetwork(model.eval(), config.image_input, config.class_names())


def weight_tiles(model: nn.Module, example: object = None) -> tuple[Matrix, ...]:
    """The weights of every linear and two-dimensional convolutional layer of any network.

    Tiles are those of ``matrices``; a convolution for each pair of channels. The first layer's
    units are shown as images where it is linear and takes 784 numbers.

    Args:
        model: Any module.
        example: What it takes, see ``image_shape``.

    Example:
        >>> import mlcore, torch
        >>> model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 3))
        >>> example = torch.zeros(1, 28, 28)
        >>> [(m.name, m.tiles.shape) for m in mlcore.mnist.insight.weight_tiles(model, example)]
        [('1', (3, 28, 28))]
    """
    takes_pixels = image_shape(example) == (1, 28, 28)
    found: list[Matrix] = []
    for name, layer in model.named_modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            weight, first = layer.weight.detach(), takes_pixels and not found
            found.append(matrix_of(name or "(model)", layer, weight, sees_pixels=first))
    return tuple(found)


def output_maps(network: OwnNetwork, picture: Picture) -> tuple[Matrix, ...]:
    """What every innermost layer returns for one image: a tile per channel, or one for a matrix.

    Args:
        network: Over pixels, see ``own_network``.
        picture: One picture.

    Example:
        >>> import torch
        >>> from mlcore.mnist import insight
        >>> model = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.Flatten(),
        ...     torch.nn.Linear(2 * 26 * 26, 3))
        >>> network = insight.OwnNetwork(model.eval(), lambda pixels: pixels[:, None])
        >>> maps = insight.output_maps(network, torch.zeros(28, 28))
        >>> print([(each.name, each.tiles.shape) for each in maps])
        [('0', (2, 26, 26)), ('2', (1, 1, 3))]
    """
    found: dict[str, Matrix] = {}
    for one in activations(network, picture):
        if one.kind in _SAME or one.values.ndim > 3:
            continue
        values = one.values if one.values.ndim == 3 else np.atleast_2d(one.values)[None]
        channels = len(values) if one.values.ndim == 3 else 0
        name, again = one.name or "(model)", 1
        while name in found:  # called once more
            again += 1
            name = f"{one.name or '(model)'}, call {again}"
        found[name] = Matrix(
            name=name,
            kind=one.kind,
            shape=one.values.shape,
            tiles=values,
            labels=tuple(f"channel {c}" for c in range(channels)) or ("all units",),
            meaning="places in the image" if channels else "units",
        )
    return tuple(found.values())
