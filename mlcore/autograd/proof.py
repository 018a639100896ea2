"""Checks every derivative against a finite difference, both in float64.

Central differences f′ ≈ (f(x+h) − f(x−h)) / 2h and f″ ≈ (f(x+h) − 2f(x) + f(x−h)) / h² err by a
multiple of h² from cutting the series and by about ε·|f|/h or ε·|f|/h² from rounding (Nocedal and
Wright, Numerical Optimization, section 8.1). ``mlcore.autograd.limits`` finds the step at which
both are small; where f ends at x, quotients to the side on which it goes on are taken.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import numpy as np
import torch

from mlcore.autograd.evaluate import evaluate
from mlcore.autograd.functions import function
from mlcore.autograd.higher import second_derivatives
from mlcore.autograd.inputs import Leaf, at, named_elements
from mlcore.autograd.limits import FloatArray, Limit, differ, ladder, limit
from mlcore.autograd.program import Program
from mlcore.autograd.verdicts import Verdict

if TYPE_CHECKING:
    import pandas as pd

TOLERANCE: Final = 1e-5
"""Two numbers agree if they differ by no more than this part of the larger one, rounding aside."""
SHARP: Final = 1e-3
"""A finite difference whose error is a larger part of it than this proves nothing."""
WRONG: Final = 1e-3
"""Two numbers differ if they do so by more than this part of the larger one, rounding aside."""
_ROUNDING: Final = 4 * float(np.finfo(np.float64).eps)

Element: TypeAlias = tuple[str, tuple[int, ...]]
Sweep: TypeAlias = Callable[[Mapping[Element, FloatArray]], tuple[FloatArray, ...]]
"""From values of leaf elements to the output, what rounding may change in it, and its gradient by
each of the elements."""
How: TypeAlias = Literal["both sides", "right side", "left side", "one side", ""]


@dataclass(frozen=True, slots=True)
class Difference:
    """One derivative, computed two ways.

    Attributes:
        derivative: Such as ``∂z/∂x`` or ``∂²z/∂x∂w[0]``.
        autograd: By PyTorch's autograd, in float64.
        difference: By finite differences, in float64; NaN where there is none.
        relative_error: |a − d| / max(|a|, |d|, s), where s is a thousandth of the function's slope
            over a step of about 1: so the rounding errors of a derivative that is 0 do not count
            as an error of 100 %. NaN where one of the two is not finite or no derivative exists.
        verdict: What the comparison says.
        how: On which sides of the point the difference was taken; ``""`` where there is none.
    """

    derivative: str
    autograd: float
    difference: float
    relative_error: float
    verdict: Verdict
    how: How


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
    f = _sweep(program, leaves)
    z = program.output_name
    samples = {name: _Sample(f, e, at(leaves[e[0]].value, e[1])) for name, e in names.items()}
    firsts = {
        name: _judged(f"∂{z}/∂{name}", autograd, *sample.first())
        for (name, sample), autograd in zip(samples.items(), known.gradient, strict=True)
    }
    if order == 1:
        return tuple(firsts.values())
    return (*firsts.values(), *_seconds(f, z, samples, firsts, known.hessian))


def frame(found: tuple[Difference, ...]) -> pd.DataFrame:
    """The differences as a table, one row per derivative."""
    import pandas as pd

    return pd.DataFrame(
        {
            "derivative": [d.derivative for d in found],
            "autograd": [d.autograd for d in found],
            "finite difference": [d.difference for d in found],
            "relative error": [d.relative_error for d in found],
            "verdict": [d.verdict.value for d in found],
            "taken on": [d.how for d in found],
        }
    )


def _sweep(program: Program, leaves: Mapping[str, Leaf]) -> Sweep:
    """The program's output at many values of some leaf elements at once, the others fixed.

    With it comes what rounding may change in each: every tensor made is off by ε times its size,
    carried to the output by the gradients (Linnainmaa, BIT 16, 1976). Sums and products over
    several elements may cancel inside, so there the inputs count as well.
    """
    fixed = {name: given.tensor("float64").detach() for name, given in leaves.items()}
    whole = [function(call.function).elementwise for call in program.operations]

    def place(element: Element) -> torch.Tensor:
        mask = torch.zeros_like(fixed[element[0]], dtype=torch.bool)
        mask[element[1]] = True
        return mask

    def f(values: Mapping[Element, FloatArray]) -> tuple[FloatArray, ...]:
        places = {element: place(element) for element in values}

        def one(*moved: torch.Tensor) -> tuple[torch.Tensor, ...]:
            present = dict(fixed)
            for (element, mask), x in zip(places.items(), moved, strict=True):
                present[element[0]] = torch.where(mask, x, present[element[0]])
            run = evaluate(program, present)
            counted = {id(made.tensor): made.tensor for made in run.made}
            for made in run.made:
                if not whole[made.operation]:
                    counted |= {id(t): t for t in made.inputs}
            return run.output, *counted.values()

        points = [torch.from_numpy(x).requires_grad_() for x in values.values()]
        output, *made = torch.func.vmap(one)(*points)
        tensors = [*points, *(tensor for tensor in made if tensor.requires_grad)]
        if not output.requires_grad:
            none = np.zeros_like(points[0].detach().numpy())
            return output.detach().numpy(), none, *(none for _ in points)
        found = torch.autograd.grad(
            output.sum(), tensors, allow_unused=True, materialize_grads=True
        )
        noise = torch.zeros_like(points[0], requires_grad=False)
        for tensor, gradient in zip(tensors[len(points) :], found[len(points) :], strict=True):
            # 0·inf: a zero is exact, however steep the rest is
            part = torch.where(tensor == 0, 0.0, tensor * gradient).abs().detach()
            noise += part.reshape(len(noise), -1).sum(dim=1)
        slopes = (gradient.numpy() for gradient in found[: len(points)])
        return output.detach().numpy(), _ROUNDING * noise.numpy(), *slopes

    return f


class _Sample:
    """The output along one leaf element, at x and at many steps to both sides."""

    def __init__(self, f: Sweep, element: Element, x: float) -> None:
        self.element = element
        self.x = x
        self.steps = ladder(x)
        points = np.concatenate([[x], x + self.steps, x - self.steps])
        values, noise, slopes = f({element: points})
        count = len(self.steps)
        self.slope = float(slopes[0])
        self.slopes = slopes[1 : count + 1], slopes[count + 1 :]
        self.noises = [noise[0] + noise[1 : count + 1], noise[0] + noise[count + 1 :]]
        self.middle = float(values[0])
        self.at_right, self.at_left = points[1 : count + 1], points[count + 1 :]
        self.right, self.left = values[1 : count + 1], values[count + 1 :]
        self.far = max(1.0, abs(x))

    def scale(self, order: int) -> float:
        """The usual size of a derivative of this order here: f's change over a step of ~1."""
        if not math.isfinite(self.middle):
            return 0.0
        ends = np.abs(np.array([self.right[0], self.left[0]]) - self.middle)
        change = float(ends[np.isfinite(ends)].max(initial=0.0))
        return change / float(self.steps[0]) ** order

    def floor(self, order: int) -> float:
        """The error below which a derivative of this order counts as 0."""
        part = 1e-11 if order == 1 else 1e-9
        return max(1e-6 * self.scale(order), part * abs(self.middle) / self.far**order)

    def first(self) -> tuple[_Evidence, float]:
        """Slopes over both sides, to the right and to the left, and the slope that counts as 0."""
        scale = self.scale(1)
        with np.errstate(all="ignore"):
            right, left = self.at_right - self.x, self.x - self.at_left
            slopes = (self.right - self.middle) / right, (self.middle - self.left) / left
            central = (self.right - self.left) / (right + left)
        noises = [_noise(n, h) for n, h in zip(self.noises, (right, left), strict=True)]
        return _Evidence(
            math.isfinite(self.middle),
            self.x == 0,
            limit(central, (noises[0] + noises[1]) / 2, 2, scale),
            tuple(limit(q, n, 1, scale) for q, n in zip(slopes, noises, strict=True)),
            ("right side", "left side"),
            self._steady_slope,
        ), self.floor(1)

    def _steady_slope(self, _autograd: float, gap: float) -> bool:
        right, left = self.slopes
        with np.errstate(all="ignore"):
            bend = np.abs((right[-8:] + left[-8:]) / 2 - self.slope)
        return not (bend > 0.1 * gap).any()

    def second(self) -> tuple[_Evidence, float]:
        """Curvatures over both sides, to the right and to the left."""
        scale = self.scale(2)
        noises = [_noise(2 * n, self.steps**2) for n in self.noises]
        with np.errstate(all="ignore"):
            right, left = self.at_right - self.x, self.x - self.at_left
            central = _curvature(-left, right, self.left, self.middle, self.right)
            sided = [
                _curvature(at[1:], at[:-1], f[1:], self.middle, f[:-1])
                for at, f in ((right, self.right), (-left, self.left))
            ]
        for noise, moved in zip(noises, (right, left), strict=True):
            noise[moved == 0] = np.inf
        return _Evidence(
            math.isfinite(self.middle),
            self.x == 0,
            limit(central, noises[0] + noises[1], 2, scale),
            tuple(limit(q, 3 * n[1:], 1, scale) for q, n in zip(sided, noises, strict=True)),
            ("right side", "left side"),
            self._steady_curvature,
        ), self.floor(2)

    def _steady_curvature(self, autograd: float, _gap: float) -> bool:
        right, left = self.slopes
        with np.errstate(all="ignore"):
            step = self.at_right - self.at_left
            noise = _noise(_ROUNDING * (np.abs(right) + np.abs(left)), step)
            found = limit((right - left) / step, noise, 2, self.scale(2))
        return not abs(found.value - autograd) <= 4 * found.error + WRONG * abs(autograd)


