"""The summary beside torch's own counter, beside formulas, and beside what is known."""

from __future__ import annotations

import random
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

import mlcore
from mlcore import MlcoreError
from mlcore.inspection import ModelSummary
from mlcore.mnist.data.torchvision_compat import torchvision_datasets
from tests.inspection.networks import batches, stateful


def row(shown: ModelSummary, name: str) -> Any:
    return next(layer for layer in shown.layers if layer.name == name)


def flops_by_torch(model: nn.Module, *given: Tensor) -> int:
    """By torch's counter, in train mode, where the encoder has no fast path."""
    with FlopCounterMode(display=False) as counter:
        model.train()(*given)
    return int(counter.get_total_flops())


def test_resnet_18_is_counted_as_is_known() -> None:
    torchvision_datasets()  # so that torchvision can be imported whatever it was built for
    from torchvision.models import resnet18

    model, x = resnet18(), torch.zeros(2, 3, 64, 64)
    large = mlcore.summary(model.to("meta"), torch.zeros(1, 3, 224, 224, device="meta"))
    assert large.parameters == large.trainable == 11_689_512
    assert large.multiply_adds == 1_814_073_344
    assert row(large, "layer4.1.conv2").outputs == ((1, 512, 7, 7),)
    assert row(large, "layer1.0.relu").calls == 2
    names = [layer.name for layer in large.layers]
    assert names[:5] == ["", "conv1", "bn1", "relu", "maxpool"]
    assert names[-2:] == ["avgpool", "fc"]

    model = resnet18()
    assert 2 * mlcore.summary(model, x).multiply_adds == flops_by_torch(model, x)


def test_a_transformer_is_counted_as_by_torch() -> None:
    layer = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True)
    model = nn.Sequential(nn.Embedding(50, 16), nn.TransformerEncoder(layer, 2), nn.Linear(16, 50))
    x = torch.zeros(2, 9, dtype=torch.long)
    shown = mlcore.summary(model.eval(), x)
    assert 2 * shown.multiply_adds == flops_by_torch(model, x)
    assert 2 * mlcore.summary(model, x, mode="train").multiply_adds == flops_by_torch(model, x)
    attention = row(shown, "1.layers.0.self_attn")
    # three projections and the one out, QKᵀ and its product with V
    assert attention.multiply_adds == 2 * 9 * 4 * 16 * 16 + 2 * 2 * 9 * 9 * 16
    assert row(shown, "1.layers.0.self_attn.out_proj").calls == 0
    assert shown.parameters == sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize(("kind", "gates"), [(nn.LSTM, 4), (nn.GRU, 3), (nn.RNN, 1)])
def test_recurrent_layers_take_a_product_for_each_gate_and_step(kind: Any, gates: int) -> None:
    shown = mlcore.summary(kind(5, 7, 2, bidirectional=True), torch.zeros(11, 3, 5))
    first, second = gates * 7 * (5 + 7), gates * 7 * (2 * 7 + 7)
    assert shown.multiply_adds == 11 * 3 * 2 * (first + second)
    assert shown.layers[0].outputs[0] == (11, 3, 14)


@pytest.mark.parametrize(
    ("layer", "shape", "known"),
    [
        (nn.Conv1d(4, 6, 3, stride=2, padding=1), (2, 4, 9), 2 * 6 * 5 * 4 * 3),
        (nn.Conv2d(4, 8, 3, dilation=2, groups=4), (1, 4, 9, 9), 8 * 25 * 1 * 9),
        (nn.Conv3d(2, 3, 2), (1, 2, 4, 4, 4), 3 * 27 * 2 * 8),
        (nn.ConvTranspose2d(4, 6, 3, stride=2, groups=2), (1, 4, 5, 5), 4 * 25 * 3 * 9),
        (nn.Linear(4, 3), (4,), 12),
        (nn.Linear(4, 3, bias=False), (2, 5, 4), 120),
        (nn.BatchNorm1d(4), (5, 4), 0),
    ],
)
def test_layers_take_what_their_formula_says(
    layer: nn.Module, shape: tuple[int, ...], known: int
) -> None:
    assert mlcore.summary(layer, torch.zeros(shape)).multiply_adds == known


def test_bilinear_layers_take_a_product_for_each_weight() -> None:
    given = (torch.zeros(2, 3), torch.zeros(2, 4))
    assert mlcore.summary(nn.Bilinear(3, 4, 5), given).multiply_adds == 2 * 3 * 4 * 5


