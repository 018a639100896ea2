"""Random programs against finite differences, NumPy, sympy and plain PyTorch."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sympy
import torch
from hypothesis import HealthCheck, assume, given, settings

from mlcore.autograd import ProgramError, Trace, parse, trace
from mlcore.autograd.as_pytorch import torch_lines
from mlcore.autograd.inputs import elements
from mlcore.autograd.proof import differences
from tests.autograd.strategies import Given, polynomials, programs

SLOW = settings(deadline=None, suppress_health_check=list(HealthCheck))

UFUNCS = ("sin", "cos", "tan", "exp", "log", "sqrt", "abs", "tanh", "sum", "mean", "dot")
NUMPY: dict[str, Any] = {
    "relu": lambda x: np.maximum(x, 0),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softplus": lambda x: np.log1p(np.exp(x)),
    "softmax": lambda x: np.exp(x) / np.exp(x).sum(),
    "log_softmax": lambda x: x - np.log(np.exp(x).sum()),
    "mse": lambda a, b: ((a - b) ** 2).mean(),
    "max": np.max,
    "min": np.min,
    **{n: getattr(np, n) for n in UFUNCS},
}


def traced(example: Given) -> Trace:
    """A trace in float64; a draw that asks for a number's elements is put aside."""
    try:
        program = parse(example.text)
    except ProgramError as error:
        assume("number" not in error.reason)
        raise
    leaves = {name: example.leaves[name] for name in program.leaves}
    try:
        return trace(program, leaves, dtype="float64")
    except ProgramError as error:  # sum(2) has no tensor
        assume("must be Tensor, not" not in str(error))
        raise


def flat(value: Any) -> list[float]:
    return [float(v) for v in torch.as_tensor(value, dtype=torch.float64).reshape(-1)]


def gentle(t: Trace) -> bool:
    """Finite, and not so steep that float64 cannot tell a difference from rounding."""
    values = [v for n in t.nodes if n.value is not None for _, v in elements(n.value)]
    grads = [v for n in t.nodes if n.grad is not None for _, v in elements(n.grad)]
    return all(math.isfinite(v) and abs(v) < 1e4 for v in values + grads)


@SLOW
@given(programs())
def test_every_gradient_agrees_with_a_central_difference(example: Given) -> None:
    t = traced(example)
    assume(gentle(t))
    found = differences(t.program, t.leaves)
    assume(all(math.isfinite(d.difference) for d in found))
    grads = [v for g in t.grads.values() for v in flat(g)]
    for difference, grad in zip(found, grads, strict=True):
        assert grad == pytest.approx(difference.autograd, rel=1e-12, abs=1e-300)
        assert difference.verdict != "differ", difference


@SLOW
@given(programs())
def test_every_value_agrees_with_numpy(example: Given) -> None:
    t = traced(example)
    assume(gentle(t))
    space = {name: np.array(value) for name, value in example.leaves.items()}
    with np.errstate(all="ignore"):
        exec(example.text, NUMPY | {"__builtins__": {}}, space)  # noqa: S102  # our own text
    assert t.value == pytest.approx(float(space["z"]), rel=1e-9, abs=1e-9)


@SLOW
@given(polynomials())
def test_polynomials_have_the_derivatives_that_sympy_finds(example: Given) -> None:
    try:
        program = parse(example.text)
    except ProgramError as error:  # ((2**3)**3)**3 and the like
        assume("larger than" not in error.reason)
        raise
    leaves = {name: example.leaves[name] for name in program.leaves}
    t = trace(program, leaves, dtype="float64", order=2)
    assume(gentle(t))
    symbols = {name: sympy.Symbol(name) for name in program.leaves}
    exact = sympy.sympify(example.text.removeprefix("z = "), locals=symbols)
    at = {symbols[name]: sympy.Rational(str(value)) for name, value in leaves.items()}
    scale = max(1.0, *(abs(v) for n in t.nodes for _, v in elements(n.value or 0.0)))
    for name, symbol in symbols.items():
        first = sympy.diff(exact, symbol)
        assert t.grads[name] == pytest.approx(float(first.subs(at)), rel=1e-9, abs=1e-9 * scale)
        for other, by in symbols.items():
            second = float(sympy.diff(first, by).subs(at))
            found = float(t.hessian.loc[name, other])  # type: ignore[arg-type]  # a number
            assert found == pytest.approx(second, rel=1e-9, abs=1e-9 * scale)


@SLOW
@given(programs())
def test_the_gradient_along_every_edge_is_the_local_derivative_times_what_arrived(
    example: Given,
) -> None:
    t = traced(example)
    assume(gentle(t))
    for edge in t.edges:
        if edge.flow is None or edge.local is None:
            continue
        arrived = torch.tensor(t.nodes[edge.target].grad, dtype=torch.float64)
        local = torch.tensor(edge.local.value, dtype=torch.float64)
        flow = torch.tensor(edge.flow, dtype=torch.float64)
        if edge.local.kind == "jacobian":
            product = (local.T @ arrived.reshape(-1)).reshape(flow.shape)
        else:
            product = (local * arrived).sum_to_size(flow.shape)
        torch.testing.assert_close(product, flow, rtol=1e-9, atol=1e-12)


@SLOW
@given(programs())
def test_the_gradients_along_the_edges_out_of_a_node_sum_to_what_arrives_there(
    example: Given,
) -> None:
    t = traced(example)
    assume(gentle(t))
    for node in t.nodes:
        flows = [e.flow for e in t.edges if e.source == node.index and e.flow is not None]
        if node.grad is None or node.index == t.graph.root or not flows:
            continue
        total = sum(torch.tensor(flow, dtype=torch.float64) for flow in flows)
        arrived = torch.tensor(node.grad, dtype=torch.float64)
        torch.testing.assert_close(total, arrived, rtol=1e-9, atol=1e-12)


@SLOW
@given(programs())
def test_the_graph_is_that_of_grad_fn_and_next_functions(example: Given) -> None:
    t = traced(example)
    space: dict[str, Any] = {
        name: torch.tensor(g.value, dtype=torch.float64, requires_grad=True)
        for name, g in t.leaves.items()
    }
    exec("\n".join(torch_lines(t.program)), {"torch": torch}, space)  # noqa: S102  # our own text
    pairs: list[tuple[str, str, int]] = []
    seen, stack = set(), [space["z"].grad_fn]
    while stack:
        fn = stack.pop()
        if fn is None or fn in seen:
            continue
        seen.add(fn)
        for slot, (following, _) in enumerate(fn.next_functions):
            if following is not None:
                pairs.append((type(fn).__name__, type(following).__name__, slot))
                stack.append(following)
    names = [n.op for n in t.nodes]
    reached = {t.graph.root}
    for index in reversed(range(len(t.nodes))):  # only what the output depends on
        reached |= {e.source for e in t.edges if e.target == index and index in reached}
    ours = [
        (names[e.target], names[e.source], e.slot)
        for e in t.edges
        if e.slot >= 0 and e.target in reached
    ]
    if not any(n.value is None for n in t.nodes):
        assert sorted(ours) == sorted(pairs)


def test_the_hessian_is_a_frame_with_leaves_as_rows_and_columns() -> None:
    t = trace("z = x*x*y", {"x": 2.0, "y": 3.0}, requires_grad=("x", "y"), order=2)
    expected = pd.DataFrame([[6.0, 4.0], [4.0, 0.0]], index=["x", "y"], columns=["x", "y"])
    pd.testing.assert_frame_equal(t.hessian, expected)
