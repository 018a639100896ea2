"""The descent against torch.optim, the course's figures and itself."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given
from torch import Tensor

from mlcore.regression import Problem, Rule, descend, hours_scores, made
from mlcore.regression.losses import LOSSES, Loss, loss_of
from mlcore.regression.rules import RULE_NAMES, RuleName


def random_points(seed: int, n: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, generator=generator, dtype=torch.float64)
    return x, 2 * x + torch.randn(n, generator=generator, dtype=torch.float64) + 3


def torch_optimizer(rule: Rule, theta: Tensor, lr: float) -> torch.optim.Optimizer:
    match rule.name:
        case "gradient_descent":
            return torch.optim.SGD([theta], lr=lr)
        case "momentum":
            return torch.optim.SGD([theta], lr=lr, momentum=rule.momentum)
        case "nesterov":
            return torch.optim.SGD([theta], lr=lr, momentum=rule.momentum, nesterov=True)
        case "adagrad":
            return torch.optim.Adagrad([theta], lr=lr)
        case "rmsprop":
            return torch.optim.RMSprop([theta], lr=lr, alpha=rule.alpha)
        case "adam":
            return torch.optim.Adam([theta], lr=lr, betas=(rule.beta1, rule.beta2))


def torch_path(problem: Problem, rule: Rule, lr: float, steps: int) -> Tensor:
    """The path that torch.optim and autograd take on the unreduced problem, (steps + 1, d)."""
    modules = {
        "squared": torch.nn.MSELoss(),
        "absolute": torch.nn.L1Loss(),
        "huber": torch.nn.HuberLoss(delta=problem.delta),
    }
    theta = torch.zeros(len(problem.names), dtype=torch.float64, requires_grad=True)
    optimizer, path = torch_optimizer(rule, theta, lr), [theta.detach().clone()]
    for _ in range(steps):
        optimizer.zero_grad()
        modules[problem.loss](problem.features @ theta, problem.y).backward()
        optimizer.step()
        path.append(theta.detach().clone())
    return torch.stack(path)


@given(
    seed=st.integers(0, 10**6),
    n=st.integers(2, 30),
    name=st.sampled_from(RULE_NAMES),
    loss=st.sampled_from(LOSSES),
    lr=st.floats(1e-4, 0.3),
    momentum=st.floats(0.05, 0.98),
)
def test_every_optimizer_matches_torch_step_for_step(
    seed: int, n: int, name: RuleName, loss: Loss, lr: float, momentum: float
) -> None:
    x, y = random_points(seed, n)
    rule = Rule(name, momentum=momentum)
    ours = descend(x, y, lr=lr, steps=25, loss=loss, delta=1.5, optimizer=rule)
    theirs = torch_path(Problem.of(x, y, loss=loss, delta=1.5), rule, lr, 25)
    scale = theirs.abs().amax(1, keepdim=True).clamp_min(1e-9)
    assert float(((ours.theta - theirs).abs() / scale).max()) <= 1e-6


def test_the_course_run_gives_the_course_figures() -> None:
    data = hours_scores()
    path = descend(data.x, data.y, lr=1e-4, steps=1000)
    assert f"{path.w[-1]:.4f} {path.b[-1]:.4f} {path.loss[-1]:.2f}" == "1.4777 0.0889 112.61"


def test_many_rates_at_once_are_the_rates_one_by_one() -> None:
    data = hours_scores()
    rates = torch.logspace(-6, -3.3, 7, dtype=torch.float64)
    together = descend(data.x, data.y, lr=rates, steps=50)
    assert together.w.shape == together.b.shape == together.loss.shape == (51, 7)
    for k, rate in enumerate(rates.tolist()):
        alone = descend(data.x, data.y, lr=rate, steps=50)
        assert alone.loss.shape == (51,)
        torch.testing.assert_close(together.theta[..., k], alone.theta, rtol=1e-12, atol=0)


@given(seed=st.integers(0, 10**6), n=st.integers(1, 40), loss=st.sampled_from(LOSSES))
def test_losses_and_gradients_are_those_of_autograd_on_the_raw_points(
    seed: int, n: int, loss: Loss
) -> None:
    x, y = random_points(seed, n)
    problem = Problem.of(x, y, model="polynomial", degree=3, loss=loss, delta=0.7)
    theta = torch.randn(4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    leaf = theta.clone().requires_grad_()
    direct = loss_of(problem.features @ leaf - y[:, None], loss, 0.7).mean(0)
    direct.sum().backward()  # type: ignore[no-untyped-call]
    torch.testing.assert_close(problem.losses(theta), direct.detach(), rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(problem.gradients(theta), leaf.grad, rtol=1e-9, atol=1e-9)


def test_a_divergent_rate_ends_in_an_infinite_loss_and_harms_no_other() -> None:
    data = hours_scores()
    path = descend(data.x, data.y, lr=[1e-4, 1.0], steps=400)
    assert float(path.loss[-1, 1]) == float("inf")
    assert (
        f"{path.loss[-1, 0]:.2f}" == f"{descend(data.x, data.y, lr=1e-4, steps=400).loss[-1]:.2f}"
    )


def test_an_epoch_of_single_points_uses_each_point_once() -> None:
    x, y = random_points(3, 12)
    seen: list[int] = []
    problem = Problem.of(x, y)
    gradients = Problem.gradients

    def watched(self: Problem, theta: Tensor, rows: Tensor | None = None) -> Tensor:
        assert rows is not None
        seen.extend(rows.tolist())
        return gradients(self, theta, rows)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Problem, "gradients", watched)
        descend(x, y, lr=0.01, steps=24, batch_size=1)
    assert len(problem.y) == 12
    assert sorted(seen[:12]) == sorted(seen[12:]) == list(range(12))
    assert seen[:12] != seen[12:]


def test_mini_batches_are_drawn_from_the_generator_given() -> None:
    x, y = random_points(0, 30)

    def last(seed: int) -> float:
        generator = torch.Generator().manual_seed(seed)
        path = descend(x, y, lr=0.05, steps=20, batch_size=4, generator=generator)
        return float(path.loss[-1])

    assert last(1) == last(1) != last(2)


def test_a_million_points_cost_no_more_a_step_than_their_square_root() -> None:
    data = made(count=1_000_000, noise=3.0, seed=1)
    problem = Problem.of(data.x, data.y)
    few = problem.reduced
    assert few.rows.shape == (2, 2)
    theta = torch.tensor([[1.2], [4.0]], dtype=torch.float64)
    direct = ((problem.features @ theta)[:, 0] - data.y).square().mean()
    assert float(problem.losses(theta)[0]) == pytest.approx(float(direct), rel=1e-12)
    assert few.rest > 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"lr": -1.0}, "lr holds a value"),
        ({"lr": []}, "lr holds a value"),
        ({"lr": [[1.0]]}, "lr has the shape"),
        ({"lr": 0.1, "steps": -1}, "steps is -1"),
        ({"lr": 0.1, "steps": 10**9}, "numbers to keep"),
        ({"lr": 0.1, "batch_size": 0}, "batch_size is 0"),
        ({"lr": 0.1, "start": (1.0,)}, r"2 finite number\(s\): w, b"),
        ({"lr": 0.1, "degree": 9, "model": "polynomial"}, "degree is 9"),
        ({"lr": 0.1, "model": "cubic"}, "model is 'cubic'"),
        ({"lr": 0.1, "loss": "cross"}, "loss is 'cross'"),
        ({"lr": 0.1, "optimizer": "sgd"}, "optimizer is 'sgd'"),
    ],
)
def test_a_setting_out_of_range_is_named(arguments: dict[str, object], words: str) -> None:
    x, y = random_points(0, 5)
    with pytest.raises(ValueError, match=words):
        descend(x, y, **arguments)  # type: ignore[arg-type]  # wrong on purpose
