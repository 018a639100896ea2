"""``trace``: evaluates a program and records values, graph and gradients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

import torch

from mlcore.autograd.errors import BackwardError, TensorError
from mlcore.autograd.evaluate import Run, evaluate
from mlcore.autograd.explain import Failure, failure, meaning
from mlcore.autograd.graph import catch, node_of, reachable, read_graph, with_gradients
from mlcore.autograd.higher import Second, second_derivatives
from mlcore.autograd.inputs import DType, Leaf, LeafValue, Nested, leaf
from mlcore.autograd.local import with_locals
from mlcore.autograd.parser import parse
from mlcore.autograd.program import Program
from mlcore.autograd.records import Edge, Graph, Node, TensorRow, nested
from mlcore.autograd.tokens import scan

if TYPE_CHECKING:
    import pandas as pd

Gradient = float | torch.Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """One forward and one backward pass of a program, recorded.

    Attributes:
        program: The parsed program.
        leaves: The leaves it was given, in the program's order.
        graph: Nodes and edges of PyTorch's graph, with values and gradients.
        tensors: A row for each leaf and named result, as PyTorch describes them afterwards.
        failure: The exception that ``backward()`` raised, or None.
        second: Second derivatives, where ``order=2`` was asked for.
    """

    program: Program
    leaves: Mapping[str, Leaf]
    graph: Graph
    tensors: tuple[TensorRow, ...]
    failure: Failure | None
    second: Second | None

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The graph's nodes in forward order."""
        return self.graph.nodes

    @property
    def edges(self) -> tuple[Edge, ...]:
        """The graph's edges."""
        return self.graph.edges

    @property
    def value(self) -> Gradient:
        """The output: a float, or a tensor if it is not a scalar."""
        root = self.graph.nodes[self.graph.root]
        return _plain(root.value, root.dtype)

    @property
    def grads(self) -> Mapping[str, Gradient]:
        """The output's gradient by each leaf that requires one, as float or tensor.

        0 for a leaf on which the output does not depend (PyTorch leaves its ``.grad`` at None).

        Raises:
            BackwardError: If PyTorch refused the backward pass.
        """
        if self.failure:
            raise BackwardError(
                f"{self.failure.during} raised {self.failure.kind}: {self.failure.message}. "
                f"{self.failure.meaning.mend}"
            )
        rows = {row.name: row for row in self.tensors}
        return MappingProxyType(
            {
                name: _zero(given)
                if (grad := rows[name].grad) is None
                else _plain(grad, rows[name].dtype)
                for name, given in self.leaves.items()
                if given.requires_grad
            }
        )

    @property
    def hessian(self) -> pd.DataFrame:
        """Second derivatives by the elements of the leaves that require gradients, as a matrix.

        Raises:
            ValueError: If the trace was made with ``order=1``.
            BackwardError: If PyTorch refused the backward pass.
        """
        import pandas as pd

        if self.failure:
            raise BackwardError(f"{self.failure.during} raised: {self.failure.message}")
        if self.second is None:
            raise ValueError("Second derivatives were not asked for; call trace(…, order=2).")
        names = list(self.second.names)
        return pd.DataFrame(self.second.hessian, index=names, columns=names, dtype=float)

    def to_frame(self) -> pd.DataFrame:
        """The tensor table: one row per leaf and named result, one column per property."""
        from mlcore.autograd.export import tensor_frame

        return tensor_frame(self.tensors)

    def to_dot(self) -> str:
        """The graph in Graphviz's DOT language, with values on nodes and gradients on edges."""
        from mlcore.autograd.export import dot

        return dot(self.graph)