def _curvature(
    a: FloatArray, b: FloatArray, at_a: FloatArray, middle: float, at_b: FloatArray
) -> FloatArray:
    """The second derivative at 0 of the parabola through (a, at_a), (0, middle) and (b, at_b)."""
    return 2 * ((at_b - middle) / b - (at_a - middle) / a) / (b - a)


@dataclass(frozen=True, slots=True)
class _Evidence:
    """The finite differences for one derivative.

    Attributes:
        finite: Whether the program has a finite value.
        zero: Whether a leaf element is 0, so that steps of every size were tried.
        central: The limit over both sides.
        sides: The limit of each side alone.
        names: How those are called.
        steady: Given autograd's number and the gap: whether autograd's slopes close by show no
            detail that is lost in the rounding of the values, where quotients cannot see it.
    """

    finite: bool
    zero: bool
    central: Limit
    sides: tuple[Limit, ...]
    names: tuple[How, ...]
    steady: Callable[[float, float], bool] = lambda *_: True


def _noise(noise: FloatArray, steps: FloatArray) -> FloatArray:
    """The rounding error of a quotient; inf where the step was too small for float64."""
    with np.errstate(all="ignore"):
        unknown = np.where(np.isfinite(noise), noise, 1e200)
        return np.where(steps > 0, np.minimum(unknown / steps, 1e300), np.inf)


