"""The proof: every derivative beside a central finite difference, both in float64.

Central differences: f′ ≈ (f(x+h) − f(x−h)) / 2h, with an error of h²·f‴/6 from cutting the series
and about ε·|f|/h from rounding (Nocedal and Wright, Numerical Optimization, section 8.1). Second
derivatives: f″ ≈ (f(x+h) − 2f(x) + f(x−h)) / h², mixed ones from the four corners.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import torch

from mlcore.autograd.evaluate import evaluate
from mlcore.autograd.higher import second_derivatives
from mlcore.autograd.inputs import Leaf, at, named_elements
from mlcore.autograd.program import Program

if TYPE_CHECKING:
    import pandas as pd

STEP_FIRST: Final = 1e-5
"""h for first derivatives, times max(1, |x|): near the cube root of float64's ε."""
STEP_SECOND: Final = 1e-3
"""h for second derivatives, times max(1, |x|): the two points at h and 2h cancel the h² error."""
TOLERANCE: Final = 1e-5
FLOOR: Final = 1e-3

Verdict: TypeAlias = Literal["agree", "kink", "differ"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One derivative, computed two ways.

    Attributes:
        derivative: Such as ``∂z/∂x`` or ``∂²z/∂x∂w[0]``.
        autograd: By PyTorch's autograd, in float64.
        difference: By central finite differences, in float64.
        relative_error: |a − d| / max(|a|, |d|, ``FLOOR``); the floor keeps the rounding errors of
            a derivative that is 0 from counting as an error of 100 %.
        verdict: ``agree``; ``kink`` where the differences to the left and to the right disagree,
            so that no derivative exists (relu at 0); else ``differ``.
    """

    derivative: str
    autograd: float
    difference: float
    relative_error: float
    verdict: Verdict


def differences(
    program: Program, leaves: Mapping[str, Leaf], *, order: Literal[1, 2] = 1
) -> tuple[Difference, ...]:
    """Check every first derivative, and with ``order=2`` every second one.

    Args:
        program: With a scalar output.
        leaves: They are taken in float64, whatever their dtype.
        order: 2 adds the upper triangle of the Hessian.
    """
    names = named_elements(leaves)
    known = second_derivatives(program, leaves, "float64")
    f = _function(program, leaves)
    z = program.output_name
    found = [
        _first(f, f"∂{z}/∂{name}", element, _value(leaves, element), autograd)
        for (name, element), autograd in zip(names.items(), known.gradient, strict=True)
    ]
    if order == 2:
        found += _seconds(f, z, names, leaves, known.hessian)
    return tuple(found)


def frame(found: tuple[Difference, ...]) -> pd.DataFrame:
    """The differences as a table, a row for each derivative."""
    import pandas as pd

    return pd.DataFrame(
        {
            "derivative": [d.derivative for d in found],
            "autograd": [d.autograd for d in found],
            "finite difference": [d.difference for d in found],
            "relative error": [d.relative_error for d in found],
            "verdict": [d.verdict for d in found],
        }
    )


Element: TypeAlias = tuple[str, tuple[int, ...]]
Shifts: TypeAlias = Mapping[Element, float]


def _function(program: Program, leaves: Mapping[str, Leaf]) -> Callable[[Shifts], float]:
    fixed = {name: given.tensor("float64").detach() for name, given in leaves.items()}

    def f(shifts: Shifts) -> float:
        moved = dict(fixed)
        for (name, index), shift in shifts.items():
            moved[name] = moved[name].clone() if moved[name] is fixed[name] else moved[name]
            moved[name][index] += shift
        with torch.no_grad():
            return float(evaluate(program, moved).output)

    return f


def _value(leaves: Mapping[str, Leaf], element: Element) -> float:
    return at(leaves[element[0]].value, element[1])


def _first(
    f: Callable[[Shifts], float], name: str, element: Element, x: float, autograd: float
) -> Difference:
    h = STEP_FIRST * max(1.0, abs(x))
    middle, right, left = f({}), f({element: h}), f({element: -h})
    far_right, far_left = f({element: 2 * h}), f({element: -2 * h})
    difference, coarse = (right - left) / (2 * h), (far_right - far_left) / (4 * h)
    # what the difference itself may be off by: rounding, and the h² term, three times of which
    # tells the step from its double
    noise = 16e-15 * max(abs(right), abs(left)) / h + abs(difference - coarse)
    gap = abs(right - 2 * middle + left) / h
    wide = abs(far_right - 2 * middle + far_left) / (2 * h)
    # twice the step doubles the gap of a smooth function (it is h·f″) and leaves that of a kink
    kink = gap > 1e-3 * max(abs(difference), 1e-3) and wide < 1.5 * gap
    return _judged(name, autograd, difference, noise, kink)


def _seconds(
    f: Callable[[Shifts], float],
    z: str,
    names: Mapping[str, Element],
    leaves: Mapping[str, Leaf],
    hessian: tuple[tuple[float, ...], ...],
) -> Iterator[Difference]:
    middle = f({})
    elements = list(names.items())
    for i, (row_name, a) in enumerate(elements):
        ha = STEP_SECOND * max(1.0, abs(_value(leaves, a)))
        for j, (column_name, b) in enumerate(elements[i:], start=i):
            hb = STEP_SECOND * max(1.0, abs(_value(leaves, b)))
            coarse, fine = (
                _curvature(f, middle, a, b, 2 * ha, 2 * hb),
                _curvature(f, middle, a, b, ha, hb),
            )
            difference = (4 * fine - coarse) / 3  # Richardson: the h² errors cancel
            noise = 64e-16 * abs(middle) / (ha * hb) + abs(fine - coarse) * 1e-3
            kink = abs(fine - coarse) > 0.3 * max(abs(fine), abs(coarse)) + 64 * noise
            by = f"∂{row_name}²" if a == b else f"∂{row_name}∂{column_name}"
            yield _judged(f"∂²{z}/{by}", hessian[i][j], difference, noise, kink)


def _curvature(
    f: Callable[[Shifts], float], middle: float, a: Element, b: Element, ha: float, hb: float
) -> float:
    if a == b:
        return (f({a: ha}) - 2 * middle + f({a: -ha})) / ha**2
    corners = f({a: ha, b: hb}) - f({a: ha, b: -hb}) - f({a: -ha, b: hb}) + f({a: -ha, b: -hb})
    return corners / (4 * ha * hb)


def _judged(name: str, autograd: float, difference: float, noise: float, kink: bool) -> Difference:
    gap, size = abs(autograd - difference), max(abs(autograd), abs(difference))
    relative = 0.0 if autograd == difference else gap / max(size, FLOOR)
    close = gap <= TOLERANCE * size + noise + 1e-9
    return Difference(
        name, autograd, difference, relative, "agree" if close else "kink" if kink else "differ"
    )
