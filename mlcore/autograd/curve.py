"""A program's output along one leaf element: f, f′ and f″, all by autograd, in float64."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import torch

from mlcore.autograd.evaluate import evaluate
from mlcore.autograd.inputs import Leaf, at
from mlcore.autograd.program import Program

if TYPE_CHECKING:
    import pandas as pd

POINTS: Final = 241


@dataclass(frozen=True, slots=True)
class Curve:
    """A scalar output along one element of one leaf, all other leaves fixed.

    Attributes:
        name: The element: ``x``, ``w[0]``.
        now: Its present value.
        x: Where the curve was computed, rising, evenly spaced.
        f: The output there.
        first: Its first derivative there.
        second: Its second derivative there.
    """

    name: str
    now: float
    x: tuple[float, ...]
    f: tuple[float, ...]
    first: tuple[float, ...]
    second: tuple[float, ...]

    def to_frame(self) -> pd.DataFrame:
        """Columns ``x``, ``f``, ``f′``, ``f″``."""
        import pandas as pd

        return pd.DataFrame({"x": self.x, "f": self.f, "f′": self.first, "f″": self.second})


def curve(
    program: Program,
    leaves: Mapping[str, Leaf],
    along: str,
    index: tuple[int, ...] = (),
    *,
    low: float,
    high: float,
    points: int = POINTS,
) -> Curve:
    """Evaluate f, f′ and f″ at evenly spaced values of one leaf element.

    The whole axis is one batch: ``torch.func.vmap`` runs the program's own operations on it, and
    autograd differentiates the sum of the batch, whose gradient by each point is that point's f′.

    Raises:
        ValueError: If the output is no scalar, or ``low`` is not below ``high``.
    """
    if not low < high:
        raise ValueError(f"low is {low:g} and high is {high:g}; low must be below high.")
    fixed = {name: given.tensor("float64").detach() for name, given in leaves.items()}
    place = torch.zeros_like(fixed[along], dtype=torch.bool)
    place[index] = True

    def f(x: torch.Tensor) -> torch.Tensor:
        moved = {**fixed, along: torch.where(place, x, fixed[along])}
        output = evaluate(program, moved).output
        if output.dim():
            raise ValueError(
                f"{program.output_name} has shape {tuple(output.shape)}; a curve needs a scalar, "
                "for instance sum(…)."
            )
        return output

    x = torch.linspace(low, high, points, dtype=torch.float64, requires_grad=True)
    value = torch.func.vmap(f)(x)
    first = _derivative(value, x)
    second = _derivative(first, x)
    name = along + (f"[{','.join(map(str, index))}]" if index else "")
    return Curve(
        name,
        at(leaves[along].value, index),
        tuple(x.tolist()),
        tuple(value.tolist()),
        tuple(first.tolist()),
        tuple(second.tolist()),
    )


def _derivative(value: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    if not value.requires_grad:
        return torch.zeros_like(x)
    (found,) = torch.autograd.grad(
        value.sum(), x, create_graph=True, allow_unused=True, materialize_grads=True
    )
    return found