def trace(
    program: str | Program,
    leaves: Mapping[str, LeafValue | Leaf],
    *,
    requires_grad: Sequence[str] | None = None,
    dtype: DType = "float32",
    order: Literal[1, 2] = 1,
) -> Trace:
    """Evaluate a program with PyTorch, run ``backward()`` and record values, graph and gradients.

    Args:
        program: Lines such as ``z = w*x + b``; the gradient is taken of the last one.
        leaves: A value for each name the program reads but does not assign: a number, a nested
            list, a tensor, or a ``Leaf`` that brings its own dtype and ``requires_grad``.
        requires_grad: Names of the leaves that require a gradient; None for all.
        dtype: The dtype of leaves given as plain values.
        order: 2 adds the Hessian (at most ``higher.MAX_SECOND`` elements).

    Raises:
        ProgramError: If the program cannot be read, with line and column.
        TensorError: If PyTorch refuses an operation of the forward pass, likewise.
        ValueError: If the leaves do not fit the program.

    Example:
        >>> from mlcore import autograd
        >>> trace = autograd.trace("z = x*x*y", {"x": 2.0, "y": 3.0}, order=2)
        >>> print(trace.value, trace.grads)
        12.0 {'x': 12.0, 'y': 4.0}
        >>> print(trace.hessian)
             x    y
        x  6.0  4.0
        y  4.0  0.0
    """
    parsed = parse(program) if isinstance(program, str) else program
    given = given_leaves(parsed, leaves, requires_grad, dtype)
    run = evaluate(parsed, leaf_tensors(parsed, given))
    graph, places = read_graph(parsed, run)
    graph = with_locals(graph, places, run)
    caught = catch(reachable(node_of(run.output)))
    during = f"{parsed.output_name}.backward()"
    failed = None
    try:
        run.output.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    except RuntimeError as error:
        failed = failure(error, during)
    graph = with_gradients(graph, places, caught)
    rows = tensor_rows(parsed, run)
    second = second_derivatives(parsed, given) if order == 2 and failed is None else None
    return Trace(parsed, given, graph, rows, failed, second)


def given_leaves(
    program: Program,
    leaves: Mapping[str, LeafValue | Leaf],
    requires_grad: Sequence[str] | None = None,
    dtype: DType = "float32",
) -> Mapping[str, Leaf]:
    """The program's leaves in its order, each with its value.

    Raises:
        ValueError: If one is missing, or a name is none of the program's leaves.
    """
    reads = ", ".join(program.leaves) or "none"
    for name in (*leaves, *(requires_grad or ())):
        if name not in program.leaves:
            raise ValueError(f"{name} is no leaf of the program; its leaves are {reads}.")
    missing = [name for name in program.leaves if name not in leaves]
    if missing:
        raise ValueError(
            f"No value is given for {', '.join(missing)}; the program's leaves are {reads}."
        )
    wanted = program.leaves if requires_grad is None else requires_grad
    return MappingProxyType(
        {
            name: leaf(leaves[name], requires_grad=name in wanted, dtype=dtype)
            for name in program.leaves
        }
    )


def leaf_tensors(
    program: Program, leaves: Mapping[str, Leaf], dtype: DType | None = None
) -> dict[str, torch.Tensor]:
    """New leaf tensors, all of them in ``dtype`` if given.

    Raises:
        TensorError: If PyTorch refuses one, such as an integer that is to require a gradient.
    """
    made: dict[str, torch.Tensor] = {}
    for name, given in leaves.items():
        try:
            made[name] = given.tensor(dtype)
        except RuntimeError as error:
            token = next(t for t in scan(program.text) if t.text == name)
            raise TensorError(
                f"PyTorch refuses the leaf {name}: {type(error).__name__}: {error}. "
                f"{meaning(error).mend}",
                token.line,
                token.column,
                program.text.split("\n")[token.line - 1],
            ) from error
    return made


def tensor_rows(program: Program, run: Run) -> tuple[TensorRow, ...]:
    """The leaves and named results with PyTorch's attributes."""
    named = dict(run.leaves)
    for name, operand in (*program.names, (program.output_name, program.output)):
        named.setdefault(name, run.tensor(operand))
    return tuple(
        TensorRow(
            name=name,
            value=nested(tensor),
            shape=tuple(tensor.shape),
            dtype=str(tensor.dtype),
            device=str(tensor.device),
            requires_grad=tensor.requires_grad,
            is_leaf=tensor.is_leaf,
            grad_fn="None" if tensor.grad_fn is None else type(tensor.grad_fn).__name__,
            retains_grad=tensor.retains_grad,
            # reading .grad of any other tensor warns, and always gives None
            grad=_grad(tensor) if tensor.is_leaf or tensor.retains_grad else None,
        )
        for name, tensor in named.items()
    )


def _grad(tensor: torch.Tensor) -> Nested | None:
    return None if tensor.grad is None else nested(tensor.grad)


def _plain(value: Nested | None, dtype: str) -> Gradient:
    if isinstance(value, tuple):
        return torch.tensor(value, dtype=getattr(torch, dtype.removeprefix("torch.")))
    return float("nan") if value is None else value


def _zero(given: Leaf) -> Gradient:
    return torch.zeros(given.shape, dtype=getattr(torch, given.dtype)) if given.shape else 0.0
