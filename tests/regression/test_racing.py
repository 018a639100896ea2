"""The race against torch.optim, and the surfaces against their own minima."""

from __future__ import annotations

import functools
import math

import pytest
import torch

from mlcore.regression import (
    Problem,
    Racer,
    Rule,
    Surface,
    hours_scores,
    least_squares,
    race,
    regression_surface,
    surface,
)
from mlcore.regression.surfaces import SURFACE_NAMES


def torch_end(place: Surface, start: tuple[float, float], lr: float, steps: int) -> list[float]:
    theta = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([theta], lr=lr)
    for _ in range(steps):
        optimizer.zero_grad()
        place.function(theta[0], theta[1]).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    end: list[float] = theta.detach().tolist()
    return end


@pytest.mark.parametrize("start", [(-4.0, 0.0), (1.0, 0.0), (4.0, 0.0)])
def test_adam_finds_the_himmelblau_minima_that_torch_finds(start: tuple[float, float]) -> None:
    ours = race("himmelblau", start, {"adam": 0.05}, steps=400).results[0]
    theirs = torch_end(surface("himmelblau"), start, 0.05, 400)
    assert ours.end == pytest.approx(theirs, rel=1e-6)
    nearest = min(surface("himmelblau").minima, key=lambda m: math.dist((m.x, m.y), theirs))
    assert ours.minimum == nearest.name


@pytest.mark.parametrize("name", SURFACE_NAMES)
def test_each_minimum_has_no_slope_and_lies_lower_than_the_points_around_it(name: str) -> None:
    place = surface(name)  # type: ignore[arg-type]  # one of SURFACE_NAMES
    for minimum in place.minima:
        at = torch.tensor([[minimum.x], [minimum.y]], dtype=torch.float64)
        assert float(place.gradient(at).abs().max()) < 1e-5
        around = at + 0.01 * torch.randn(2, 50, generator=torch.Generator().manual_seed(0)).double()
        assert bool((place.value(around) >= place.value(at)).all())


def test_all_start_at_one_point_and_take_as_many_steps() -> None:
    run = race("rosenbrock", (-1.0, 1.0), steps=30)
    assert run.points.shape == (31, 2, 6)
    assert run.values.shape == run.calls.shape == (31, 6)
    assert run.points[0].T.tolist() == [[-1.0, 1.0]] * 6
    assert [result.gradient_calls for result in run.results] == [30] * 6


def test_racing_together_changes_nobody() -> None:
    entries = {"gradient_descent": 1e-3, "adam": 0.1, "momentum": 1e-3}
    together = race("beale", steps=60, optimizers=entries)
    for k, (name, lr) in enumerate(entries.items()):
        alone = race("beale", steps=60, optimizers={name: lr})
        torch.testing.assert_close(alone.points[..., 0], together.points[..., k])


def test_a_torch_optimizer_races_beside_ours_and_its_gradient_calls_are_counted() -> None:
    lbfgs = functools.partial(
        torch.optim.LBFGS, max_iter=1, max_eval=25, line_search_fn="strong_wolfe"
    )
    run = race(
        "himmelblau",
        optimizers={
            "L-BFGS": lbfgs,
            "twin": functools.partial(torch.optim.Adam, lr=0.1),
            "adam": 0.1,
        },
        steps=60,
    )
    search, twin, adam = run.results
    assert search.gradient_calls > 60
    assert search.minimum is not None
    assert twin.end == pytest.approx(adam.end, rel=1e-9)


def test_arrival_is_counted_from_the_step_after_which_it_stays() -> None:
    run = race("quadratic", (-4.0, 0.0), {"gradient_descent": 0.5}, 20, condition=1.0)
    result = run.results[0]  # |x| halves each step: 4 / 2^7 is the first within 0.05
    assert result.minimum == "(0, 0)"
    assert result.calls == 7


def test_a_racer_that_leaves_float64_reaches_nothing_and_harms_nobody() -> None:
    entries = {"wild": Racer(Rule(), 10.0), "tame": Racer(Rule("adam"), 0.1)}
    run = race("himmelblau", steps=300, optimizers=entries)
    wild, tame = run.results
    assert (wild.minimum, wild.value) == (None, float("inf"))
    assert tame.minimum is not None


def test_the_regression_surface_is_the_loss_and_its_minimum_least_squares() -> None:
    data = hours_scores()
    problem = Problem.of(data.x, data.y)
    place, fit = regression_surface(problem), least_squares(data.x, data.y)
    theta = torch.randn(2, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(place.value(theta), problem.losses(theta))
    torch.testing.assert_close(place.gradient(theta), problem.gradients(theta))
    assert (place.minima[0].x, place.minima[0].y) == (fit.w, fit.b)
    with pytest.raises(ValueError, match="needs the model y = wx"):
        regression_surface(Problem.of(data.x, data.y, model="origin"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"surface": "bowl"}, "no surface 'bowl'"),
        ({"surface": "quadratic", "condition": 0.5}, "condition is 0.5"),
        ({"optimizers": {}}, "0 optimizers cannot race"),
        ({"optimizers": {str(k): Racer(Rule(), 0.1) for k in range(9)}}, "9 optimizers"),
        ({"optimizers": {"sgd": 0.1}}, "give a Racer"),
        ({"optimizers": {"adam": -0.1}}, "rate of 'adam' is -0.1"),
        ({"steps": 0}, "steps is 0"),
        ({"start": (float("nan"), 0.0)}, "two finite numbers"),
    ],
)
def test_a_race_that_cannot_be_is_refused_in_a_sentence(
    arguments: dict[str, object], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        race(**arguments)  # type: ignore[arg-type]  # wrong on purpose
