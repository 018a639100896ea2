"""Example programs, each with values for its leaves and a hint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from mlcore.autograd.backward_options import BackwardOptions
from mlcore.autograd.inputs import Leaf, Nested


@dataclass(frozen=True, slots=True)
class Preset:
    """An example program.

    Attributes:
        title: What the menu writes.
        program: Its text.
        leaves: A value for each leaf.
        look: What its gradients show, in a sentence or two, for after the backward pass.
        backward_options: The ledger's settings that show the point.
    """

    title: str
    program: str
    leaves: Mapping[str, Leaf]
    look: str
    backward_options: BackwardOptions = field(default_factory=BackwardOptions)


def _preset(
    title: str,
    program: str,
    leaves: Mapping[str, Nested],
    look: str,
    *,
    fixed: tuple[str, ...] = (),
    backward_options: BackwardOptions | None = None,
) -> Preset:
    given = {name: Leaf(value, name not in fixed) for name, value in leaves.items()}
    return Preset(
        title, program, MappingProxyType(given), look, backward_options or BackwardOptions()
    )


PRESETS: Final[Mapping[str, Preset]] = MappingProxyType(
    {
        "line": _preset(
            "Line: z = w·x + b",
            "z = w*x + b",
            {"w": 3.0, "x": 1.0, "b": 2.0},
            "∂z/∂x is the value of w, ∂z/∂w is the value of x, and ∂z/∂b is always 1.",
        ),
        "square": _preset(
            "Square: z = x²·y",
            "z = x*x*y",
            {"x": 2.0, "y": 3.0},
            "x is used twice, so two gradients meet at x and are added. In the ledger the second "
            "call differentiates x.grad, which gives the second derivative.",
            backward_options=BackwardOptions(zero_grad=True, create_graph=True, then_by="x"),
        ),
        "parabola": _preset(
            "Parabola: z = a²·x + b·x + c",
            "z = a**2*x + b*x + c",
            {"a": 1.0, "x": 1.0, "b": 2.0, "c": 3.0},
            "The gradients are 2·a·x by a, x by b, and 1 by c. x is data and needs none.",
            fixed=("x",),
        ),
        "softmax": _preset(
            "Softmax and cross-entropy",
            "p = softmax(s)\nloss = -log(p[0])",
            {"s": (2.0, 1.0, 0.1)},
            "The gradient by the scores s is softmax(s) minus the one-hot target [1, 0, 0].",
        ),
        "perceptron": _preset(
            "Two-layer perceptron",
            "h = tanh(A@x + b)\nout = dot(w, h)\nloss = (out - y)**2",
            {
                "A": ((0.5, -0.3), (0.8, 0.2)),
                "x": (1.0, 2.0),
                "b": (0.2, -0.1),
                "w": (0.7, -0.4),
                "y": 1.0,
            },
            "x and y are data and need no gradient: PyTorch's graph does not contain them.",
            fixed=("x", "y"),
            backward_options=BackwardOptions(retain_grad="h"),
        ),
        "vanishing": _preset(
            "Vanishing gradient: a chain of tanh",
            "h1 = tanh(w*x)\nh2 = tanh(w*h1)\nh3 = tanh(w*h2)\nh4 = tanh(w*h3)\nh5 = tanh(w*h4)",
            {"w": 0.5, "x": 1.5},
            "On the way back each tanh multiplies the gradient by a number below 1, and each w by "
            "its value, so the gradient shrinks from step to step.",
        ),
    }
)
"""By the key that a link uses."""