def _mixed(f: Sweep, a: _Sample, b: _Sample) -> tuple[_Evidence, float]:
    """Mixed difference quotients from the four corners, and from each quadrant alone."""
    count = max(len(a.steps), len(b.steps))
    halves = np.ldexp(1.0, -np.arange(count))
    points = {
        (sample.element, sign): sample.x + sign * sample.steps[0] * halves
        for sample in (a, b)
        for sign in (1, -1, 0)
    }
    signs = [(i, j) for i in (1, 0, -1) for j in (1, 0, -1)]
    values, noises, *_ = f(
        {
            a.element: np.concatenate([points[a.element, i] for i, _ in signs]),
            b.element: np.concatenate([points[b.element, j] for _, j in signs]),
        }
    )
    corners = dict(zip(signs, values.reshape(len(signs), count), strict=True))
    scale = max(a.scale(1) / b.far, b.scale(1) / a.far)
    with np.errstate(all="ignore"):
        area = a.steps[0] * b.steps[0] * halves**2
        noise = _noise(4 * noises.reshape(len(signs), count).max(axis=0), area)
        for sample in (a, b):
            for sign in (1, -1):
                noise[points[sample.element, sign] == sample.x] = np.inf
        central = corners[1, 1] - corners[1, -1] - corners[-1, 1] + corners[-1, -1]
        quadrants = [
            i * j * (corners[i, j] - corners[i, 0] - corners[0, j] + corners[0, 0]) / area
            for i in (1, -1)
            for j in (1, -1)
        ]
        whole = limit(central / (4 * area), noise / 4, 2, scale)
        sides = tuple(limit(q, noise, 1, scale) for q in quadrants)
    floor = max(1e-6 * scale, 1e-9 * abs(a.middle) / (a.far * b.far), min(a.floor(2), b.floor(2)))
    zero = 0 in (a.x, b.x)
    return _Evidence(math.isfinite(a.middle), zero, whole, sides, ("one side",) * 4), floor


