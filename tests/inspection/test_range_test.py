"""The range test finds the limit it crosses, and leaves everything as it was."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

import mlcore
from mlcore import MlcoreError
from mlcore.core import DivergenceError
from mlcore.inspection.suggestions import steepest, valley
from tests.inspection.networks import NOTHING, Quadratic, as_it_is, batches, stateful


@pytest.mark.parametrize("curvature", [0.02, 1.0, 30.0])
def test_the_loss_of_a_quadratic_turns_at_2_over_lambda(curvature: float) -> None:
    found = mlcore.lr_find(
        Quadratic([curvature] * 3), as_it_is, NOTHING, low=1e-4, high=1e4, steps=400, smoothing=0
    )
    limit = 2 / curvature
    assert found.largest_stable_rate == pytest.approx(limit, rel=1e-6)
    turn = int(found.losses.argmin())  # the step with that rate is the first to raise the loss
    assert found.rates[turn - 1] <= limit <= found.rates[turn]
    assert found.diverged is not None
    assert limit <= found.diverged <= 2 * limit


def test_no_step_below_2_over_lambda_raises_the_loss_and_soon_after_it_diverges() -> None:
    found = mlcore.lr_find(
        Quadratic([8.0, 1.0, 0.1]), as_it_is, NOTHING, low=1e-3, high=1e2, steps=300, smoothing=0
    )
    below = found.rates < 2 / 8
    assert np.all(np.diff(found.losses[: below.sum() + 1]) < 0)
    assert found.diverged is not None
    assert 2 / 8 <= found.diverged <= 4 * 2 / 8


def _bits(model: nn.Module, optimizer: torch.optim.Optimizer) -> list[Any]:
    """Everything that must not change, as bytes and objects."""

    def plain(value: Any) -> Any:
        return value.numpy(force=True).tobytes() if isinstance(value, Tensor) else value

    return [
        [(name, plain(t), t.data_ptr()) for name, t in model.state_dict(keep_vars=True).items()],
        [(id(p), p.requires_grad, id(p.grad), plain(p.grad)) for p in model.parameters()],
        [(name, module.training) for name, module in model.named_modules()],
        [
            (id(p), [(name, id(value), plain(value)) for name, value in state.items()])
            for p, state in optimizer.state.items()
        ],
        [{**group, "params": None} for group in optimizer.param_groups],
        [sorted(vars(module)) for module in model.modules()],
        plain(torch.get_rng_state()),
        repr(np.random.get_state()),
        random.getstate(),
    ]


def _prepared() -> tuple[nn.Module, torch.optim.Optimizer, DataLoader[Any]]:
    """A model in training, with gradients and an optimizer's state, and a NaN in a buffer."""
    model = stateful()
    model.state_dict()["1.running_mean"][0] = math.nan
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=0.01)
    x, y = batches()[0]
    for _ in range(2):
        optimizer.zero_grad()
        cross_entropy(model(x), y).backward()  # type: ignore[no-untyped-call]  # torch's own
        optimizer.step()
    loader = DataLoader(
        TensorDataset(x, y), batch_size=8, shuffle=True, generator=torch.Generator().manual_seed(1)
    )
    return model, optimizer, loader


def _raising(error: BaseException, after: int) -> Callable[[Tensor, Tensor], Tensor]:
    calls = itertools.count(1)

    def loss(output: Tensor, target: Tensor) -> Tensor:
        random.random(), np.random.rand()
        if next(calls) == after:
            raise error
        return cross_entropy(output, target)

    return loss


@pytest.mark.parametrize("after", [1, 2, 5, 10_000])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("of the loss")])
@pytest.mark.parametrize("own", [True, False])
def test_everything_is_left_bit_for_bit(after: int, error: BaseException, own: bool) -> None:
    model, optimizer, loader = _prepared()
    before, order = _bits(model, optimizer), loader.generator.get_state()
    try:
        found = mlcore.lr_find(
            model,
            _raising(error, after),
            loader,
            low=1e-3,
            steps=8,
            optimizer=optimizer if own else torch.optim.AdamW,
        )
        assert after == 10_000
        assert len(found.rates) == 8
    except type(error):
        assert after < 10_000
    assert _bits(model, optimizer) == before
    assert torch.equal(loader.generator.get_state(), order)


