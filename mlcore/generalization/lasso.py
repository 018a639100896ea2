"""The lasso for many small problems at once, exactly: along its path from large λ to small.

Minimizes ‖y − Φw‖²/(2n) + λ·Σ|w_k| over centred columns and observations. As λ falls, w moves on
straight lines between the values of λ at which a coefficient leaves or reaches 0 (Osborne, Presnell
and Turlach, "A new approach to variable selection in least squares problems", 2000; Efron et al.,
"Least angle regression", 2004). All problems take a step at a time; the sweep operator (Goodnight,
"A tutorial on the SWEEP operator", 1979) takes a coefficient in or out. Coordinate descent, the
usual way, needs 10⁵ sweeps and more for these columns and a small λ.

The duality gap bounds how far a solution is from the best (Kim et al., "An interior-point method
for large-scale l1-regularized least squares", 2007).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

_SLACK: Final = 1e-9
_STEPS: Final = 12
"""Steps for each coefficient after which a path is given up; the duality gap then tells."""


@dataclass(frozen=True, slots=True, eq=False)
class Lasso:
    """Solutions of B problems with p coefficients each.

    Attributes:
        weights: ``[B, p]``.
        gap: Duality gap relative to the objective at w = 0, ``[B]``: 0 is the exact minimum.
    """

    weights: Tensor
    gap: Tensor


@dataclass(slots=True, eq=False)
class _Paths:
    """Where the unfinished problems stand on their paths.

    Attributes:
        place: Which problem each is, ``[U]``.
        swept: The Gram matrix, swept by the coefficients that are not 0, ``[U, p, p]``.
        w: ``[U, p]``.
        sign: Of each coefficient on the path, 0 for those that are 0, ``[U, p]``.
        left: The sign with which a coefficient has just left, else 0, ``[U, p]``.
        at: λ reached, ``[U]``.
    """

    place: Tensor
    swept: Tensor
    w: Tensor
    sign: Tensor
    left: Tensor
    at: Tensor

    def only(self, kept: Tensor) -> _Paths:
        """The chosen ones."""
        return _Paths(
            self.place[kept],
            self.swept[kept],
            self.w[kept],
            self.sign[kept],
            self.left[kept],
            self.at[kept],
        )


def lasso(gram: Tensor, cross: Tensor, square: Tensor, strength: Tensor, allowed: Tensor) -> Lasso:
    """Solve problems that are given by their second moments.

    Args:
        gram: ΦᵀΦ/n, ``[B, p, p]``.
        cross: Φᵀy/n, ``[B, p]``.
        square: yᵀy/n, ``[B]``.
        strength: λ, ``[B]``, above 0.
        allowed: Which coefficients may differ from 0, bool ``[B, p]``.
    """
    weights = torch.zeros_like(cross)
    strongest = torch.where(allowed, cross.abs(), -1.0).max(-1)
    place = (strongest.values > strength).nonzero().flatten()
    paths = _Paths(
        place,
        gram[place].clone(),
        weights[place],
        weights[place],
        weights[place],
        strongest.values[place],
    )
    _toggle(paths, strongest.indices[place], cross[place])
    for _ in range(_STEPS * cross.shape[1]):
        if not len(paths.place):
            break
        chosen = paths.place
        done = _step(paths, gram[chosen], cross[chosen], strength[chosen], allowed[chosen])
        weights[chosen[done]] = paths.w[done]
        paths = paths.only(~done)
    weights[paths.place] = paths.w
    weights = _polished(gram, cross, strength, allowed, weights)
    return Lasso(weights, _gap(gram, cross, strength, square, allowed, weights))


def _step(paths: _Paths, gram: Tensor, cross: Tensor, strength: Tensor, allowed: Tensor) -> Tensor:
    """Lower each λ to where a coefficient enters or leaves, or to its end; returns which ended."""
    inside = paths.sign != 0
    along = (paths.swept @ paths.sign.unsqueeze(-1)).squeeze(-1)
    direction = torch.where(inside, -along, 0.0)
    pull = cross - (gram @ paths.w.unsqueeze(-1)).squeeze(-1)  # Φᵀr/n
    level, outside = paths.at.unsqueeze(-1), allowed & ~inside
    never = torch.full_like(pull, torch.inf)
    enters = never
    for side in (1.0, -1.0):
        closing = 1 - side * along
        when = (level - side * pull).clamp(min=0) / closing
        valid = outside & (closing > 0) & (paths.left != side)
        enters = torch.minimum(enters, torch.where(valid, when, never))
    leaves = torch.where(paths.w * direction < 0, -paths.w / direction, never)
    events = torch.minimum(enters, leaves).min(-1)
    rest = paths.at - strength
    far = torch.minimum(events.values, rest)
    done = events.values >= rest
    w = paths.w = paths.w + far.unsqueeze(-1) * direction
    paths.at = paths.at - far
    pull = pull - far.unsqueeze(-1) * torch.where(inside, 0.0, along)
    _toggle(paths, events.indices, pull)
    paths.w = torch.where(done.unsqueeze(-1), w, paths.w)  # these end before the event
    return done


def _toggle(paths: _Paths, which: Tensor, pull: Tensor) -> None:
    """Let one coefficient of each problem enter with the sign of its pull, or leave."""
    column = which.unsqueeze(-1)
    old = paths.sign.gather(-1, column)
    entering = old == 0
    new = torch.where(entering, pull.gather(-1, column).sign(), 0.0)
    paths.left = torch.zeros_like(paths.sign).scatter(-1, column, old)
    paths.sign = paths.sign.scatter(-1, column, new)
    paths.w = torch.where(paths.sign == 0, 0.0, paths.w)
    p = paths.w.shape[-1]
    row = paths.swept.gather(-2, column.unsqueeze(-1).expand(-1, 1, p)).squeeze(-2)
    pivot = row.gather(-1, column)
    turned = torch.where(entering, row, -row) / pivot
    turned = turned.scatter(-1, column, -1 / pivot)
    swept = paths.swept - row.unsqueeze(-1) * (row / pivot).unsqueeze(-2)
    swept = swept.scatter(-2, column.unsqueeze(-1).expand(-1, 1, p), turned.unsqueeze(-2))
    paths.swept = swept.scatter(-1, column.unsqueeze(-1).expand(-1, p, 1), turned.unsqueeze(-1))


def _polished(gram: Tensor, cross: Tensor, strength: Tensor, allowed: Tensor, w: Tensor) -> Tensor:
    """The solution with the signs of w, freed of rounding errors; w where that is not optimal.

    Optimal are, by the conditions of Karush, Kuhn and Tucker, weights of these signs under which
    no other coefficient is pulled by more than λ.
    """
    sign = w.sign()
    support = sign != 0
    both = support.unsqueeze(-1) & support.unsqueeze(-2)
    one = torch.eye(w.shape[-1], dtype=w.dtype)
    system = torch.where(both, gram, one)
    wanted = torch.where(support, cross - strength.unsqueeze(-1) * sign, 0.0)
    solution, trouble = torch.linalg.solve_ex(system, wanted)
    pull = (cross - (gram @ solution.unsqueeze(-1)).squeeze(-1)).abs()
    bound = strength.unsqueeze(-1) * (1 + _SLACK)
    right = ((solution.sign() == sign) & ((pull <= bound) | support | ~allowed)).all(-1)
    return torch.where((right & (trouble == 0)).unsqueeze(-1), solution, w)


def _gap(
    gram: Tensor, cross: Tensor, strength: Tensor, square: Tensor, allowed: Tensor, w: Tensor
) -> Tensor:
    """The duality gap, relative to the objective at w = 0.

    The dual point is the residual r, shrunk until no column is pulled by more than λ.
    """
    tiny = torch.finfo(w.dtype).tiny
    pull = cross - (gram @ w.unsqueeze(-1)).squeeze(-1)
    residual = (square - ((cross + pull) * w).sum(-1)).clamp(min=0)  # rᵀr/n
    top = torch.where(allowed, pull.abs(), 0.0).amax(-1)
    shrink = (strength / top.clamp(min=tiny)).clamp(max=1)
    inner = residual + (pull * w).sum(-1)  # rᵀy/n
    gap = residual * (1 + shrink.square()) / 2 - shrink * inner + strength * w.abs().sum(-1)
    return gap.clamp(min=0) / (square / 2).clamp(min=tiny)
