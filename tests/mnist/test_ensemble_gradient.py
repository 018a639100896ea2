"""The gradients of several networks by hand against torch's autograd over each of them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mlcore.mnist.batches import Batches
from mlcore.mnist.config import MNISTConfig
from mlcore.mnist.data.digits import load
from mlcore.mnist.ensemble.gradient import StackedGradient
from mlcore.mnist.ensemble.key import draw_key
from mlcore.mnist.ensemble.network import StackedNetwork
from mlcore.mnist.fast_layers import use_fast_layers
from mlcore.mnist.models import build_model
from mlcore.mnist.products import LIBRARIES, Library, onednn_multiplies
from mlcore.mnist.runtime import Precision
from tests.mnist.gradients import by_autograd, configs

CPU = torch.device("cpu")
BLAS: tuple[Library, Library] = ("blas", "blas")


@given(
    configs(),
    st.lists(st.integers(0, 2), min_size=1, max_size=4).map(sorted),
    st.integers(1, 3),
    st.integers(0, 3),
)
def test_every_members_gradient_by_hand_is_autograds(
    tiny: str, fields: dict[str, Any], seeds: list[int], cuts: int, step: int
) -> None:
    base = MNISTConfig(dataset="folder", data_dir=tiny, **fields)
    members = [
        base.replace(seed=seed, label_smoothing=base.label_smoothing * place / 2)
        for place, seed in enumerate(seeds)
    ]
    batches = {draw_key(c): Batches(c, load("folder", tiny), CPU) for c in members}
    step %= batches[draw_key(members[0])].per_epoch
    cuts = 1 if base.normalization == "batch" else cuts
    microbatches = {key: batches[key].microbatches(step, cuts) for key in batches}
    models = [build_model(config) for config in members]
    network = StackedNetwork(models, CPU, torch.float64, "float32", BLAS)

    stacks, found = StackedGradient(members, network, BLAS).compute(
        batches, microbatches, tell=True
    )

    assert found is not None
    for member, (config, model) in enumerate(zip(members, models, strict=True)):
        model.double()
        use_fast_layers(model, CPU, BLAS)
        parts = [
            by_autograd(config, model, batches[draw_key(config)], microbatch)
            for microbatch in microbatches[draw_key(config)]
        ]
        assert float(found.losses[member]) == pytest.approx(
            sum(float(loss) for _, loss, _ in parts), rel=1e-12
        )
        assert int(found.right[member]) == sum(right for _, _, right in parts)
        for stack, *expected in zip(stacks, *(gradients for gradients, _, _ in parts), strict=True):
            assert torch.allclose(stack[member], sum(expected), rtol=1e-9, atol=1e-12)
        for name, value in model.named_buffers():
            assert torch.allclose(network.buffers[name][member], value, rtol=1e-12)


@pytest.mark.parametrize("seeds", [(0, 0, 0), (0, 1, 1)])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("library", LIBRARIES)
def test_every_library_and_precision_rounds_no_more_than_autograd(
    library: Library, precision: Precision, seeds: tuple[int, ...]
) -> None:
    if library == "onednn" and not onednn_multiplies():
        pytest.skip("this torch has no oneDNN for x86")
    base = MNISTConfig(train_size=256, batch_size=256, hidden=(64, 16), dropout=0.2)
    members = [base.replace(seed=seed) for seed in seeds]
    batches = {draw_key(config): Batches(config, load(), CPU) for config in members}
    microbatches = {key: batches[key].microbatches(0, 1) for key in batches}
    models = [build_model(config) for config in members]
    network = StackedNetwork(models, CPU, torch.float32, precision, (library, library))
    gradient = StackedGradient(members, network, (library, library))

    stacks, _ = gradient.compute(batches, microbatches, tell=False)

    for member, (config, plain) in enumerate(zip(members, models, strict=True)):
        (microbatch,) = microbatches[draw_key(config)]
        exact = build_model(config).double()
        for model in (plain, exact):
            use_fast_layers(model, CPU, BLAS)
        expected, _, _ = by_autograd(config, exact, batches[draw_key(config)], microbatch)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bfloat16"):
            rounded, _, _ = by_autograd(config, plain, batches[draw_key(config)], microbatch)
        for stack, theirs, true in zip(stacks, rounded, expected, strict=True):
            distance = float((stack[member] - true).norm() / true.norm())
            assert distance < 1.2 * float((theirs - true).norm() / true.norm()) + 1e-6
