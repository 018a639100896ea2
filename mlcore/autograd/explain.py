"""Explains PyTorch's exceptions: meaning and remedy, beside their unchanged text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an exception means.

    Attributes:
        meaning: One or two sentences on what happened.
        mend: One sentence on what to do.
        backward_options: Fields of ``BackwardOptions`` that avoid it, with their values.
    """

    meaning: str
    mend: str
    backward_options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Failure:
    """An exception that PyTorch raised.

    Attributes:
        kind: Its class, such as ``RuntimeError``.
        message: Its text, unchanged.
        during: The call that raised it, such as ``z.backward()``.
        meaning: What it means and what to do.
    """

    kind: str
    message: str
    during: str
    meaning: Meaning


def failure(error: Exception, during: str) -> Failure:
    """Record an exception of PyTorch with its meaning."""
    return Failure(type(error).__name__, str(error), during, meaning(error))


def meaning(error: Exception) -> Meaning:
    """The meaning of a PyTorch exception; a general sentence for unknown ones."""
    text = str(error)
    for pattern, known in _KNOWN:
        if pattern.search(text):
            return known
    return Meaning(
        "PyTorch cannot do this with the tensors it was given.",
        "Compare shapes and dtypes in the tensor table.",
    )


def _known(
    pattern: str, meaning: str, mend: str, **backward_options: Any
) -> tuple[re.Pattern[str], Meaning]:
    return re.compile(pattern, re.IGNORECASE), Meaning(
        meaning, mend, MappingProxyType(backward_options)
    )


_KNOWN: Final = (
    _known(
        "backward through the graph a second time",
        "backward() frees the tensors that the graph saved as soon as it has used them, to save "
        "memory. The second backward() through the same graph no longer finds them.",
        "Run the program again before each backward(), or keep the graph with retain_graph=True.",
        retain_graph=True,
    ),
    _known(
        "does not require grad and does not have a grad_fn",
        "The tensor that backward() was called on has no graph: it was computed under no_grad(), "
        "detach() cut every path to an input, or no input requires a gradient. A gradient itself "
        "has a graph only if its backward pass was run with create_graph=True.",
        "Leave out no_grad() and detach(), switch requires_grad on for an input, and use "
        "create_graph=True where the gradient is differentiated again.",
        no_grad=False,
        detach="",
        create_graph=True,
    ),
    _known(
        "can be implicitly created only for scalar outputs",
        "backward() without an argument starts with the gradient 1, which only makes sense for a "
        "single number. The output here has several elements.",
        "End the program with a scalar, for instance sum(…) or mean(…).",
    ),
    _known(
        "modified by an inplace operation",
        "The backward formula of an operation needs a tensor that was saved during the forward "
        "pass. The in-place edit overwrote it; PyTorch counts edits (the version) and refuses to "
        "give a wrong gradient.",
        "Make a new tensor instead: h = h + 1 rather than h.add_(1).",
        edit="",
    ),
    _known(
        "view of a leaf variable that requires grad",
        "The tensor shares its memory with a leaf that requires a gradient, so editing it would "
        "change the leaf without autograd recording it.",
        "Edit under torch.no_grad(), or make a new tensor instead.",
        edit="",
    ),
    _known(
        "leaf variable that requires grad is being used in an in-place",
        "If a leaf could be overwritten while autograd records, its gradient would belong to a "
        "value that no longer exists.",
        "Update leaves under torch.no_grad(), as optimizers do, and run the program again.",
        edit_no_grad=True,
        forward_again=True,
    ),
    _known(
        "only tensors of floating point and complex dtype can require gradients",
        "A gradient says what a very small change does, and whole numbers cannot change a little.",
        "Choose float32 or float64 for this input, or switch *grad* off.",
    ),
    _known(
        "can't retain_grad on tensor that has requires_grad=false",
        "This tensor gets no gradient, so there is none to keep.",
        "Switch requires_grad on for an input it is computed from, and leave out no_grad() and "
        "detach().",
        no_grad=False,
        detach="",
        retain_grad="",
    ),
    _known(
        "not have been used in the graph",
        "The output does not depend on this tensor: no path in the graph leads to it.",
        "Use the tensor in the program, or read its gradient as 0.",
    ),
    _known(
        r"size of tensor a .* must match the size of tensor b",
        "Element by element operations need equal shapes, or sizes of 1 that can be repeated "
        "(broadcasting).",
        "Make the shapes equal, or one of the two a single number.",
    ),
    _known(
        "shapes cannot be multiplied|size mismatch, got input|inconsistent tensor size",
        "The inner sizes of a product must agree: (n×k) @ (k×m).",
        "Make the last size on the left equal to the first on the right.",
    ),
    _known(
        "same dtype|expected m1 and m2",
        "Products of matrices do not convert dtypes, as + and * do.",
        "Give both inputs the same dtype.",
    ),
    _known(
        "1D tensors expected|need to be at least 1D",
        "dot takes two vectors; @ takes vectors or matrices.",
        "Give vectors such as [1, 2], or write * for numbers.",
    ),
    _known(
        "index .* out of bounds|invalid index of a 0-dim|too many indices|Dimension out of range",
        "The index or dim names a place that the tensor does not have.",
        "Count from 0, and look at the shape in the tensor table.",
    ),
    _known(
        "could not infer output dtype|not implemented for|integer powers|desired output type",
        "This operation needs floating point numbers, but got whole numbers.",
        "Choose float32 or float64 for the input.",
    ),
    _known(
        "'NoneType' object has no attribute",
        "The .grad of this leaf is None: no gradient arrived there, so there is nothing to "
        "differentiate a second time.",
        "Leave out detach() and no_grad(), and let the output depend on the leaf.",
        detach="",
        no_grad=False,
    ),
    _known(
        "must be Tensor, not",
        "PyTorch's functions take tensors, and this is a plain Python number.",
        "Apply the function to an input or a result.",
    ),
)