def test_a_second_ctrl_c_while_it_restores_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, optimizer, loader = _prepared()
    before = _bits(model, optimizer)
    setstate, calls = random.setstate, itertools.count()

    def interrupted(state: Any) -> None:
        if next(calls) == 0:
            raise KeyboardInterrupt
        setstate(state)

    monkeypatch.setattr(random, "setstate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        mlcore.lr_find(model, cross_entropy, loader, steps=4, curvature_batches=0)
    assert _bits(model, optimizer) == before


class _Restless(nn.Module):
    """Rebinds a buffer, counts its calls and shares a weight."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 4)
        self.second = nn.Linear(4, 4)
        self.second.weight = self.first.weight
        self.mean: Tensor
        self.register_buffer("mean", torch.zeros(4), persistent=False)
        self.calls = 0
        self.last: Tensor | None = None

    def forward(self, x: Tensor, *, scale: float) -> Tensor:
        self.calls += 1
        self.mean = 0.9 * self.mean + 0.1 * x.mean(0)
        self.last = x
        out: Tensor = self.second(self.first(x)) * scale
        return out


def test_rebound_buffers_counters_and_tied_weights_are_restored() -> None:
    torch.manual_seed(0)
    model, x = _Restless(), torch.randn(3, 4, requires_grad=True)
    mean, weight = model.mean, model.first.weight.detach().clone()
    data = [({"x": x, "scale": 2.0}, torch.zeros(3, 4))]
    mlcore.lr_find(model, nn.MSELoss(), data, steps=5)
    assert model.calls == 0
    assert model.last is None
    assert model.mean is mean
    assert not mean.any()
    assert torch.equal(model.second.weight, weight)
    assert model.second.weight is model.first.weight
    assert x.grad is None


def test_the_same_seed_gives_the_same_curve_and_no_grad_does_not_matter() -> None:
    model, _, loader = _prepared()
    one = mlcore.lr_find(model, cross_entropy, loader, steps=6, seed=4)
    torch.rand(3)
    with torch.inference_mode():
        again = mlcore.lr_find(model, cross_entropy, loader, steps=6, seed=4)
    other = mlcore.lr_find(model, cross_entropy, loader, steps=6, seed=5)
    assert one.losses.tolist() == again.losses.tolist()
    assert one.losses.tolist() != other.losses.tolist()
    assert one.sharpness == again.sharpness


def test_each_step_is_the_optimizer_s_own() -> None:
    """Beside a plain loop over the same batches."""
    torch.manual_seed(0)
    model, data = nn.Linear(6, 3), batches(count=4)
    found = mlcore.lr_find(
        model, cross_entropy, data, low=0.01, high=1, steps=7, optimizer=torch.optim.Adam
    )
    optimizer = torch.optim.Adam(model.parameters())
    for place, (x, y) in enumerate([*data, *data][:7]):
        loss = cross_entropy(model(x), y)
        assert found.losses[place] == loss.item()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch's own
        optimizer.param_groups[0]["lr"] = 0.01 * 100 ** (place / 6)
        optimizer.step()
    assert "not of this Adam" in found.note


def _longest_fall(losses: list[float]) -> tuple[int, int]:
    """Where the first of the longest falling subsequences ends, and how long it is."""
    for length in range(len(losses), 0, -1):
        ends = [
            chosen[-1]
            for chosen in itertools.combinations(range(len(losses)), length)
            if all(losses[a] > losses[b] for a, b in itertools.pairwise(chosen))
        ]
        if ends:
            return min(ends), length
    raise AssertionError


@pytest.mark.parametrize("seed", range(6))
def test_the_suggestions_are_those_of_the_rules(seed: int) -> None:
    rates = np.geomspace(1e-3, 1, 9)
    losses = np.random.default_rng(seed).permutation(9).astype(float)
    end, length = _longest_fall(losses.tolist())
    assert valley(rates, losses) == rates[max(end - length, 0) + length // 3 + length // 6]
    slopes = np.gradient(np.log(rates))[0]
    assert steepest(rates, losses) == rates[int((np.diff(losses) / slopes).argmin())]


def test_a_loss_that_never_falls_has_no_suggestion() -> None:
    rates = np.geomspace(1e-3, 1, 9)
    assert valley(rates, np.arange(9.0)) is None
    assert steepest(rates, np.arange(9.0)) is None
    found = mlcore.lr_find(nn.Linear(6, 3), cross_entropy, batches(), steps=3)
    assert found.suggestion is None
    assert "no suggestion" in repr(found)
    found.chart().to_dict()


def test_a_model_that_cannot_be_differentiated_twice_is_tested_all_the_same() -> None:
    class Once(torch.autograd.Function):
        @staticmethod
        def forward(_: Any, x: Tensor) -> Tensor:
            return x.clone()

        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(_: Any, grad: Tensor) -> Tensor:
            return grad.clone()

    def loss(output: Tensor, target: Tensor) -> Tensor:
        return cross_entropy(Once.apply(output), target)  # type: ignore[no-untyped-call]

    found = mlcore.lr_find(nn.Linear(6, 3), loss, batches(), steps=4)
    assert found.sharpness is None
    assert found.largest_stable_rate is None
    assert "cannot be differentiated twice" in found.note


def test_a_curvature_that_is_not_finite_does_not_end_the_test() -> None:
    def loss(output: Tensor, _: Tensor) -> Tensor:
        return output.square().sum().sqrt()  # at 0 neither slope nor curvature

    model = nn.Linear(2, 1, bias=False)
    nn.init.zeros_(model.weight)
    found = mlcore.lr_find(model, loss, [(torch.ones(3, 2), torch.zeros(3))], steps=3)
    assert found.sharpness is None
    assert found.note.startswith("No 2/λ: A product with the Hessian is not finite")


def test_it_shows_itself_in_words_as_a_table_and_as_a_chart() -> None:
    torch.manual_seed(0)
    found = mlcore.lr_find(nn.Linear(6, 3), cross_entropy, batches(), low=1e-4, high=1e4)
    assert found.suggestion is not None
    assert f"suggestion {found.suggestion:.3g}" in repr(found)
    assert "2/λ" in repr(found)
    assert found.table().columns.tolist() == ["step", "rate", "loss", "smoothed"]
    assert len(found.table()) == len(found.rates)
    made = found.chart().to_dict()
    marked = [row["name"] for rows in made["datasets"].values() for row in rows if "name" in row]
    assert {"suggestion", "2/λ"} <= set(marked)
    assert made["description"].startswith("Loss against learning rate")
    told = [layer for layer in made["layer"] if layer["mark"]["type"] != "text"]
    assert all("tooltip" in layer["encoding"] for layer in told)


def test_an_overflow_ends_it_and_is_kept() -> None:
    found = mlcore.lr_find(
        Quadratic([1.0]), as_it_is, NOTHING, low=3, high=1e150, steps=9, stop_factor=math.inf
    )
    assert found.diverged is not None
    assert not np.isfinite(found.losses[-1])
    found.chart().to_dict()


def test_what_cannot_be_tested_is_said() -> None:
    x, y = batches()[0]
    model = nn.Linear(6, 3)
    with pytest.raises(DivergenceError, match="before any step"):
        mlcore.lr_find(model, cross_entropy, [(x * math.nan, y)], curvature_batches=0)
    refused: dict[str, dict[str, Any]] = {
        "0 < low < high": {"low": 1, "high": 0.1},
        "steps is 1": {"steps": 1},
        "smoothing is 1": {"smoothing": 1},
        "stop_factor is 1": {"stop_factor": 1},
        "curvature_batches is -1": {"curvature_batches": -1},
        "cannot be read again": {"data": iter([(x, y)] * 3)},
        "must be a torch.optim.Optimizer": {"optimizer": "adam"},
        "no parameter of this model": {"optimizer": torch.optim.SGD(nn.Linear(2, 2).parameters())},
        "needs a closure": {"optimizer": torch.optim.LBFGS},
    }
    for words, changes in refused.items():
        given: dict[str, Any] = {"model": model, "loss": cross_entropy, "data": [(x, y)], **changes}
        with pytest.raises(MlcoreError, match=words):
            mlcore.lr_find(**given)
