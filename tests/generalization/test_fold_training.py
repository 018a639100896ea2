"""Softmax regressions of all folds at once: each equals torch's own training; leaks show."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from mlcore.core import InputError
from mlcore.generalization import train_folds
from mlcore.generalization.fold_training import LEAKS, LEAST_STD, MOMENTUM, Leak

N, D, CLASSES, FOLDS = 45, 6, 3, 3


def data(seed: int = 0) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(N) % CLASSES
    samples = torch.randn(N, D, generator=generator, dtype=torch.float64) + labels[:, None]
    samples[:, 0] = 1.0  # an input that does not vary
    copies = samples + 0.1 * torch.randn(2, N, D, generator=generator, dtype=torch.float64)
    return samples, labels, torch.arange(N) % 4 % FOLDS + 1, copies


@pytest.mark.parametrize("leak", LEAKS)
def test_each_fold_is_trained_as_torch_trains_it_alone(leak: Leak) -> None:
    samples, labels, numbers, copies = data()
    fresh, fresh_labels, _, _ = data(seed=1)
    found = train_folds(
        samples, labels, numbers, copies=copies, leak=leak, fresh=(fresh, fresh_labels), steps=12
    )

    for fold in range(FOLDS):
        inside = numbers != fold + 1
        own = torch.ones(N, dtype=torch.bool) if leak == "copies" else inside
        learned = torch.cat([samples[inside], *(part[own] for part in copies)])
        targets = torch.cat([labels[inside], labels[own], labels[own]])
        seen = torch.cat([samples, *copies]) if leak == "normalization" else learned
        mean, std = seen.mean(dim=0), seen.std(dim=0, correction=0).clamp(min=LEAST_STD)
        weights = torch.zeros(D, CLASSES, dtype=torch.float64, requires_grad=True)
        biases = torch.zeros(CLASSES, dtype=torch.float64, requires_grad=True)
        optimizer = torch.optim.SGD([weights, biases], lr=0.03, momentum=MOMENTUM)
        for _ in range(12):
            optimizer.zero_grad()
            outputs = (learned - mean) / std @ weights + biases
            loss = torch.nn.functional.cross_entropy(outputs, targets)
            loss.backward()  # type: ignore[no-untyped-call]  # torch's own
            optimizer.step()

        def accuracy(x: Tensor, y: Tensor, *of: Tensor) -> float:
            mean, std, weights, biases = of
            right: Tensor = ((x - mean) / std @ weights + biases).argmax(dim=1) == y
            return float(right.double().mean())

        model = (mean, std, weights.detach(), biases.detach())
        assert torch.allclose(found.weights[fold], model[2], atol=1e-10, rtol=0)
        assert torch.allclose(found.biases[fold], model[3], atol=1e-10, rtol=0)
        assert float(found.train[-1, fold]) == pytest.approx(accuracy(learned, targets, *model))
        out = accuracy(samples[~inside], labels[~inside], *model)
        assert float(found.validation[-1, fold]) == pytest.approx(out)
        assert found.fresh is not None
        assert float(found.fresh[-1, fold]) == pytest.approx(accuracy(fresh, fresh_labels, *model))

    assert found.steps.tolist() == [0, 5, 10, 12]
    error = float(found.validation[-1].std()) / FOLDS**0.5
    assert found.standard_error == pytest.approx(error)


def test_copies_of_what_is_held_out_flatter_the_estimate_and_nothing_else() -> None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 2, (60,), generator=generator)  # nothing can be learned from noise
    samples = torch.randn(60, 100, generator=generator)
    fresh = torch.randn(2000, 100, generator=generator), torch.arange(2000) % 2
    numbers = torch.arange(60) % 5 + 1

    def estimate(leak: Leak) -> Any:
        return train_folds(samples, labels, numbers, copies=samples[None], leak=leak, fresh=fresh)

    honest, leaking = estimate("none"), estimate("copies")
    assert abs(honest.estimate - 0.5) < 0.15
    assert leaking.estimate > 0.95
    assert abs(leaking.truth - 0.5) < 0.05


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"leak": "all"}, "leak"),
        ({"steps": 0}, "steps"),
        ({"lr": float("nan")}, "lr"),
        ({"numbers": torch.ones(N, dtype=torch.int64)}, "numbers"),
        ({"numbers": torch.arange(N) % 3}, "numbers"),
        ({"numbers": torch.arange(N) % 3 * 2 + 1}, "numbers"),
        ({"labels": torch.zeros(3, dtype=torch.int64)}, "labels"),
        ({"copies": torch.zeros(N, D)}, "copies"),
    ],
)
def test_a_refusal_names_the_argument(change: dict[str, Any], named: str) -> None:
    samples, labels, numbers, copies = data()
    given = {"samples": samples, "labels": labels, "numbers": numbers, "copies": copies} | change
    with pytest.raises(InputError, match=named):
        train_folds(**given)
