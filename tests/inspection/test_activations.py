"""Activations and gradients beside those that torch gives when asked one by one."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss

import mlcore
from mlcore import MlcoreError
from mlcore.core import DivergenceError
from mlcore.inspection import Activations
from tests.inspection.networks import batches, stateful


def row(shown: Activations, name: str) -> Any:
    return next(layer for layer in shown.layers if layer.name == name)


@pytest.mark.parametrize("inplace", [False, True])
def test_each_layer_is_measured_as_by_hand(inplace: bool) -> None:
    torch.manual_seed(0)
    first, second = nn.Linear(6, 8), nn.Linear(8, 3)
    model = nn.Sequential(first, nn.ReLU(inplace=inplace), second)
    x, y = batches()[0]
    before = first(x)
    after = before.relu()
    out = second(after)
    value = cross_entropy(out, y)
    grads = torch.autograd.grad(value, [before, after, out, *first.parameters()])

    shown = mlcore.activations(model, cross_entropy, (x, y))

    assert shown.loss == pytest.approx(value.item())
    for name, tensor, grad in zip("012", (before, after, out), grads, strict=False):
        layer = row(shown, name)
        assert layer.mean == pytest.approx(tensor.mean().item(), rel=1e-5)
        assert layer.std == pytest.approx(tensor.std(correction=0).item(), rel=1e-5)
        assert layer.gradient_rms == pytest.approx(grad.square().mean().sqrt().item(), rel=1e-5)
        assert layer.zeros == pytest.approx((tensor == 0).float().mean().item())
        assert layer.dead == pytest.approx((tensor == 0).all(0).float().mean().item())
    norm = math.hypot(*(grad.norm().item() for grad in grads[3:]))
    assert row(shown, "0").weight_gradient_norm == pytest.approx(norm, rel=1e-5)
    known = math.hypot(*(p.detach().norm().item() for p in first.parameters()))
    assert row(shown, "0").weight_norm == pytest.approx(known, rel=1e-5)
    assert row(shown, "1").saturated == pytest.approx((before <= 0).float().mean().item())
    assert math.isnan(row(shown, "0").saturated)
    assert math.isnan(row(shown, "1").weight_norm)


def test_it_agrees_with_the_chapter_on_initialization() -> None:
    generator = torch.Generator().manual_seed(0)
    images, labels = torch.randn(16, 28, 28, generator=generator), torch.arange(16) % 10
    known = mlcore.layers.propagate(images, labels, depth=4, width=20)
    shown = mlcore.activations(
        known.model,
        lambda out, y: cross_entropy(out, y, reduction="sum"),
        (images.flatten(1), labels),
    )
    for number in range(1, 5):
        spread = row(shown, f"activation{number}").std
        assert spread == pytest.approx(known.activation_std[number - 1], rel=1e-5)
        back = row(shown, f"hidden{number}").gradient_rms
        assert back == pytest.approx(known.gradient_std[number - 1], rel=1e-5)


@pytest.mark.parametrize("function", [nn.Sigmoid(), nn.Tanh(), nn.GELU(), nn.Hardtanh()])
def test_saturation_is_a_slope_near_zero(function: nn.Module) -> None:
    x = torch.linspace(-12, 12, 97).reshape(1, -1)
    model = nn.Sequential(nn.Linear(97, 97, bias=False), function)
    nn.init.eye_(model[0].weight)  # type: ignore[arg-type]
    free = x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(function(free).sum(), free)
    shown = mlcore.activations(model, mse_loss, (x, torch.zeros_like(x)))
    assert row(shown, "1").saturated == pytest.approx((slope.abs() < 1e-3).float().mean().item())
    assert row(shown, "1").saturated > 0


class _Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(4, 8, batch_first=True)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.act = nn.Tanh()
        self.unused = nn.Linear(2, 2)
        self.idle = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.act(self.lstm(x)[0])
        out: Tensor = self.act(self.attention(hidden, hidden, hidden)[0])
        return out


def test_recurrence_attention_layers_called_twice_and_those_not_called() -> None:
    torch.manual_seed(0)
    model, x = _Recurrent(), torch.randn(3, 5, 4)
    shown = mlcore.activations(model, mse_loss, (x, torch.zeros(3, 5, 8)))
    assert [layer.name for layer in shown.layers] == [
        "lstm",
        "act",
        "attention",
        "attention.out_proj",
        "unused",
    ]
    hidden = model.act(model.lstm(x)[0])
    both = torch.stack([hidden, model.act(model.attention(hidden, hidden, hidden)[0])])
    assert row(shown, "act").mean == pytest.approx(both.mean().item(), rel=1e-4)
    assert row(shown, "act").std == pytest.approx(both.std(correction=0).item(), rel=1e-4)
    assert row(shown, "attention.out_proj").weight_gradient_norm > 0
    assert math.isnan(row(shown, "unused").mean)
    assert row(shown, "unused").weight_gradient_norm == 0


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_the_model_is_left_as_it_was(mode: Any) -> None:
    model = stateful()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    modes, state = [module.training for module in model.modules()], torch.get_rng_state()
    one, again = (
        mlcore.activations(model, cross_entropy, batches()[0], mode=mode, seed=2).table()
        for _ in range(2)
    )
    assert one.equals(again)
    assert all(torch.equal(before[name], now) for name, now in model.state_dict().items())
    assert [module.training for module in model.modules()] == modes
    assert torch.equal(torch.get_rng_state(), state)
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_it_shows_itself_as_text_as_a_table_and_as_a_chart() -> None:
    shown = mlcore.activations(stateful(), cross_entropy, batches()[0])
    assert "gradient from" in repr(shown)
    assert str(shown).splitlines()[2].split()[:2] == ["0", "Linear"]
    assert "in train mode" in str(shown).splitlines()[-1]
    assert len(shown.table()) == len(shown.layers) == 6
    made = shown.chart().to_dict()
    assert len(made["hconcat"]) == 3
    assert "6 layers" in made["description"]
    assert all(panel["encoding"]["tooltip"] for panel in made["hconcat"])
    assert all(panel["encoding"]["x"]["title"] for panel in made["hconcat"])


def test_what_cannot_be_measured_is_said() -> None:
    x, y = batches()[0]
    with pytest.raises(DivergenceError, match="The loss is nan"):
        mlcore.activations(nn.Linear(6, 3), cross_entropy, (x * math.nan, y))
    with pytest.raises(MlcoreError, match=r"pair \(input, target\)"):
        mlcore.activations(nn.Linear(6, 3), cross_entropy, x)  # type: ignore[arg-type]
    with pytest.raises(MlcoreError, match="does not depend on any parameter"):
        mlcore.activations(nn.Linear(6, 3).requires_grad_(False), cross_entropy, (x, y))
