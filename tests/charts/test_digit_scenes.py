"""What the browser is given of a digit is what was computed."""

from __future__ import annotations

import base64

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore.charts.digit_scenes import (
    Group,
    Panel,
    Tile,
    answers_scene,
    flat_tile,
    maps_scene,
    packed,
    rounded,
    walk_scene,
)


@given(st.integers(1, 300))
def test_a_flat_layer_keeps_its_order_and_is_padded_with_empty_cells(units: int) -> None:
    tile = flat_tile(np.arange(1, units + 1, dtype=np.float32))

    assert tile.units == units
    assert tile.values.ravel()[:units].tolist() == list(range(1, units + 1))
    assert not tile.values.ravel()[units:].any()
    assert tile.values.size - units < tile.values.shape[1] <= 32


def test_numbers_travel_with_five_digits_and_never_as_what_json_cannot_hold() -> None:
    assert rounded(np.array([1.23456789, -4e-9, np.nan, np.inf])) == [1.2346, -4e-9, 0.0, 0.0]


def test_arrays_travel_byte_for_byte() -> None:
    values = np.arange(12, dtype=np.float32).reshape(3, 4)

    back = np.frombuffer(base64.b64decode(packed(values.T)), "<f4")

    assert back.tolist() == values.T.ravel().tolist()


def test_a_group_of_numbers_has_one_scale_and_a_group_of_pictures_none() -> None:
    numbers = Group("a", [Tile(np.full((2, 2), v, np.float32)) for v in (0.5, -3.14159)])
    pictures = Group("b", [Tile(np.full((28, 28), 7, np.uint8), "seven")])

    [first, second] = maps_scene([numbers, pictures], hint="Point.")["groups"]

    assert first["most"] == pytest.approx(3.14)
    assert second["most"] is None
    assert second["tiles"][0]["label"] == "seven"
    assert base64.b64decode(second["tiles"][0]["values"]) == bytes([7] * 784)


def test_an_empty_sheet_has_no_answer() -> None:
    panel = Panel("id", "run", "#123456", ("0", "1"), "softmax")

    scene = answers_scene(None, "An empty sheet", [panel], 3)

    assert scene["pixels"] is None
    assert scene["runs"][0]["answer"] is None
    assert scene["n"] == 3


def test_a_walk_names_the_class_it_flips_to() -> None:
    outputs = np.array([[2.0, 1.0], [1.5, 1.2], [1.0, 1.4]], np.float32)

    scene = walk_scene(
        start=np.zeros((28, 28), np.uint8),
        direction=np.ones((28, 28), np.int8),
        outputs=outputs,
        probabilities=outputs / outputs.sum(axis=1, keepdims=True),
        flips_at=2,
        classes=("a", "b"),
        colour="#123456",
        words="It flips.",
        name="walk",
    )

    assert scene["label"] == 0
    assert scene["becomes"] == 1
    assert scene["answers"] == [0, 0, 1]
