"""What the verdict promises, measured: borders, predicted steps, closed forms."""

from __future__ import annotations

import math
from fractions import Fraction

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given
from sklearn.linear_model import LinearRegression
from torch import Tensor

from mlcore.regression import Problem, Rule, descend, hours_scores, judge, least_squares, verdict
from mlcore.regression.modes import LINEAR, Modes
from mlcore.regression.rules import RuleName


def random_set(seed: int) -> tuple[Tensor, Tensor]:
    """Points as people have them: any unit, any offset, 3 to 60 of them."""
    generator = torch.Generator().manual_seed(seed)
    n = int(torch.randint(3, 61, (), generator=generator))
    scale = 10 ** float(torch.empty(()).uniform_(-2, 2, generator=generator))
    offset = float(torch.empty(()).uniform_(-3, 3, generator=generator))
    x = scale * (torch.randn(n, generator=generator, dtype=torch.float64) + offset)
    noise = torch.randn(n, generator=generator, dtype=torch.float64)
    return x, 3 * x / scale + noise + 1


SETS = range(200)


def test_the_hessian_is_that_of_autograd() -> None:
    x, y = random_set(5)
    problem = Problem.of(x, y)

    def loss(theta: Tensor) -> Tensor:
        return ((problem.features @ theta - y) ** 2).mean()

    at = torch.ones(2, dtype=torch.float64)
    hessian = torch.autograd.functional.hessian(loss, at)  # type: ignore[no-untyped-call]
    torch.testing.assert_close(verdict(x, y).eigenvalues, torch.linalg.eigvalsh(hessian))


@pytest.mark.parametrize("name", LINEAR)
def test_on_200_data_sets_the_divergence_border_is_right_within_one_percent(name: RuleName) -> None:
    for seed in SETS:
        x, y = random_set(seed)
        told = verdict(x, y, optimizer=name)
        assert told.divergent is not None
        steepest = told.directions[-1]  # an error along it alone, so that no other hides it
        fit = torch.tensor(least_squares(x, y).theta, dtype=torch.float64)
        rates = [0.99 * told.divergent, 1.01 * told.divergent]
        path = descend(x, y, lr=rates, steps=120, optimizer=name, start=(fit + steepest).tolist())
        error = (path.theta - fit[:, None]).transpose(1, 2) @ steepest
        assert error[-1, 0].abs() < 0.5, f"set {seed} does not shrink below the border"
        assert error[-1, 1].abs() > 2 or error[-1, 1].isnan(), f"set {seed} does not grow above"


@pytest.mark.parametrize("name", LINEAR)
def test_on_200_data_sets_predicted_steps_are_right_within_5_percent_or_one_step(
    name: RuleName,
) -> None:
    for seed in SETS:
        x, y = random_set(seed)
        told = verdict(x, y, optimizer=name)
        assert told.divergent is not None
        lr = (0.05 + 0.9 * ((seed * 37) % 100) / 100) * told.divergent
        path = descend(x, y, lr=lr, steps=100, optimizer=name)
        low, start = least_squares(x, y).loss, float(path.loss[0])
        deepest = (float(path.loss.min()) - low) / (start - low)
        tol = max(deepest, 1e-9) ** ((1 + seed % 5) / 6)  # a depth the path reaches on its way
        measured = path.steps_to(low + tol * (start - low))[0]
        predicted = told.predicted_steps(lr, tol)
        assert measured is not None
        assert predicted is not None
        assert abs(measured - predicted) <= max(1, 0.05 * measured), f"set {seed}"


