"""The options of ``backward()`` in the ledger, and the change that mends a failure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from mlcore.autograd.explain import Failure

MAX_CALLS: Final = 8


@dataclass(frozen=True, slots=True)
class BackwardOptions:
    """How ``backward()`` is called.

    Attributes:
        calls: How often, 1 to ``MAX_CALLS``.
        zero_grad: Set every ``.grad`` to None before each call, as ``optimizer.zero_grad()`` does.
        forward_again: Run the program again before each call after the first, as a training loop
            does; otherwise every call goes through the first graph.
        retain_graph: Keep the saved tensors for another call.
        create_graph: Give the gradient a graph of its own.
        no_grad: Run the program under ``torch.no_grad()``.
        detach: Name of a leaf or result that is used as ``name.detach()``; ``""`` for none.
        retain_grad: Name of a result whose ``.grad`` is kept; ``""`` for none.
        edit: Name of a leaf or result to which 1 is added in place between the forward pass and
            each ``backward()``; ``""`` for none.
        edit_no_grad: Make that edit under ``torch.no_grad()``.
        then_by: Name of a leaf x: the second call is ``g.backward()``, where g is the sum of the
            ``x.grad`` that the first call left; it adds second derivatives. ``""`` for none.
    """

    calls: int = 2
    zero_grad: bool = False
    forward_again: bool = True
    retain_graph: bool = False
    create_graph: bool = False
    no_grad: bool = False
    detach: str = ""
    retain_grad: str = ""
    edit: str = ""
    edit_no_grad: bool = False
    then_by: str = ""


def mended(backward_options: BackwardOptions, failure: Failure) -> BackwardOptions:
    """The options changed as the failure's advice says; unchanged where it gives none."""
    advice = dict(failure.meaning.backward_options)
    if not backward_options.then_by:
        advice.pop("create_graph", None)  # it mends only a second call through the gradient
    return replace(backward_options, **advice)