class _Mixed(nn.Module):
    """Two inputs, a dict out, a layer called twice, a tied weight, products of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Linear(3, 3)
        self.late = nn.Linear(4, 6, bias=False)
        self.twice = nn.Linear(4, 4)
        self.again = self.twice
        self.tied = nn.Linear(4, 6)
        self.tied.weight = self.late.weight
        self.scale = nn.Parameter(torch.ones(4), requires_grad=False)

    def forward(self, left: Tensor, right: Tensor) -> dict[str, Any]:
        hidden = self.again(self.twice(left)) * self.scale
        pair = torch.einsum("bi,bj->bij", hidden, right)
        return OrderedDict(out=self.tied(hidden), others=(self.late(right), [pair]))


def test_shared_layers_and_parameters_count_once_and_calls_add_up() -> None:
    model, given = _Mixed(), {"right": torch.zeros(5, 4), "left": torch.zeros(5, 4)}
    shown = mlcore.summary(model, given)
    assert shown.parameters == sum(p.numel() for p in model.parameters()) == 12 + 24 + 20 + 6 + 4
    assert shown.parameters - shown.trainable == 4
    assert [layer.name for layer in shown.layers] == ["", "twice", "tied", "late", "unused"]
    assert (row(shown, "twice").calls, row(shown, "twice").multiply_adds) == (2, 2 * 5 * 16)
    assert (row(shown, "tied").parameters, row(shown, "late").parameters) == (24 + 6, 0)
    assert row(shown, "late").shared
    assert row(shown, "unused").calls == 0
    assert shown.layers[0].inputs == ((5, 4), (5, 4))
    assert shown.layers[0].outputs == ((5, 6), (5, 6), (5, 4, 4))
    positional = mlcore.summary(model, (given["left"], given["right"]))
    assert positional.multiply_adds == shown.multiply_adds
    assert shown.collapsed(0).layers[0].multiply_adds == shown.multiply_adds


def test_the_activation_memory_is_what_the_backward_pass_needs() -> None:
    """Known for a multilayer perceptron: what went into each Linear, but for the input."""
    model = nn.Sequential(nn.Linear(10, 20), nn.ReLU(inplace=True), nn.Linear(20, 5))
    shown = mlcore.summary(model, torch.zeros(3, 10))
    assert [layer.activation_bytes for layer in shown.layers] == [0, 0, 3 * 20 * 4, 0]
    assert shown.parameter_bytes == 4 * (10 * 20 + 20 + 20 * 5 + 5)
    assert shown.input_bytes == 3 * 10 * 4
    assert mlcore.summary(model.requires_grad_(False), torch.zeros(3, 10)).activation_bytes == 0


def test_the_activation_memory_is_that_which_torch_keeps() -> None:
    """Beside the storages that the graph of one forward pass holds, found without hooks of ours."""
    model, x = stateful(), batches()[0][0]
    shown = mlcore.summary(model, x, mode="train")
    kept: dict[int, Tensor] = {}

    def pack(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        out = model.train()(x)
    for own in (x, *model.parameters(), *model.buffers()):
        kept.pop(own.untyped_storage().data_ptr(), None)
    assert out.requires_grad
    assert shown.activation_bytes == sum(t.untyped_storage().nbytes() for t in kept.values())


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_the_model_and_the_random_states_are_left_as_they_were(mode: Any) -> None:
    model = stateful()
    weight = next(model.parameters())
    weight.grad = torch.ones_like(weight)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    modes = [module.training for module in model.modules()]
    states = torch.get_rng_state(), repr(np.random.get_state()), random.getstate()
    with torch.inference_mode():
        mlcore.summary(model, batches()[0][0], mode=mode)
    assert all(torch.equal(before[name], now) for name, now in model.state_dict().items())
    assert [module.training for module in model.modules()] == modes
    assert torch.equal(torch.get_rng_state(), states[0])
    assert (repr(np.random.get_state()), random.getstate()) == states[1:]
    assert weight.grad is not None
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_it_shows_itself_as_text_as_a_table_and_as_html() -> None:
    class Odd(nn.ReLU):
        pass

    Odd.__name__ = "<b>"
    model = nn.Sequential(OrderedDict(hidden=nn.Linear(4, 300), activation=Odd()))
    shown = mlcore.summary(model, torch.zeros(1, 4))
    lines = str(shown).splitlines()
    assert len({len(line) for line in lines[1:2] + lines[5:6]}) == 1
    assert lines[3].split() == ["hidden", "Linear", "1×4", "1×300", "1,500", "1,200", "–"]
    assert lines[0].index("Input") == lines[3].index("1×4")
    assert "Parameters     1,500" in lines
    frame = shown.table()
    assert frame["trainable"].sum() == shown.parameters
    assert frame.loc[1, "outputs"] == ((1, 300),)
    assert "&lt;b&gt;" in shown._repr_html_()
    assert "<b>" not in shown._repr_html_()
    assert "1,500" in repr(shown)


def test_what_cannot_be_summarized_is_said() -> None:
    model = nn.Sequential(OrderedDict(first=nn.Linear(4, 3), second=nn.Linear(4, 3)))
    refused: dict[str, tuple[Any, ...]] = {
        "in the layer 'second': mat1 and mat2": (model, torch.zeros(2, 4)),
        "in the layer 'first'": (model, torch.zeros(2, 5)),
        "holds no tensor. Give one of the shape": (model, (2, 4)),
        "must be a torch.nn.Module": (len, torch.zeros(2, 4)),
        r"layer '0' \(LazyLinear\) has no shape yet": (nn.Sequential(nn.LazyLinear(3)), model),
        "Expected more than 1 value": (nn.BatchNorm1d(3), torch.zeros(1, 3), "train"),
        "must be 'train' or 'eval'": (model, torch.zeros(2, 4), "training"),
    }
    for words, (given, example, *mode) in refused.items():
        with pytest.raises(MlcoreError, match=words):
            mlcore.summary(given, example, **({"mode": mode[0]} if mode else {}))
    with pytest.raises(MlcoreError, match="depth is -1"):
        mlcore.summary(nn.Identity(), torch.zeros(1)).collapsed(-1)
