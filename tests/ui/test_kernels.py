"""Kernels of the page on convolution: their closed forms and their text in the URL."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mlcore.ui.layers.kernels import PRESETS, from_text, preset, to_text


def test_edges_of_size_3_are_sobels_over_8() -> None:
    sobel = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]], dtype=torch.float64)

    assert torch.allclose(preset("vertical edges", 3) * 4, sobel)
    assert torch.allclose(preset("horizontal edges", 3) * 4, sobel.T)


@pytest.mark.parametrize("size", range(1, 8))
def test_blur_and_sharpen_keep_the_brightness_and_edges_take_all_of_it(size: int) -> None:
    for name, total in (("blur", 1), ("sharpen", 1), ("identity", 1), ("all edges", 0)):
        assert float(preset(name, size).sum()) == pytest.approx(total), name
    if size > 1:
        assert float(preset("vertical edges", size).sum()) == pytest.approx(0)


def test_an_unknown_preset_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=PRESETS[0]):
        preset("sobel", 3)


@given(st.integers(1, 7), st.integers(0, 1000))
def test_a_kernel_survives_the_url(size: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    kernel = torch.randn(size, size, generator=generator, dtype=torch.float64)

    back = from_text(to_text(kernel))

    assert back is not None
    assert torch.allclose(back, kernel, rtol=1e-4)


@given(st.text(max_size=30))
def test_text_that_is_no_kernel_gives_none_and_no_error(text: str) -> None:
    kernel = from_text(text)

    assert kernel is None or kernel.shape[0] == kernel.shape[1]
