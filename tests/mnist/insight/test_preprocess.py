"""Drawings become 28×28 pixels the way MNIST's digits did."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from mlcore.mnist import MNISTConfig, load, load_weights
from mlcore.mnist.insight import DrawingError, on_pixels, prepare
from mlcore.mnist.insight.preprocess import BOX, Bytes, center_of_mass, cropped, enlarged, means


def strokes(points: list[tuple[int, int]], width: int = 14) -> Bytes:
    """A polygon through some points on a sheet of 280×280, drawn by NumPy alone."""
    rows, columns = np.mgrid[0:280, 0:280] + 0.5
    sheet = np.zeros((280, 280), dtype=np.uint8)
    for (a, b), (c, d) in itertools.pairwise(points):
        along, length = np.array([c - a, d - b]), max((c - a) ** 2 + (d - b) ** 2, 1)
        part = ((rows - a) * along[0] + (columns - b) * along[1]) / length
        part = part.clip(0, 1)
        away = (rows - a - part * along[0]) ** 2 + (columns - b - part * along[1]) ** 2
        sheet[away <= (width / 2) ** 2] = 255
    return sheet


points = st.lists(st.tuples(st.integers(30, 249), st.integers(30, 249)), min_size=2, max_size=5)


def test_a_digit_of_mnist_that_is_enlarged_comes_back_as_it_was() -> None:
    digits = load("mnist").test_images[:400].numpy()

    for pixels in digits:
        assert (prepare(enlarged(pixels)) == pixels).all()


def test_every_test_digit_lies_where_the_recipe_puts_it() -> None:
    for pixels in load("mnist").test_images[:400].numpy():
        assert max(cropped(pixels).shape) == BOX
        assert all(14 <= place < 15 for place in center_of_mass(pixels.astype(np.float64)))


@given(points)
def test_a_drawing_fits_the_box_and_balances_in_the_middle(points: list[tuple[int, int]]) -> None:
    pixels = prepare(strokes(points))

    assert pixels.shape == (28, 28)
    assert pixels.dtype == np.uint8
    assert max(cropped(pixels).shape) == BOX
    for place, side in zip(center_of_mass(pixels.astype(np.float64)), (0, 1), strict=True):
        edges = np.flatnonzero(pixels.any(axis=1 - side))
        at_the_edge = edges[0] == 0 or edges[-1] == 27
        assert at_the_edge or 13.9 < place < 15.1  # pixels are rounded after they were moved


@given(points, st.integers(-25, 25), st.integers(-25, 25))
def test_where_on_the_sheet_one_draws_does_not_matter(
    points: list[tuple[int, int]], down: int, across: int
) -> None:
    sheet = np.pad(strokes(points), 30)

    moved = np.roll(sheet, (down, across), axis=(0, 1))

    assert (prepare(moved) == prepare(sheet)).all()


@given(points, st.sampled_from([2, 3]))
def test_how_large_one_draws_does_not_matter(points: list[tuple[int, int]], factor: int) -> None:
    sheet = strokes(points)

    large = prepare(enlarged(sheet, factor)).astype(int)

    assert np.abs(large - prepare(sheet)).max() <= 1


@given(st.integers(1, 40), st.integers(1, 30), st.integers(0, 1000))
def test_means_are_those_over_the_area(inputs: int, outputs: int, seed: int) -> None:
    values = np.random.default_rng(seed).integers(0, 256, (inputs, 3)).astype(np.float64)

    fine = values.repeat(outputs, axis=0).reshape(outputs, inputs, 3)

    np.testing.assert_allclose(means(values, outputs), fine.mean(axis=1), atol=1e-9)


def test_an_empty_sheet_is_refused_in_a_sentence() -> None:
    with pytest.raises(DrawingError, match="The canvas is empty: draw a digit on it"):
        prepare(np.zeros((280, 280), dtype=np.uint8))


@pytest.mark.parametrize("wrong", [np.ones((28, 28)), np.ones((28, 28, 3), np.uint8)])
def test_what_is_no_grey_picture_is_refused_by_its_shape(wrong: NDArray[np.float64]) -> None:
    with pytest.raises(ValueError, match=r"must be uint8 of shape \(height, width\)"):
        prepare(wrong)


def test_the_99_percent_cnn_reads_drawn_digits_as_well_as_the_files() -> None:
    config = MNISTConfig.presets["99 % CNN"]
    last = None
    for step in config.train():
        last = step.snapshot() if step.done >= step.total and step.snapshot else None
    assert last is not None
    digits = load("mnist")
    model = on_pixels(load_weights(config, last), digits)
    pixels, labels = digits.test_images[:2000].numpy(), digits.test_labels[:2000]

    def accuracy(pictures: Bytes) -> float:
        with torch.no_grad():
            outputs = model(torch.from_numpy(pictures) / 255)
        return float((outputs.argmax(dim=1) == labels).float().mean())

    def as_a_pen_draws(digit: Bytes) -> Bytes:
        smooth = Image.fromarray(digit).resize((280, 280), Image.Resampling.BICUBIC)
        return np.where(np.asarray(smooth) > 127, 255, 0).astype(np.uint8)

    drawn = np.stack([prepare(as_a_pen_draws(digit)) for digit in pixels])
    assert accuracy(pixels) > 0.98
    assert accuracy(drawn) > accuracy(pixels) - 0.01
