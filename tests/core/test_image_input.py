"""What counts as a small image, and grey pixels brought into its shape."""

import pytest
import torch
from torch.nn import functional

from mlcore.core import InputError
from mlcore.core.image_input import image_shape, shaped_like


@pytest.mark.parametrize(
    ("shape", "known"),
    [
        ((1, 1, 28, 28), (1, 28, 28)),
        ((1, 3, 32, 16), (3, 32, 16)),
        ((1, 28, 28), (1, 28, 28)),
        ((1, 784), (1, 28, 28)),
        ((1, 4), None),
        ((2, 1, 28, 28), None),
        ((1, 2, 28, 28), None),
        ((1, 3, 224, 224), None),
        ((1, 1, 4, 28), None),
        ((), None),
    ],
)
def test_shapes_of_small_images(shape: tuple[int, ...], known: tuple[int, int, int] | None) -> None:
    assert image_shape(torch.zeros(shape)) == known
    assert image_shape(torch.zeros(shape, dtype=torch.long)) is None
    assert image_shape({"x": torch.zeros(shape)}) is None


def test_pixels_are_scaled_and_copied_to_all_channels() -> None:
    pixels = torch.rand(2, 28, 28, generator=torch.Generator().manual_seed(0))
    assert torch.equal(shaped_like(pixels, torch.zeros(1, 784)), pixels.flatten(1))
    assert torch.equal(shaped_like(pixels, torch.zeros(1, 28, 28)), pixels)
    three = shaped_like(pixels, torch.zeros(1, 3, 14, 14))
    assert three.shape == (2, 3, 14, 14)
    assert torch.equal(three[:, 0], three[:, 2])
    known = functional.interpolate(pixels[:, None], (14, 14), mode="bilinear", antialias=True)
    assert torch.equal(three[:, :1], known)
    with pytest.raises(InputError, match="example_input is no small image"):
        shaped_like(pixels, torch.zeros(1, 5))
