"""The step-by-step walk over a graph: values forward, then gradients backward."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from mlcore.autograd import formula as f
from mlcore.autograd.formula import Formula
from mlcore.autograd.functions import index_text
from mlcore.autograd.inputs import Nested
from mlcore.autograd.program import Constant, Operand, Operation, Program, ResultRef
from mlcore.autograd.records import Edge, Graph, Node
from mlcore.autograd.tracing import Trace

MAX_TERMS: Final = 5
"""Most terms of a sum over paths that are written out."""


@dataclass(frozen=True, slots=True)
class Stop:
    """One step of the walk.

    Attributes:
        phase: ``forward`` (a value is computed) or ``backward`` (a gradient arrives).
        node: Index of the node.
        edges: Indices of the edges that carry what arrives.
        formula: What happens there, with numbers.
    """

    phase: Literal["forward", "backward"]
    node: int
    edges: tuple[int, ...]
    formula: Formula


def walk(trace: Trace) -> tuple[Stop, ...]:
    """Every step: all nodes in forward order, then backward as PyTorch's engine ran them."""
    graph, program = trace.graph, trace.program
    into: dict[int, list[int]] = {}
    out_of: dict[int, list[int]] = {}
    for i, edge in enumerate(graph.edges):
        into.setdefault(edge.target, []).append(i)
        if edge.flow is not None:
            out_of.setdefault(edge.source, []).append(i)
    values = {node.name: node.value for node in graph.nodes}
    calls = {
        (call.line, call.column, program.name_of(ResultRef(i))): call
        for i, call in enumerate(program.operations)
    }
    stops = []
    for node in graph.nodes:
        if node.value is not None:
            call = calls.get((node.line, node.column, node.name))
            edges = tuple(into.get(node.index, ()))
            stops.append(Stop("forward", node.index, edges, _value(program, node, call, values)))
    reached = sorted(
        (node for node in graph.nodes if node.backward_order is not None),
        key=lambda node: node.backward_order or 0,
    )
    for node in reached:
        edges = tuple(out_of.get(node.index, ()))
        uses = [graph.edges[i] for i in edges]
        stops.append(Stop("backward", node.index, edges, chain_rule(graph, node, uses)))
    return tuple(stops)


def chain_rule(graph: Graph, node: Node, uses: Sequence[Edge]) -> Formula:
    """The gradient at a node: the sum of gradient times local derivative over its uses."""
    root = graph.nodes[graph.root]
    name, here = f.symbol(root.name), f.derivative(f.symbol(root.name), f.symbol(node.name))
    result = f.array(node.grad) if node.grad is not None else f.text("none")
    if node.index == graph.root or not uses:
        return here + f.sign("=") + result
    # a leaf used everywhere: the first uses and the last one tell how the sum goes
    shown = uses if len(uses) <= MAX_TERMS else [*uses[: MAX_TERMS - 2], uses[-1]]
    terms = [_term(graph, name, edge, node) for edge in shown]
    symbols = _sum([term for term, _ in terms], gap=len(shown) < len(uses))
    numbers = _sum([product for _, product in terms], gap=len(shown) < len(uses))
    return here + f.sign("=") + symbols + f.sign("=") + numbers + f.sign("=") + result


def _term(graph: Graph, root: Formula, edge: Edge, node: Node) -> tuple[Formula, Formula]:
    user = graph.nodes[edge.target]
    local = f.derivative(f.symbol(user.name), f.symbol(node.name))
    return _product(f.derivative(root, f.symbol(user.name)), local, edge, user, node)


def _sum(terms: list[Formula], *, gap: bool) -> Formula:
    total = terms[0]
    for position, term in enumerate(terms[1:], start=2):
        if gap and position == len(terms):
            total = total + f.sign("+") + f.sign("⋯")
        total = total + f.sign("+") + term
    return total


def _product(
    arriving: Formula, local: Formula, edge: Edge, user: Node, node: Node
) -> tuple[Formula, Formula]:
    if edge.local is None or user.grad is None:
        return arriving + f.sign("·") + local, f.array(edge.flow if edge.flow is not None else 0.0)
    if edge.local.kind == "scalar":
        return (
            arriving + f.sign("·") + local,
            f.factor(user.grad) + f.sign("·") + f.factor(edge.local.value),
        )
    if edge.local.kind == "elementwise":
        term = arriving + f.sign("⊙") + local
        product = f.factor(user.grad) + f.sign("⊙") + f.factor(edge.local.value)
        if _shape(edge.local.value) != node.shape:  # broadcasting forward is a sum backward
            return f.applied("sum", term), f.applied("sum", product)
        return term, product
    term = f.transposed(f.parentheses(local)) + arriving
    return term, f.transposed(f.array(edge.local.value)) + f.array(f.column(user.grad))


def _shape(value: Nested) -> tuple[int, ...]:

    if not isinstance(value, tuple):
        return ()
    return (len(value), *(_shape(value[0]) if value else ()))


def _value(
    program: Program,
    node: Node,
    call: Operation | None,
    values: Mapping[str, Nested | None],
) -> Formula:
    name, result = f.symbol(node.name), f.array(node.value if node.value is not None else 0.0)
    if call is None:
        return name + f.sign("=") + result
    operands = [_operand(program, operand, values) for operand in call.operands]
    symbols = _written(call.function, [letter for letter, _ in operands], call.option)
    computed = _written(call.function, [number for _, number in operands], call.option)
    shown = symbols + f.sign("=") + computed + f.sign("=") + result
    return name + f.sign("=") + shown if node.name.isidentifier() else shown


def _operand(
    program: Program, operand: Operand, values: Mapping[str, Nested | None]
) -> tuple[Formula, Formula]:
    if isinstance(operand, Constant):
        return f.number(operand.value), f.factor(float(operand.value))
    name = program.name_of(operand)
    value = values.get(name)
    return f.symbol(name), f.factor(value) if value is not None else f.symbol(name)


def _written(name: str, parts: list[Formula], option: object) -> Formula:
    match name:
        case "add":
            return parts[0] + f.sign("+") + parts[1]
        case "sub":
            return parts[0] + f.sign("-") + parts[1]
        case "mul":
            return parts[0] + f.sign("·") + parts[1]
        case "matmul":
            return parts[0] + parts[1]
        case "div":
            return f.fraction(parts[0], parts[1])
        case "pow":
            base = parts[0]
            simple = base.latex.replace(".", "").isalnum()
            return f.power(base if simple else f.parentheses(base), parts[1])
        case "neg":
            return f.sign("-") + parts[0]
        case "index" if isinstance(option, tuple):
            return f.indexed(parts[0], ",".join(index_text(key) for key in option))
    return f.applied(name, *parts)