@given(
    seed=st.integers(0, 10**6),
    name=st.sampled_from(LINEAR),
    momentum=st.floats(0.0, 0.98),
    part=st.floats(0.01, 1.02),
    steps=st.integers(0, 300),
)
def test_the_closed_form_gives_the_loss_that_training_gives(
    seed: int, name: RuleName, momentum: float, part: float, steps: int
) -> None:
    x, y = random_set(seed)
    rule = Rule(name, momentum=momentum)
    told = verdict(x, y, optimizer=rule)
    assert told.divergent is not None
    lr = part * told.divergent
    path = descend(x, y, lr=lr, steps=steps, optimizer=rule)
    closed, curve = told.predicted_loss(lr, steps), told.predicted_curve(lr, steps)
    assert closed is not None
    assert curve is not None
    torch.testing.assert_close(closed, path.loss[-1], rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(curve, path.loss, rtol=1e-6, atol=1e-8)


@given(mu=st.floats(0, 0.999), name=st.sampled_from(LINEAR), z=st.floats(1e-6, 4.5))
def test_the_radius_is_the_largest_eigenvalue_and_below_one_exactly_below_the_border(
    mu: float, name: RuleName, z: float
) -> None:
    modes = Modes(Rule(name, momentum=mu))
    matrix = modes.matrix(torch.tensor(z, dtype=torch.float64)).numpy()
    largest = np.abs(np.linalg.eigvals(matrix)).max()
    assert modes.radius(z) == pytest.approx(largest, abs=1e-6)
    if abs(z - modes.divergent) > 1e-6:
        assert (modes.radius(z) < 1) == (z < modes.divergent)


@given(mu=st.floats(0, 0.99), name=st.sampled_from(LINEAR), condition=st.floats(1, 1e4))
def test_no_rate_beats_the_best_rate_in_the_long_run(
    mu: float, name: RuleName, condition: float
) -> None:
    modes = Modes(Rule(name, momentum=mu))

    def worst(lr: float) -> float:
        return max(modes.radius(lr), modes.radius(lr * condition))

    best = modes.best_rate(1.0, condition)
    others = np.geomspace(1e-3 / condition, modes.divergent / condition, 200)
    assert worst(best) <= min(worst(float(lr)) for lr in others) + 1e-9


def test_the_error_changes_sign_exactly_between_the_oscillating_and_the_divergent_border() -> None:
    x, y = random_set(11)
    told = verdict(x, y, model="origin")
    assert told.oscillating is not None
    fit = least_squares(x, y, model="origin").w
    for part, sign in ((0.98, 1.0), (1.02, -1.0)):
        path = descend(x, y, lr=part * told.oscillating, steps=1, model="origin")
        assert math.copysign(1.0, (float(path.w[1]) - fit) * (0.0 - fit)) == sign


def test_bands_follow_one_another() -> None:
    data = hours_scores()
    told = verdict(data.x, data.y)
    assert [told.band(lr) for lr in (1e-6, 1e-4, 3e-4, 4.02e-4)] == [
        "slow",
        "smooth",
        "oscillating",
        "divergent",
    ]
    assert told.best_rate == pytest.approx(2 / float(told.eigenvalues.sum()), rel=1e-12)


def test_standardizing_brings_the_condition_number_to_one() -> None:
    data = hours_scores()
    raw, standardized = verdict(data.x, data.y), verdict(data.x, data.y, standardize=True)
    assert raw.condition > 6e4
    assert standardized.condition == pytest.approx(1, abs=1e-9)
    assert standardized.predicted_steps(0.5, 1e-6) == 1


def test_polyaks_pair_is_faster_than_any_rate_without_momentum() -> None:
    data = hours_scores()
    plain = verdict(data.x, data.y)
    assert plain.best_momentum is not None
    rate, momentum = plain.best_momentum
    with_momentum = verdict(data.x, data.y, optimizer=Rule("momentum", momentum=momentum))
    fast, slow = with_momentum.predicted_steps(rate, 1e-6), plain.predicted_steps(4e-4, 1e-6)
    assert fast is not None
    assert slow is not None
    assert fast < slow / 50


def test_the_best_rate_for_a_budget_ends_lowest_of_all_rates() -> None:
    data = hours_scores()
    told = verdict(data.x, data.y)
    for steps in (1, 10, 1000):
        best = told.best_rate_for(steps)
        assert best is not None
        rates = torch.linspace(best * 0.5, best * 1.2, 99, dtype=torch.float64)
        losses = descend(data.x, data.y, lr=rates, steps=steps).loss[-1]
        own = descend(data.x, data.y, lr=best, steps=steps).loss[-1]
        assert float(own) <= float(losses.min()) * (1 + 1e-12)


def test_too_small_best_and_too_large_are_what_they_say() -> None:
    data = hours_scores()
    told = verdict(data.x, data.y)
    rates = told.three_rates(200)
    assert rates is not None
    small, best, large = descend(data.x, data.y, lr=list(rates), steps=200).loss[-1].tolist()
    start = float(descend(data.x, data.y, lr=0.0, steps=0).loss[0])
    assert 0.3 * start < small < start
    assert best < 0.1 * start
    assert large > start


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"optimizer": "adam"}, "Adam rescales"),
        ({"optimizer": "rmsprop"}, "RMSprop rescales"),
        ({"batch_size": 10}, "Mini-batches"),
        ({"loss": "absolute"}, "straight pieces"),
        ({"loss": "huber", "optimizer": "momentum"}, "Huber"),
    ],
)
def test_where_no_theory_holds_it_gives_a_reason_and_no_number(
    settings: dict[str, object], word: str
) -> None:
    data = hours_scores()
    told = verdict(data.x, data.y, **settings)  # type: ignore[arg-type]  # parametrized
    assert word in told.note
    assert told.band(1e-4) is None
    assert told.predicted_steps(1e-4) is None
    assert told.predicted_loss(1e-4, 5) is None
    assert told.predicted_curve(1e-4, 5) is None
    nothing = (told.best_rate, told.divergent, told.slow, told.three_rates(10))
    assert nothing == (None, None, None, None)


def test_below_its_bound_the_huber_loss_does_not_rise() -> None:
    data = hours_scores()
    told = verdict(data.x, data.y, loss="huber", delta=5.0)
    assert told.divergent is not None
    assert not told.exact
    path = descend(data.x, data.y, lr=0.99 * told.divergent, steps=300, loss="huber", delta=5.0)
    assert bool((path.loss.diff() <= 1e-9).all())


