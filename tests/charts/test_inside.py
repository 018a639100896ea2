"""Tiles survive their packing; charts of a trained network hold what they say."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mlcore.charts import palette
from mlcore.charts.digits import confusion_rows
from mlcore.charts.inside import (
    CELL,
    class_accuracy_spec,
    clickable_confusion,
    history_spec,
    plane_spec,
    reliability_spec,
)
from mlcore.charts.pairs import arm_rows, pair_spec
from mlcore.charts.tiles import STOPS, tile_payload


def payload(
    frames: Sequence[np.ndarray[Any, np.dtype[Any]]], moments: Sequence[str], labels: Sequence[str]
) -> dict[str, Any]:
    return tile_payload(frames, moments, labels, name="n", title="t", cells="row {row}")


@given(
    hnp.arrays(
        np.float32,
        st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 5), st.integers(1, 5)),
        elements=st.floats(-100, 100, width=32),
    )
)
def test_tiles_come_back_to_a_part_in_32767_of_the_largest(
    frames: np.ndarray[tuple[int, int, int, int], np.dtype[np.float32]],
) -> None:
    count = frames.shape[1]
    made = payload(list(frames), [str(k) for k in range(len(frames))], ["tile"] * count)
    assert json.loads(json.dumps(made)) == made
    for frame, text in zip(frames, made["frames"], strict=True):
        back = np.frombuffer(base64.b64decode(text), "<i2").reshape(frame.shape) * made["step"]
        np.testing.assert_allclose(back, frame, atol=made["step"] * 0.51)
    assert 0 < made["scale"] <= max(1.0, float(np.abs(frames).max()) * 1.0001)


def test_zero_is_white_in_the_middle_of_the_scale() -> None:
    assert STOPS[len(STOPS) // 2] == "#ffffff"
    assert len(STOPS) % 2 == 1
    made = payload([np.zeros((1, 2, 2))], ["now"], ["all"])
    assert set(base64.b64decode(made["frames"][0])) == {0}


def test_frames_of_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="one of one shape for each"):
        payload([np.zeros((1, 2, 2)), np.zeros((1, 2, 3))], ["a", "b"], ["x"])
    with pytest.raises(ValueError, match="0 frames"):
        payload([], [], [])


def test_the_matrix_selects_a_cell_by_its_classes() -> None:
    rows = confusion_rows(np.eye(3, dtype=np.int64), ("a", "b", "c"))
    spec = clickable_confusion(rows, "#000000").to_dict()
    [selection] = [param for param in spec["params"] if param["name"] == CELL]
    assert selection["select"]["fields"] == ["true", "predicted"]


@pytest.mark.parametrize(
    "spec",
    [
        class_accuracy_spec(),
        reliability_spec(),
        plane_spec("x", "y", "title"),
        history_spec(("hidden1", "output")),
        pair_spec("error_rate", ("a", "b"), 3),
        pair_spec("grad_norm", ("a", "b"), 3),
    ],
)
def test_every_chart_has_a_title_a_description_and_asks_for_its_rows(
    spec: dict[str, object],
) -> None:
    assert spec["title"]
    assert spec["description"]
    assert '"data": {"values"' not in json.dumps(spec)


def test_arms_are_averaged_over_seeds_with_their_extremes() -> None:
    points = pd.DataFrame(
        {
            "arm": ["a"] * 4 + ["b"] * 2,
            "seed": [0, 1, 0, 1, 0, 1],
            "epoch": [0.0, 0.0, 1.0, 1.0, 0.0, 0.0],
            "value": [1.0, 3.0, 5.0, 5.0, 2.0, 4.0],
        }
    )
    rows = arm_rows(points)
    assert rows.to_numpy().tolist() == [
        ["a", 0.0, 2.0, 1.0, 3.0, 2],
        ["a", 1.0, 5.0, 5.0, 5.0, 2],
        ["b", 0.0, 3.0, 2.0, 4.0, 2],
    ]
    assert len(arm_rows(points[:0])) == 0


def test_ten_classes_have_ten_hues() -> None:
    assert len(set(palette.CLASS_COLOURS)) == 10