def _seconds(
    f: Sweep,
    z: str,
    samples: Mapping[str, _Sample],
    firsts: Mapping[str, Difference],
    hessian: tuple[tuple[float, ...], ...],
) -> Iterator[Difference]:
    names = list(samples)
    for i, row in enumerate(names):
        for j, column in enumerate(names[i:], start=i):
            a, b = samples[row], samples[column]
            name = f"∂²{z}/∂{row}²" if i == j else f"∂²{z}/∂{row}∂{column}"
            found = a.second() if i == j else _mixed(f, a, b)
            judged = _judged(name, hessian[i][j], *found)
            slopes = {firsts[row].verdict, firsts[column].verdict}
            # where a slope does not exist, or may not, the same holds of its derivative
            if Verdict.NOT_DIFFERENTIABLE in slopes:
                judged = _none(name, hessian[i][j], Verdict.NOT_DIFFERENTIABLE)
            elif Verdict.UNCLEAR in slopes and judged.verdict is Verdict.AGREE:
                judged = replace(judged, verdict=Verdict.UNCLEAR)
            yield judged


def _judged(name: str, autograd: float, evidence: _Evidence, floor: float) -> Difference:
    """Compare autograd's number with the limits.

    Args:
        name: The derivative.
        autograd: Its value by autograd.
        evidence: The limits of its difference quotients.
        floor: An error of this size is none.
    """
    if not evidence.finite:
        return _none(name, autograd, Verdict.NO_VALUE)
    alive = [(side, how) for side, how in zip(evidence.sides, evidence.names, strict=True)
             if side.alive]  # fmt: skip
    whole = len(alive) == len(evidence.sides)
    if not alive:
        return _none(name, autograd, Verdict.NOT_DIFFERENTIABLE)
    if evidence.central.diverges or any(side.diverges for side, _ in alive):
        # away from 0 the smallest steps may be too large to see the growth end
        sure = evidence.zero or not math.isfinite(autograd)
        return _none(name, autograd, Verdict.NOT_DIFFERENTIABLE if sure else Verdict.UNCLEAR)
    found, how = _chosen(evidence, alive, whole)
    if differ([side for side, _ in alive]) or (not whole and not math.isfinite(autograd)):
        verdict = Verdict.NOT_DIFFERENTIABLE
    else:
        verdict = _compared(autograd, found, [side for side, _ in alive], floor)
    gap = abs(autograd - found.value)
    if verdict is Verdict.DIFFER and math.isfinite(autograd):
        verdict = verdict if evidence.steady(autograd, gap) else Verdict.UNCLEAR
    size = max(abs(autograd), abs(found.value), 1e3 * floor)
    relative = 0.0 if gap == 0 else gap / size if math.isfinite(size) else math.nan
    if verdict is Verdict.NOT_DIFFERENTIABLE:
        relative = math.nan
    return Difference(name, autograd, found.value, relative, verdict, how)


def _chosen(
    evidence: _Evidence, alive: Sequence[tuple[Limit, How]], whole: bool
) -> tuple[Limit, How]:
    if whole:
        return evidence.central, "both sides"
    return min(alive, key=lambda side: side[0].error)


def _compared(autograd: float, found: Limit, sides: Sequence[Limit], floor: float) -> Verdict:
    sharp = found.error <= SHARP * abs(found.value)
    if not sharp and not (found.error <= floor and _one(found, sides)):
        return Verdict.UNCLEAR
    if not math.isfinite(autograd):
        return Verdict.DIFFER
    gap, size = abs(autograd - found.value), max(abs(autograd), abs(found.value))
    if gap <= TOLERANCE * size + 4 * found.error:
        return Verdict.AGREE if gap <= WRONG * size or not sharp else Verdict.UNCLEAR
    return Verdict.DIFFER if gap > WRONG * size + 10 * found.error else Verdict.UNCLEAR


def _one(found: Limit, sides: Sequence[Limit]) -> bool:
    """Whether the limits from both sides may be equal, within their errors."""
    return all(abs(side.value - found.value) <= side.error + found.error for side in sides)


def _none(name: str, autograd: float, verdict: Verdict) -> Difference:
    return Difference(name, autograd, math.nan, math.nan, verdict, "")
