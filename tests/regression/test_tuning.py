"""The rates found by one vectorized search, against races run one by one."""

from __future__ import annotations

import numpy as np
import pytest

from mlcore.regression import Racer, Rule, race, surface, tune
from mlcore.regression.rules import RULE_NAMES
from mlcore.regression.surfaces import SURFACE_NAMES, SurfaceName

RATES = np.logspace(-4, 0.5, 8).tolist()


@pytest.mark.parametrize("name", SURFACE_NAMES)
def test_the_search_finds_the_rate_that_wins_when_each_is_raced_alone(name: SurfaceName) -> None:
    place = surface(name)
    rules = [Rule(rule) for rule in RULE_NAMES]
    found = tune(place, place.start, rules, 150, RATES)
    for rule, tuned in zip(rules, found, strict=True):
        entries = {str(rate): Racer(rule, rate) for rate in RATES}
        results = race(place, place.start, entries, 150).results
        reached = [r.calls for r in results if r.calls is not None]
        assert tuned.arrived == len(reached)
        assert tuned.calls == min(reached, default=None)
        mine = results[RATES.index(pytest.approx(tuned.rate))]
        assert mine.calls == tuned.calls
        rivals = [r.value for r in results if r.calls == tuned.calls]
        assert mine.value == pytest.approx(min(rivals), rel=1e-6, abs=1e-300)


def test_gradient_descent_on_a_quadratic_takes_the_rate_of_theory() -> None:
    """With curvatures 1 and κ and a start along both, 2/(1 + κ) shrinks the worst most."""
    place = surface("quadratic", 10.0)
    (tuned,) = tune(place, (-4.0, 4.0), [Rule()], 400, np.linspace(0.01, 0.25, 241).tolist())
    assert tuned.rate == pytest.approx(2 / 11, rel=0.02)


def test_momentum_has_its_own_best_rate() -> None:
    place = surface("rosenbrock")
    rules = [Rule("momentum", momentum=mu) for mu in (0.0, 0.5, 0.9)]
    plain, *_ = tune(place, place.start, [Rule()], 300)
    none, some, much = tune(place, place.start, rules, 300)
    assert none == plain
    assert len({some.rate, much.rate, none.rate}) > 1
