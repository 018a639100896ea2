"""Activation functions and their slopes, by torch and in closed form."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn

from mlcore.layers.differences import largest_difference
from mlcore.layers.names import Activation

MODULES: Final[dict[Activation, type[nn.Module]]] = {
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "softplus": nn.Softplus,
}
FORMULAS: Final[dict[Activation, tuple[str, str]]] = {
    "sigmoid": (r"\sigma(x)=\frac{1}{1+e^{-x}}", r"\sigma(x)\,(1-\sigma(x))"),
    "tanh": (r"\tanh x", r"1-\tanh^2 x"),
    "relu": (r"\max(0,x)", r"[x>0]"),
    "leaky_relu": (r"\max(0,x)+0.01\min(0,x)", r"1\text{ if }x>0\text{ else }0.01"),
    "elu": (r"x\text{ if }x>0\text{ else }e^x-1", r"1\text{ if }x>0\text{ else }e^x"),
    "gelu": (r"x\,\Phi(x)", r"\Phi(x)+x\,\varphi(x)"),
    "silu": (r"x\,\sigma(x)", r"\sigma(x)\,(1+x\,(1-\sigma(x)))"),
    "softplus": (r"\ln(1+e^x)", r"\sigma(x)"),
}
"""f and f′ in LaTeX; Φ and φ are the normal distribution and its density."""
LEAK: Final = 0.01
"""Slope of LeakyReLU below 0, torch's default."""
STRAIGHT: Final = 20.0
"""Above it torch's softplus returns x itself, by default."""


@dataclass(frozen=True, slots=True, eq=False)
class Activated:
    """An activation function evaluated at some inputs.

    Attributes:
        name: Which function.
        input: ``x``, of any shape.
        value: What the module of torch returns.
        slope: f′ by autograd.
        value_by_hand: From the closed form.
        slope_by_hand: From the closed form.
        max_difference: The largest difference of both pairs.
    """

    name: Activation
    input: Tensor
    value: Tensor
    slope: Tensor
    value_by_hand: Tensor
    slope_by_hand: Tensor
    max_difference: float


@dataclass(frozen=True, slots=True, eq=False)
class Chained:
    """One number passed through many layers of one unit each: a_{k+1} = f(w·a_k).

    Attributes:
        name: Which function.
        values: ``[depth + 1, P]``: the inputs, then what each layer returned.
        gradients: ``[depth + 1, P]``: the last value's gradient with respect to each row above,
            by autograd; the last row is 1.
        gradients_by_hand: The products of w·f′(w·a) from there to the end.
        max_difference: The largest difference of the two.
    """

    name: Activation
    values: Tensor
    gradients: Tensor
    gradients_by_hand: Tensor
    max_difference: float


@dataclass(frozen=True, slots=True)
class UnitActivity:
    """How many units of a layer still get a gradient.

    Attributes:
        dead_units: Share of units whose slope is below the tolerance for every sample.
        flat_cells: Share of all (sample, unit) pairs whose slope is.
        mean_slope: Mean of |f′| over all pairs: the factor by which a gradient shrinks on average.
        tolerance: The bound on |f′|.
    """

    dead_units: float
    flat_cells: float
    mean_slope: float
    tolerance: float


