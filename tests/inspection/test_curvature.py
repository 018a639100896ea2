"""λ beside the whole Hessian, and 2/λ beside what descent does."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss

from mlcore import MlcoreError
from mlcore.core import DivergenceError
from mlcore.inspection import sharpness
from tests.inspection.networks import NOTHING, Quadratic, as_it_is, batches, stateful


@given(
    st.lists(st.floats(-4, 4), min_size=1, max_size=6),
    st.floats(5, 20),
    st.integers(0, 9),
)
@settings(max_examples=20)
def test_the_eigenvalue_of_a_quadratic_is_exact(rest: list[float], top: float, seed: int) -> None:
    found = sharpness(
        Quadratic([*rest, top], seed), as_it_is, NOTHING, tolerance=1e-9, iterations=500, seed=seed
    )
    assert found.converged
    assert found.eigenvalue == pytest.approx(top, rel=1e-6)
    assert found.largest_rate == pytest.approx(2 / top, rel=1e-6)


@pytest.mark.parametrize("eigenvalues", [[-9.0, 1.0, 3.0], [-3.0, 0.5, 3.0], [-5.0, -2.0, -1.0]])
def test_the_largest_is_found_where_a_negative_one_is_as_large(eigenvalues: list[float]) -> None:
    found = sharpness(Quadratic(eigenvalues), as_it_is, NOTHING, tolerance=1e-8, iterations=800)
    assert found.converged
    assert found.eigenvalue == pytest.approx(max(eigenvalues), rel=1e-6)
    assert math.isinf(found.largest_rate) == (max(eigenvalues) < 0)


def _whole_hessian(model: nn.Sequential, x: Tensor, y: Tensor) -> np.ndarray:
    """The Hessian of the cross-entropy in all parameters that require a gradient, flattened."""
    free = {name: p.detach() for name, p in model.named_parameters() if p.requires_grad}
    sizes = [p.numel() for p in free.values()]

    def loss(flat: Tensor) -> Tensor:
        parts = {
            name: part.view_as(p)
            for (name, p), part in zip(free.items(), torch.split(flat, sizes), strict=True)
        }
        return cross_entropy(torch.func.functional_call(model, parts, x), y)

    flat = torch.cat([p.flatten() for p in free.values()])
    hessian: Tensor = torch.autograd.functional.hessian(loss, flat)  # type: ignore[no-untyped-call]
    return hessian.numpy()


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_the_eigenvalue_of_an_mlp_is_that_of_its_whole_hessian(
    mode: Literal["train", "eval"],
) -> None:
    model = stateful().double()
    del model[2]  # dropout: the oracle would draw other masks
    x, y = batches()[0]
    found = sharpness(
        model, cross_entropy, [(x.double(), y)], mode=mode, tolerance=1e-6, iterations=2000
    )
    model.train(mode == "train")
    known = np.linalg.eigvalsh(_whole_hessian(model, x.double(), y))[-1]
    assert found.converged
    assert found.mode == mode
    assert found.eigenvalue == pytest.approx(known, rel=1e-6)


def test_several_batches_are_averaged() -> None:
    model = nn.Sequential(nn.Linear(6, 4), nn.Tanh(), nn.Linear(4, 3)).double()
    data = [(x.double(), y) for x, y in batches()]
    found = sharpness(model, cross_entropy, data, batches=3, tolerance=1e-6, iterations=2000)
    all_x, all_y = (torch.cat(parts) for parts in zip(*data, strict=True))
    known = np.linalg.eigvalsh(_whole_hessian(model, all_x, all_y))[-1]
    assert found.eigenvalue == pytest.approx(known, rel=1e-6)
    assert found.batches == 3
    assert sharpness(model, cross_entropy, data, batches=9).batches == 3


def test_dropout_draws_the_same_masks_for_every_product() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 64), nn.Dropout(0.5), nn.Linear(64, 3))
    for count in (1, 2):
        one, again = (
            sharpness(model, cross_entropy, batches(), batches=count, seed=5) for _ in range(2)
        )
        assert one == again
        assert one.converged


class _Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(4, 8, batch_first=True)
        layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.attention = nn.TransformerEncoder(layer, 1)
        self.out = nn.Linear(8, 1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.out(self.attention(self.lstm(x)[0]))[:, -1]
        return out


def test_recurrence_and_attention_are_differentiated_twice() -> None:
    torch.manual_seed(0)
    model, data = _Recurrent(), [(torch.randn(5, 7, 4), torch.randn(5, 1))]
    enabled = torch.backends.mkldnn.enabled
    found = sharpness(model, mse_loss, data, mode="eval")
    assert found.eigenvalue > 0
    assert torch.backends.mkldnn.enabled == enabled
    assert torch.backends.mha.get_fastpath_enabled()


def test_a_loss_without_curvature_has_no_limit() -> None:
    model = nn.Linear(2, 1)
    found = sharpness(model, lambda out, _: out.mean(), [(torch.ones(3, 2), None)])
    assert (found.eigenvalue, found.residual, found.converged) == (0.0, 0.0, True)
    assert math.isinf(found.largest_rate)


def test_what_cannot_be_measured_is_said() -> None:
    x, y = batches()[0]
    model = nn.Linear(6, 3)
    with pytest.raises(DivergenceError, match="The loss is nan, which has no curvature"):
        sharpness(model, cross_entropy, [(x * math.nan, y)])
    refused: dict[str, dict[str, Any]] = {
        "must be 'train' or 'eval'": {"mode": "training"},
        "tolerance is 0": {"tolerance": 0},
        "batches is 0": {"batches": 0},
        "seed is -1": {"seed": -1},
        "must be a torch.nn.Module": {"model": cross_entropy},
        "no batch": {"data": []},
        r"pair \(input, target\)": {"data": [x]},
        "A single batch goes into a list": {"data": x},
        "Take their mean": {"loss": lambda out, _: out},
        "must return a tensor": {"loss": lambda out, _: out.sum().item()},
        "does not depend on any parameter": {"loss": lambda out, _: out.detach().sum()},
        "has no shape yet": {"model": nn.LazyLinear(3)},
        "no parameter that requires a gradient": {"model": nn.Linear(6, 3).requires_grad_(False)},
    }
    for words, changes in refused.items():
        given: dict[str, Any] = {"model": model, "loss": cross_entropy, "data": [(x, y)], **changes}
        with pytest.raises(MlcoreError, match=words):
            sharpness(**given)
