"""Pairs start alike, see the same batches, and are compared by SciPy's own statistics."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, ttest_rel

from mlcore.mnist.batches import Batches, batch_order
from mlcore.mnist.config import MNISTConfig
from mlcore.mnist.data import digits as data
from mlcore.mnist.insight import (
    Pair,
    disagreement,
    paired_accuracy,
    paired_difference,
    same_start,
)
from mlcore.mnist.train import train

PAIR = Pair("loss", {"squared": "mse", "entropy": "cross_entropy"}, MNISTConfig(), (0, 4))


def test_a_pair_has_a_config_for_each_arm_and_seed_that_differ_in_the_field_alone() -> None:
    configs = PAIR.configs()
    assert list(configs) == [("squared", 0), ("entropy", 0), ("squared", 4), ("entropy", 4)]
    one, other = configs["squared", 4], configs["entropy", 4]
    assert one.replace(loss="cross_entropy") == other
    assert one.seed == 4


@pytest.mark.parametrize(
    ("field", "arms"),
    [
        ("loss", ("mse", "cross_entropy")),
        ("activation", ("identity", "relu")),
        ("lr", (0.1, 0.2)),
        ("dropout", (0.0, 0.5)),
    ],
)
def test_arms_of_one_seed_start_from_equal_weights_and_see_the_same_batches(
    field: str, arms: tuple[object, object]
) -> None:
    one, other = (MNISTConfig(seed=7, epochs=1).replace(**{field: value}) for value in arms)
    found = same_start(one, other)
    assert found.same
    assert found.difference == 0.0
    assert found.batches == 118


def test_another_seed_another_start_and_another_order() -> None:
    found = same_start(MNISTConfig(seed=1, epochs=1), MNISTConfig(seed=2, epochs=1))
    assert not found.same
    assert found.difference > 0
    assert found.order[0] != found.order[1]


def test_the_same_weights_in_other_batches_are_not_the_same_start() -> None:
    found = same_start(MNISTConfig(epochs=1), MNISTConfig(epochs=1, train_size=30_000))
    assert found.weights[0] == found.weights[1]
    assert not found.same


def test_networks_of_other_layers_are_not_compared() -> None:
    with pytest.raises(ValueError, match="pair configs of one architecture"):
        same_start(MNISTConfig(), MNISTConfig(hidden=(8,)))


@pytest.mark.parametrize("fields", [{}, {"train_size": 33}, {"normalization": "batch"}])
def test_the_order_that_is_proven_is_the_one_the_training_takes(
    tiny: str, fields: dict[str, object]
) -> None:
    config = MNISTConfig(
        dataset="folder", data_dir=tiny, batch_size=16, epochs=2, seed=5, hidden=(4,)
    ).replace(**fields)
    digits = data.load("folder", tiny)
    batches = Batches(config, digits, torch.device("cpu"))
    order = list(batch_order(config))
    assert len(order) == config.epochs * config.steps_per_epoch()
    for step, places in enumerate(order):
        [microbatch] = batches.microbatches(step, 1)
        images, labels, _ = batches.read(microbatch)
        assert torch.equal(labels, digits.train_labels[places])
        pixels = (digits.train_images[places].float() / 255 - digits.mean) / digits.std
        assert torch.allclose(images, pixels, atol=1e-5)


def test_the_start_that_is_proven_is_the_one_the_training_has(tiny: str) -> None:
    base = MNISTConfig(dataset="folder", data_dir=tiny, batch_size=16, epochs=1, hidden=(6,))
    first = {
        arm: next(iter(train(base.replace(loss=arm)))).arrays for arm in ("mse", "cross_entropy")
    }
    weights = [name for name in first["mse"] if name.startswith("model.")]
    assert weights
    assert all(torch.equal(first["mse"][name], first["cross_entropy"][name]) for name in weights)


# --- what came of it -------------------------------------------------------------------------


def test_pairs_lacking_an_arm_are_left_out() -> None:
    rows = paired_accuracy({("a", 0): 0.5, ("b", 0): 0.75, ("a", 1): 0.5}, ("a", "b"))
    assert rows.to_dict("records") == [{"seed": 0, "a": 0.5, "b": 0.75, "difference": 0.25}]
    assert len(paired_accuracy({}, ("a", "b"))) == 0
    with pytest.raises(ValueError, match="1 arms, but a pair has 2"):
        paired_accuracy({}, ("a",))


@given(st.lists(st.floats(-1, 1).map(lambda x: round(x, 3)), min_size=2, max_size=12))
def test_the_interval_is_that_of_scipys_paired_t_test(differences: list[float]) -> None:
    found = paired_difference(differences)
    if len(set(differences)) == 1:
        assert found.low == pytest.approx(found.high, abs=1e-12)
        return
    expected = ttest_rel(differences, np.zeros(len(differences))).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert found.mean == pytest.approx(np.mean(differences))


def test_one_pair_has_no_interval_and_none_has_no_mean() -> None:
    found = paired_difference([0.25])
    assert (found.mean, found.pairs) == (0.25, 1)
    assert math.isnan(found.low)
    with pytest.raises(ValueError, match="at least one pair"):
        paired_difference([])


@given(st.lists(st.tuples(*[st.integers(0, 3)] * 3), min_size=1, max_size=60))
def test_disagreement_counts_every_image_once_and_tests_as_mcnemar(
    rows: list[tuple[int, int, int]],
) -> None:
    labels, first, second = np.array(rows, dtype=np.int64).T
    found = disagreement(labels, first, second)
    assert found.both_right == sum(a == y == b for y, a, b in rows)
    assert found.only_first == sum(a == y != b for y, a, b in rows)
    assert found.only_second == sum(b == y != a for y, a, b in rows)
    assert found.both_wrong == sum(a != y != b for y, a, b in rows)
    assert sorted(found.places) == [i for i, (_, a, b) in enumerate(rows) if a != b]
    lone = found.only_first + found.only_second
    expected = binomtest(found.only_first, lone).pvalue if lone else 1.0
    assert found.p_value == pytest.approx(expected)
    settled = [(first[i] == labels[i]) or (second[i] == labels[i]) for i in found.places]
    assert settled == sorted(settled, reverse=True)