def test_a_constant_x_leaves_a_valley_and_says_so() -> None:
    x, y = torch.full((5,), 2.0), torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0])
    told = verdict(x, y)
    assert told.condition == math.inf
    assert "fit equally well" in told.note
    assert told.divergent is not None
    path = descend(x, y, lr=0.5 * told.divergent, steps=50)
    assert float(path.loss[-1]) == pytest.approx(least_squares(x, y).loss)


def test_an_x_of_zeros_has_no_curvature_at_all() -> None:
    told = judge(Problem.of([0.0, 0.0], [1.0, 2.0], model="origin"))
    assert told.divergent is None
    assert "does not depend" in told.note


def test_a_rate_of_zero_and_a_divergent_one_never_arrive() -> None:
    data = hours_scores()
    told = verdict(data.x, data.y)
    assert told.predicted_steps(0.0, 0.5) == math.inf
    assert told.predicted_steps(5e-4, 0.01) == math.inf
    with pytest.raises(ValueError, match="tol is 1"):
        told.predicted_steps(1e-4, 1.0)


@pytest.mark.parametrize("degree", range(1, 9))
def test_least_squares_is_that_of_numpy(degree: int) -> None:
    data = hours_scores()
    fit = least_squares(data.x, data.y, model="polynomial", degree=degree, standardize=True)
    z = ((data.x - data.x.mean()) / data.x.std(correction=0)).numpy()
    columns = np.stack([*(z**k for k in range(1, degree + 1)), np.ones_like(z)], 1)
    solution, *_ = np.linalg.lstsq(columns, data.y.numpy(), rcond=None)
    np.testing.assert_allclose(fit.theta, solution, rtol=1e-8)
    residual = columns @ solution - data.y.numpy()
    assert fit.loss == pytest.approx(float((residual**2).mean()), rel=1e-10)


def test_least_squares_unpacks_as_slope_intercept_and_loss() -> None:
    w, b, loss = least_squares([0.0, 1.0, 2.0], [1.0, 3.0, 5.0])
    assert (w, b) == pytest.approx((2.0, 1.0))
    assert loss == pytest.approx(0.0, abs=1e-20)


@pytest.mark.parametrize("name", LINEAR)
def test_the_factor_is_what_a_late_step_multiplies_the_steepest_error_by(name: RuleName) -> None:
    x, y = random_set(4)
    told = verdict(x, y, optimizer=name, model="origin")
    assert told.divergent is not None
    fit = least_squares(x, y, model="origin").w
    lr = 1.05 * told.divergent
    path = descend(x, y, lr=lr, steps=60, optimizer=name, model="origin")
    late = abs((float(path.w[60]) - fit) / (float(path.w[59]) - fit))
    assert told.factor(lr) == pytest.approx(late, rel=1e-4)


@pytest.mark.parametrize("offset", [0.0, 1e3, 1e6, 1e8, 1.7e9, 1e12])
@pytest.mark.parametrize("step", [1.0, 60.0])
def test_least_squares_far_from_zero_are_those_of_scikit_learn(offset: float, step: float) -> None:
    noise = np.random.default_rng(0).normal(size=100)
    x = step * np.arange(100) + offset
    y = 2 * (x - offset) + 5 + noise
    theirs = LinearRegression().fit(x[:, None], y)
    fit = least_squares(x, y)
    assert fit.rank == 2
    assert fit.w == pytest.approx(float(theirs.coef_[0]), rel=1e-12)
    assert fit.b == pytest.approx(float(theirs.intercept_), rel=1e-12, abs=1e-11)
    assert fit.loss == pytest.approx(
        float(np.mean((theirs.predict(x[:, None]) - y) ** 2)), rel=0.05
    )
    judged = verdict(x, y)
    assert "fit equally well" not in judged.note
    assert judged.divergent == pytest.approx(2 / float(judged.eigenvalues[-1]))
    # both curvatures, from exact arithmetic: their product is the determinant of the Hessian
    sums = [sum(Fraction(float(v)) ** k for v in x) for k in range(3)]
    determinant = Fraction(2, 100) ** 2 * (sums[0] * sums[2] - sums[1] ** 2)
    product = float(judged.eigenvalues[0]) * float(judged.eigenvalues[1])
    assert product == pytest.approx(float(determinant), rel=1e-9)


@pytest.mark.parametrize("degree", [2, 3])
def test_a_polynomial_of_timestamps_in_days_is_that_of_scikit_learn(degree: int) -> None:
    x = np.arange(100) + 1000.0
    y = 0.01 * (x - 1050) ** 2 + np.random.default_rng(1).normal(size=100)
    columns = np.stack([x**k for k in range(1, degree + 1)], 1)
    wide = np.polynomial.Polynomial.fit(x, y, degree)
    fit = least_squares(x, y, model="polynomial", degree=degree)
    ours = columns @ np.array(fit.theta[:-1]) + fit.b
    np.testing.assert_allclose(ours, wide(x), rtol=1e-5, atol=1e-4)


def test_far_from_zero_the_note_says_why_no_descent_gets_to_the_bottom() -> None:
    judged = verdict(np.arange(100) + 1e8, np.arange(100.0))
    assert not judged.exact
    assert "Standardize x" in judged.note
    assert verdict(np.arange(100) + 1e8, np.arange(100.0), standardize=True).exact