def closed_form(name: Activation, x: Tensor) -> tuple[Tensor, Tensor]:
    """f(x) and f′(x) from the formulas, for x of any shape.

    Where torch makes a choice it is made here too: the slopes of ReLU and LeakyReLU at 0 are those
    of the left, and softplus is x itself from ``STRAIGHT`` up.
    """
    sigma = 1.0 / (1.0 + torch.exp(-x))
    match name:
        case "sigmoid":
            return sigma, sigma * (1.0 - sigma)
        case "tanh":
            fallen = torch.expm1(-2.0 * x.abs())  # keeps its digits near 0 and never overflows
            t = -x.sign() * fallen / (fallen + 2.0)
            return t, 1.0 - t * t
        case "relu":
            return x * (x > 0), (x > 0).to(x.dtype)
        case "leaky_relu":
            slope = torch.where(x > 0, torch.ones_like(x), torch.full_like(x, LEAK))
            return x * slope, slope
        case "elu":
            low = x.clamp(max=0.0)
            return torch.where(x > 0, x, torch.expm1(low)), torch.exp(low)
        case "gelu":
            phi = torch.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi)
            below = 0.5 * (1.0 + torch.erf(x / math.sqrt(2.0)))
            return x * below, below + x * phi
        case "silu":
            return x * sigma, sigma * (1.0 + x * (1.0 - sigma))
        case "softplus":
            value = x.clamp(min=0.0) + torch.log1p(torch.exp(-x.abs()))
            straight = x > STRAIGHT
            return torch.where(straight, x, value), torch.where(straight, 1.0, sigma)


def activate(name: Activation, x: Tensor) -> Activated:
    """Evaluate an activation function by torch and autograd, and by the closed forms.

    Args:
        name: Which function.
        x: Floating-point, any shape.

    Example:
        >>> import mlcore, torch
        >>> result = mlcore.layers.activate("relu", torch.tensor([-1.0, 2.0]))
        >>> print(result.value, result.slope)
        tensor([0., 2.]) tensor([0., 1.])
    """
    leaf = x.detach().clone().requires_grad_()
    value = MODULES[name]()(leaf)
    (slope,) = torch.autograd.grad(value.sum(), leaf)
    value = value.detach()
    value_by_hand, slope_by_hand = closed_form(name, x.detach())
    return Activated(
        name,
        x,
        value,
        slope,
        value_by_hand,
        slope_by_hand,
        largest_difference((value, value_by_hand), (slope, slope_by_hand)),
    )


def chain(name: Activation, x: Tensor, depth: int, weight: float = 1.0) -> Chained:
    """Apply a function repeatedly, and compute the gradient at every step.

    Args:
        name: The function of every layer.
        x: ``[P]`` inputs.
        depth: How many layers, at least 1.
        weight: w of every layer.

    Raises:
        ValueError: If the depth is below 1.

    Example:
        >>> import mlcore, torch
        >>> result = mlcore.layers.chain("sigmoid", torch.zeros(1, dtype=torch.float64), depth=3)
        >>> print(result.gradients.shape, result.max_difference < 1e-12)
        torch.Size([4, 1]) True
    """
    if depth < 1:
        raise ValueError(f"depth is {depth}, but a chain has at least 1 layer.")
    function = MODULES[name]()
    values = [x.detach().clone().requires_grad_()]
    for _ in range(depth):
        values.append(function(weight * values[-1]))
    grads = torch.autograd.grad(values[-1].sum(), values)
    rows = torch.stack([v.detach() for v in values])
    steps = [weight * closed_form(name, weight * row)[1] for row in rows[:-1]]
    by_hand = [torch.ones_like(rows[-1])]
    for step in reversed(steps):
        by_hand.insert(0, by_hand[0] * step)
    auto, hand = torch.stack(list(grads)), torch.stack(by_hand)
    return Chained(name, rows, auto, hand, largest_difference((auto, hand)))


def unit_activity(
    name: Activation, preactivations: Tensor, tolerance: float = 1e-3
) -> UnitActivity:
    """Count the units whose slope is 0 or nearly so, over all samples and per sample.

    Args:
        name: The function after the units.
        preactivations: ``[samples, units]`` of a real layer.
        tolerance: A slope below this counts as none.

    Example:
        >>> import mlcore, torch
        >>> units = torch.tensor([[-1.0, 2.0], [-3.0, -1.0]])
        >>> activity = mlcore.layers.unit_activity("relu", units)
        >>> print(activity.dead_units, activity.mean_slope)
        0.5 0.25
    """
    slope = activate(name, preactivations).slope.abs()
    flat = slope < tolerance
    return UnitActivity(
        float(flat.all(0).double().mean()),
        float(flat.double().mean()),
        float(slope.mean()),
        tolerance,
    )
