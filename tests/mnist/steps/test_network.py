"""Gradients by hand against torch's autograd, for every combination a config allows."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mlcore.mnist.batches import Batches
from mlcore.mnist.config import MNISTConfig
from mlcore.mnist.data.digits import load
from mlcore.mnist.fast_layers import use_fast_layers
from mlcore.mnist.models import build_model
from mlcore.mnist.products import LIBRARIES, Library, onednn_multiplies
from mlcore.mnist.steps.network import ManualNetwork, covers
from tests.mnist.gradients import by_autograd, configs

CPU = torch.device("cpu")


@given(configs(), st.integers(1, 3), st.integers(0, 3))
def test_every_gradient_by_hand_is_autograds(
    tiny: str, fields: dict[str, Any], cuts: int, step: int
) -> None:
    config = MNISTConfig(dataset="folder", data_dir=tiny, **fields)
    batches = Batches(config, load("folder", tiny), CPU)
    microbatches = batches.microbatches(step % batches.per_epoch, cuts)
    model, other = build_model(config).double(), build_model(config).double()
    use_fast_layers(other, CPU, ("blas", "blas"))
    network = ManualNetwork(config, model, "float32", ("blas", "blas"), config.batch_size)

    together = [torch.zeros(()).double() for _ in model.parameters()]
    for microbatch in microbatches:
        if config.normalization == "batch" and len(microbatch.chosen) < 2:
            continue  # which torch's module refuses
        expected, loss, right = by_autograd(config, other, batches, microbatch)
        together = [whole + part for whole, part in zip(together, expected, strict=True)]
        found = network.learn_from(batches, [microbatch], tell=True)

        for ours, theirs in zip(network.flat.views(found.gradients[0]), expected, strict=True):
            assert torch.allclose(ours, theirs, rtol=1e-9, atol=1e-12)
        assert found.loss is not None
        assert float(found.loss) == pytest.approx(float(loss), rel=1e-12)
        assert found.right is not None
        assert int(found.right) == right
    for ours, theirs in zip(model.buffers(), other.buffers(), strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-12)
    if config.normalization != "batch":
        found = network.learn_from(batches, microbatches, tell=False)
        for ours, theirs in zip(network.flat.views(found.gradients[0]), together, strict=True):
            assert torch.allclose(ours, theirs, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("ahead", LIBRARIES)
@pytest.mark.parametrize("back", LIBRARIES)
def test_every_library_and_precision_rounds_no_more_than_autograd(
    precision: str, ahead: Library, back: Library
) -> None:
    if "onednn" in (ahead, back) and not onednn_multiplies():
        pytest.skip("this torch has no oneDNN for x86")
    config = MNISTConfig(train_size=512, hidden=(256, 64), dropout=0.2, loss="cross_entropy")
    batches = Batches(config, load(), CPU)
    (microbatch,) = batches.microbatches(0, 1)
    plain, exact = build_model(config), build_model(config).double()
    for model in (plain, exact):
        use_fast_layers(model, CPU, ("blas", "blas"))
    expected, _, _ = by_autograd(config, exact, batches, microbatch)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bfloat16"):
        rounded, _, _ = by_autograd(config, plain, batches, microbatch)
    network = ManualNetwork(config, build_model(config), precision, (ahead, back), 512)

    (found,) = network.learn_from(batches, [microbatch], tell=False).gradients

    for ours, theirs, true in zip(network.flat.views(found), rounded, expected, strict=True):
        distance = float((ours - true).norm() / true.norm())
        assert distance < 1.2 * float((theirs - true).norm() / true.norm()) + 1e-6


def test_images_read_into_memory_are_those_that_are_read() -> None:
    for augment in ("none", "affine"):
        config = MNISTConfig(train_size=100, augment=augment)
        batches = Batches(config, load(), CPU)
        (microbatch,) = batches.microbatches(0, 1)
        images, labels, _ = batches.read(microbatch)
        room = torch.empty(100, 784)

        found = batches.read_all_into([microbatch], room.byte(), room)

        assert torch.equal(room.view_as(images), images)
        assert torch.equal(found, labels)


def test_it_covers_what_has_no_convolutions_and_runs_on_the_cpu() -> None:
    assert covers(MNISTConfig(), CPU, "bfloat16")
    assert covers(MNISTConfig(normalization="layer"), CPU, "float32")
    assert not covers(MNISTConfig(normalization="layer"), CPU, "bfloat16")
    assert not covers(MNISTConfig(model="cnn"), CPU, "float32")
    assert not covers(MNISTConfig(), torch.device("cuda"), "float32")
