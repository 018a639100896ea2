"""What the gradients by hand are compared with: torch's modules and torch's autograd."""

from __future__ import annotations

from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor, nn

from mlcore.mnist.batches import Batches, Microbatch
from mlcore.mnist.config import MNISTConfig
from mlcore.mnist.fast_layers import masks_from
from mlcore.mnist.losses import loss_for, targets_for

ACTIVATIONS = ("relu", "leaky_relu", "gelu", "silu", "tanh", "sigmoid", "identity")


@st.composite
def configs(draw: st.DrawFn) -> dict[str, Any]:
    """All fields on which a gradient depends."""
    fields: dict[str, Any] = {
        "model": draw(st.sampled_from(["linear", "mlp", "mlp", "mlp"])),
        "hidden": tuple(draw(st.lists(st.sampled_from([2, 5, 16]), min_size=1, max_size=3))),
        "activation": draw(st.sampled_from(ACTIVATIONS)),
        "normalization": draw(st.sampled_from(["none", "none", "batch", "layer", "group", "rms"])),
        "dropout": draw(st.sampled_from([0.0, 0.0, 0.3])),
        "loss": draw(st.sampled_from(["mse", "cross_entropy"])),
        "augment": draw(st.sampled_from(["none", "none", "shift"])),
        "initialization": draw(st.sampled_from(["default", "kaiming"])),
        "batch_size": draw(st.integers(2, 40)),
        "seed": draw(st.integers(0, 99)),
    }
    if fields["loss"] == "cross_entropy":
        fields["label_smoothing"] = draw(st.sampled_from([0.0, 0.2]))
    return fields


def by_autograd(
    config: MNISTConfig, model: nn.Module, batches: Batches, microbatch: Microbatch
) -> tuple[list[Tensor], Tensor, int]:
    """The oracle: torch's modules and torch's gradients."""
    dtype = next(model.parameters()).dtype
    images = torch.empty(len(microbatch.chosen), 784, dtype=dtype)
    labels = batches.read_all_into([microbatch], images.byte(), images)
    targets = targets_for(config, labels)
    if config.loss == "mse":
        targets = targets.to(dtype)
    with masks_from(microbatch.generator(config.seed, "dropout")):
        outputs = model(images.view(-1, 28, 28)).to(dtype)
    loss = loss_for(config)(outputs, targets) * microbatch.share
    gradients = torch.autograd.grad(loss, list(model.parameters()))
    return list(gradients), loss.detach(), int((outputs.argmax(dim=1) == labels).sum())
