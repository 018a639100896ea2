"""Computes the ``Verdict`` of a problem: its curvature, and where theory applies."""

from __future__ import annotations

import math
from collections.abc import Sequence

from mlcore.regression.closed_form import singular, solve
from mlcore.regression.data import Numbers
from mlcore.regression.losses import Loss, curvature_of
from mlcore.regression.modes import LINEAR, Modes, best_momentum
from mlcore.regression.problem import Model, Problem
from mlcore.regression.rules import Rule, RuleName
from mlcore.regression.theory import Verdict

MOST_CONDITION = 1e14
"""Above this condition number the steps along the flattest direction are lost in rounding."""


def verdict(
    x: Numbers,
    y: Numbers,
    *,
    model: Model = "line",
    degree: int = 2,
    loss: Loss = "squared",
    delta: float = 1.0,
    standardize: bool = False,
    optimizer: RuleName | Rule = "gradient_descent",
    start: Sequence[float] | None = None,
    batch_size: int | None = None,
) -> Verdict:
    """Predict every learning rate's behaviour before training, with the arguments of ``descend``.

    The squared loss is a quadratic in its parameters with the Hessian H = (2/n) ΦᵀΦ. Along an
    eigenvector with curvature λ a step of gradient descent multiplies the error by 1 − ηλ.

    Raises:
        DataError: (a ValueError) if the data cannot be used.

    Example:
        >>> import mlcore
        >>> x, y = [1.0, 2.0, 3.0], [3.0, 5.0, 7.0]
        >>> verdict = mlcore.regression.verdict(x, y)
        >>> print(round(verdict.best_rate, 4), round(verdict.divergent, 4))
        0.1765 0.1803
        >>> print(verdict.band(0.01), verdict.band(1.0))
        smooth divergent
    """
    problem = Problem.of(
        x, y, model=model, degree=degree, loss=loss, delta=delta, standardize=standardize
    )
    return judge(problem, optimizer=optimizer, start=start, batch_size=batch_size)


def judge(
    problem: Problem,
    *,
    optimizer: RuleName | Rule = "gradient_descent",
    start: Sequence[float] | None = None,
    batch_size: int | None = None,
) -> Verdict:
    """``verdict`` for a ``Problem``.

    Example:
        >>> import mlcore
        >>> problem = mlcore.regression.problem_of(mlcore.RegressionConfig())
        >>> verdict = mlcore.regression.judge(problem)
        >>> print(verdict.band(1e-4), verdict.band(1e-2))
        smooth divergent
    """
    import torch

    rule = optimizer if isinstance(optimizer, Rule) else Rule(optimizer)
    modes = Modes(rule)
    sigma, vt = singular(problem)
    d = len(problem.names)
    eigenvalues = (curvature_of(problem.loss) * sigma * sigma / problem.points).flip(0)
    directions = vt.flip(0)
    fit = solve(problem)
    at = torch.tensor(start if start is not None else [0.0] * d, dtype=torch.float64)
    errors = directions @ (at - torch.tensor(fit.theta, dtype=torch.float64))
    moving = [float(e) for e in eigenvalues if e > 0]
    batches = batch_size is not None and batch_size < problem.points
    note = _why_not(problem.loss, rule, batches=batches, moving=bool(moving))
    holds = not note
    far = len(moving) == d and moving[-1] > MOST_CONDITION * moving[0]
    exact = holds and problem.loss == "squared" and not far
    if problem.loss == "huber" and holds:
        note = (
            "The Huber loss is nowhere more curved than this: below the largest stable rate it "
            "cannot diverge, above it may still converge. No closed form says how many steps it "
            "takes."
        )
    elif far and holds:
        note = (
            f"The condition number is {moving[-1] / moving[0]:.2g}: x lies so far from 0, compared "
            "with its spread, that rounding decides where a descent goes, and no descent gets to "
            "the bottom. Standardize x."
        )
    elif len(moving) < d and holds:
        note = (
            "There are too few different x: many lines fit equally well, and gradient descent ends "
            "at the one nearest to its start."
        )
    return Verdict(
        eigenvalues=eigenvalues,
        directions=directions,
        condition=(moving[-1] / moving[0]) if len(moving) == d else math.inf,
        oscillating=modes.oscillating / moving[-1] if holds else None,
        divergent=modes.divergent / moving[-1] if holds else None,
        best_rate=modes.best_rate(moving[0], moving[-1]) if exact else None,
        best_momentum=best_momentum(moving[0], moving[-1]) if moving else None,
        exact=exact,
        note=note,
        _modes=modes if holds else Modes(Rule()),
        _errors=errors,
        _floor=fit.loss,
    )


def _why_not(loss: Loss, rule: Rule, *, batches: bool, moving: bool) -> str:
    """Why the theory of quadratics does not apply here; empty if it does."""
    if not moving and loss != "absolute":
        return "Every feature is zero: the loss does not depend on the parameters."
    if loss == "absolute":
        return (
            "The absolute loss is made of straight pieces: it has no curvature, and so no largest "
            "stable rate. A fixed rate ends up stepping back and forth across the minimum, the "
            "closer the smaller it is."
        )
    if rule.name not in LINEAR:
        return (
            f"{_TITLES[rule.name]} rescales each step by the gradients it has seen, so the "
            "curvature alone does not say which rates are stable."
        )
    if batches:
        return (
            "Mini-batches see another curvature at every step: a rate that is stable on all points "
            "may not be here, and the loss ends in noise that grows with the rate."
        )
    if loss == "huber" and rule.name != "gradient_descent":
        return (
            "The curvature of the Huber loss changes on the way; with momentum no largest stable "
            "rate is known."
        )
    return ""


_TITLES = {"adagrad": "Adagrad", "rmsprop": "RMSprop", "adam": "Adam"}
