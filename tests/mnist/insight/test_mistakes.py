"""Mistakes, intervals and calibration against scikit-learn, SciPy and sums written out."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn.calibration import calibration_curve
from sklearn.metrics import confusion_matrix
from torch import Tensor

from mlcore.mnist.insight import (
    Examination,
    accuracy_by_class,
    confident_mistakes,
    examine,
    reliability,
    wilson_interval,
)
from mlcore.mnist.losses import nearest_probabilities
from tests.mnist.insight.conftest import network

CLASSES = tuple("0123456789")


def examination(count: int, seed: int = 0) -> Examination:
    """Random outputs for random labels, some right."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 10, count)
    outputs = generator.normal(size=(count, 10)).astype(np.float32)
    outputs[np.arange(count), labels] += 1.5
    shares = torch.from_numpy(outputs).softmax(dim=1).numpy()
    guesses = outputs.argmax(axis=1)
    return Examination(labels, outputs, shares, guesses, shares[np.arange(count), guesses])


@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
def test_an_examination_holds_what_the_network_says(loss: str, images: Tensor) -> None:
    model, labels = network("mlp"), torch.arange(7)
    found = examine(model, images, labels, loss=loss)  # type: ignore[arg-type]  # from a parameter
    with torch.no_grad():
        outputs = model(images)
    shares = outputs.softmax(dim=1) if loss == "cross_entropy" else nearest_probabilities(outputs)
    np.testing.assert_allclose(found.probabilities, shares.numpy(), atol=1e-6)
    np.testing.assert_array_equal(found.guesses, outputs.argmax(dim=1).numpy())
    np.testing.assert_allclose(found.confidence, shares.max(dim=1).values.numpy(), atol=1e-6)


def test_as_many_labels_as_images_are_asked_for(images: Tensor) -> None:
    with pytest.raises(ValueError, match="7 images and 3 labels"):
        examine(network("linear"), images, torch.arange(3))
    with pytest.raises(ValueError, match="at least one"):
        examine(network("linear"), images[:0], torch.arange(0))


def test_the_confusion_matrix_is_scikit_learns() -> None:
    found = examination(500)
    expected = confusion_matrix(found.labels, found.guesses, labels=range(10))
    np.testing.assert_array_equal(found.confusion(), expected)
    assert found.accuracy == expected.trace() / 500


def test_each_cell_holds_its_images_once_most_confident_first() -> None:
    found = examination(400)
    seen: list[int] = []
    for true in range(10):
        for guess in range(10):
            places = found.cell(true, guess)
            assert len(places) == found.confusion()[true, guess]
            assert (np.diff(found.confidence[places]) <= 0).all()
            seen += places.tolist()
    assert sorted(seen) == list(range(400))


def test_confident_mistakes_are_all_wrong_ones_in_falling_order() -> None:
    found = examination(300)
    rows = confident_mistakes(found)
    assert set(rows["place"]) == set(np.flatnonzero(found.guesses != found.labels))
    assert rows["confidence"].is_monotonic_decreasing
    assert (rows["of_true"] <= rows["confidence"]).all()
    places = rows["place"].to_numpy(np.int64)
    np.testing.assert_array_equal(found.labels[places], rows["true"])
    np.testing.assert_array_equal(found.guesses[places], rows["guess"])
    assert confident_mistakes(found, 5)["place"].tolist() == rows["place"][:5].tolist()


@given(
    trials=st.integers(1, 5000),
    share=st.floats(0, 1),
    level=st.sampled_from([0.5, 0.9, 0.95, 0.999]),
)
def test_wilsons_interval_is_scipys(trials: int, share: float, level: float) -> None:
    successes = round(share * trials)
    low, high = wilson_interval(successes, trials, level=level)
    expected = binomtest(successes, trials).proportion_ci(level, method="wilson")
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert 0 <= low <= successes / trials <= high <= 1


def test_an_interval_of_nothing_is_nan_and_of_the_impossible_refused() -> None:
    assert np.isnan(wilson_interval(0, 0)).all()
    with pytest.raises(ValueError, match="3 successes in 2 trials"):
        wilson_interval(3, 2)
    with pytest.raises(ValueError, match="level 1"):
        wilson_interval(1, 2, level=1.0)


def test_accuracy_by_class_counts_each_class_and_leaves_an_absent_one_open() -> None:
    found = examination(200)
    rows = accuracy_by_class(found, (*CLASSES, "none such"))
    for label in range(10):
        mine = found.labels == label
        row = rows.iloc[label]
        assert (row["images"], row["right"]) == (mine.sum(), (found.guesses[mine] == label).sum())
        assert row["low"] <= row["accuracy"] <= row["high"]
    assert rows["images"].iloc[10] == 0
    assert np.isnan(rows["accuracy"].iloc[10])


# --- calibration -----------------------------------------------------------------------------


@given(count=st.integers(1, 400), bins=st.integers(1, 20), seed=st.integers(0, 1000))
def test_the_calibration_error_is_the_sum_written_out(count: int, bins: int, seed: int) -> None:
    sure, right = answers(count, seed)
    expected, largest = 0.0, 0.0
    for number in range(bins):
        low, high = number / bins, (number + 1) / bins
        mine = [
            place
            for place, value in enumerate(sure)
            if (low < value <= high) or (number == 0 and value == 0)
        ]
        if mine:
            gap = abs(float(np.mean(right[mine])) - float(np.mean(sure[mine])))
            expected += len(mine) / count * gap
            largest = max(largest, gap)
    found = reliability(sure, right, bins)
    assert found.expected_error == pytest.approx(expected, abs=1e-12)
    assert found.largest_error == pytest.approx(largest, abs=1e-12)
    assert found.bins["images"].sum() == count


def test_the_curve_is_scikit_learns() -> None:
    sure, right = answers(1000, 4)
    share, mean = calibration_curve(right, sure, n_bins=10)
    rows = reliability(sure, right, 10).bins.dropna()
    np.testing.assert_allclose(rows["accuracy"], share)
    np.testing.assert_allclose(rows["confidence"], mean)


def test_a_network_that_knows_what_it_knows_has_no_error() -> None:
    sure = np.full(100, 0.8)
    right = np.arange(100) < 80
    assert reliability(sure, right).expected_error == pytest.approx(0)


def test_bounds_belong_to_the_bin_below_and_zero_to_the_first() -> None:
    rows = reliability(np.array([0.0, 0.5, 1.0]), np.array([False, True, True]), 2).bins
    assert rows["images"].tolist() == [2, 1]


def test_nothing_to_calibrate_is_refused() -> None:
    with pytest.raises(ValueError, match="0 confidences"):
        reliability(np.zeros(0), np.zeros(0, bool))
    with pytest.raises(ValueError, match="2 confidences, 1 answers"):
        reliability(np.zeros(2), np.zeros(1, bool))


def answers(count: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    generator = np.random.default_rng(seed)
    sure = generator.random(count)
    return sure, generator.random(count) < sure
