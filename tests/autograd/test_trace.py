"""Traces of the course's programs, and what a trace says of tensors and nodes."""

import pytest
import torch

import mlcore
from mlcore.autograd import BackwardError, Leaf, ProgramError, parse, trace
from mlcore.autograd.higher import gradient_graph
from mlcore.autograd.presets import PRESETS
from mlcore.autograd.walk import walk


def test_the_script_of_the_readme_gives_the_course_numbers() -> None:
    t = mlcore.autograd.trace("z = x*x*y", {"x": 2.0, "y": 3.0}, requires_grad=("x", "y"), order=2)
    assert t.value == 12.0
    assert t.grads["x"] == 12.0
    assert t.hessian.to_numpy().tolist() == [[6.0, 4.0], [4.0, 0.0]]
    assert {n.name for n in t.nodes} == {"x", "y", "x*x", "z"}
    assert t.to_frame().loc["z", "grad_fn"] == "MulBackward0"
    assert t.to_dot().startswith("digraph")


@pytest.mark.parametrize(
    ("key", "grads"),
    [
        ("line", {"w": 1.0, "x": 3.0, "b": 1.0}),
        ("square", {"x": 12.0, "y": 4.0}),
        ("parabola", {"a": 2.0, "b": 1.0, "c": 1.0}),
    ],
)
def test_presets_have_the_gradients_of_the_course(key: str, grads: dict[str, float]) -> None:
    t = trace(PRESETS[key].program, PRESETS[key].leaves)
    assert dict(t.grads) == grads


def test_the_softmax_preset_has_the_gradient_probabilities_less_target() -> None:
    t = trace(PRESETS["softmax"].program, PRESETS["softmax"].leaves)
    s = torch.tensor([2.0, 1.0, 0.1])
    expected = torch.softmax(s, -1) - torch.tensor([1.0, 0.0, 0.0])
    torch.testing.assert_close(t.grads["s"], expected)


def test_the_gradient_vanishes_along_the_chain_of_tanh() -> None:
    t = trace(PRESETS["vanishing"].program, PRESETS["vanishing"].leaves)
    grads = [n.grad for name in ("h5", "h4", "h3", "h2", "h1") for n in t.nodes if n.name == name]
    sizes = [g for g in grads if isinstance(g, float)]
    assert len(sizes) == 5
    assert sorted(sizes, reverse=True) == sizes
    assert t.grads["x"] < 0.02


def test_a_product_of_a_leaf_with_itself_has_two_edges_from_it() -> None:
    t = trace("z = a*a", {"a": 3.0})
    assert [(e.source, e.target, e.slot) for e in t.edges] == [(0, 1, 0), (0, 1, 1)]
    assert [e.flow for e in t.edges] == [3.0, 3.0]
    assert t.grads["a"] == 6.0


def test_a_leaf_without_gradient_is_not_in_the_graph_of_pytorch() -> None:
    t = trace("z = w*x", {"w": 2.0, "x": Leaf(5.0, requires_grad=False)})
    x = next(n for n in t.nodes if n.name == "x")
    assert (x.kind, x.op, x.grad) == ("constant", "", None)
    assert [e.slot for e in t.edges if e.source == x.index] == [-1]
    assert "x" not in t.grads


def test_saved_tensors_bear_the_learners_names() -> None:
    t = trace("h = tanh(x)\nz = h*y", {"x": 0.5, "y": 3.0})
    saved = {n.name: {(s.slot, s.name) for s in n.saved} for n in t.nodes}
    assert saved["h"] == {("result", "h")}
    assert saved["z"] == {("self", "h"), ("other", "y")}


def test_a_number_divided_by_a_tensor_is_two_nodes_as_in_pytorch() -> None:
    t = trace("z = 2/x", {"x": 4.0})
    assert [n.op for n in t.nodes] == ["AccumulateGrad", "ReciprocalBackward0", "MulBackward0"]
    assert t.grads["x"] == pytest.approx(-2 / 16)
    formulas = [s.formula.latex for s in walk(t) if s.phase == "forward"]
    assert formulas[1].endswith("= 0.25")
    assert formulas[2] == r"z = \frac{2}{x} = \frac{2}{4} = 0.5"


def test_a_vector_times_a_matrix_shows_what_matmul_keeps_to_itself() -> None:
    t = trace("z = sum(v @ A)", {"v": [1, 2], "A": [[1, 2], [3, 4]]})
    v = torch.tensor([1.0, 2.0], requires_grad=True)
    plain = v @ torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    assert type(plain.grad_fn).__name__ in [n.op for n in t.nodes]
    assert all(n.value is not None for n in t.nodes)
    assert t.grads["v"].tolist() == [3.0, 7.0]  # type: ignore[union-attr]  # a vector leaf


def test_mixed_dtypes_trace_with_whatever_pytorch_inserts() -> None:
    t = trace("z = mse(x, y)", {"x": Leaf((1.0, 2.0)), "y": Leaf((0.0, 4.0), True, "float64")})
    assert t.grads["x"].tolist() == [1.0, -2.0]  # type: ignore[union-attr]  # a vector leaf
    assert len(walk(t)) > 0


def test_a_vector_output_keeps_its_values_and_says_what_backward_raised() -> None:
    t = trace("z = x*2", {"x": [1, 2]})
    with pytest.raises(RuntimeError) as real:
        (torch.tensor([1.0, 2.0], requires_grad=True) * 2).backward()  # type: ignore[no-untyped-call]  # torch's is untyped
    assert t.failure is not None
    assert t.failure.message == str(real.value)
    assert t.value.tolist() == [2.0, 4.0]  # type: ignore[union-attr]  # a vector
    with pytest.raises(BackwardError, match="scalar outputs"):
        _ = t.grads


def test_gradients_keep_the_leafs_precision() -> None:
    t = trace("z = sum(x*0.1)", {"x": [1.0, 2.0]}, dtype="float64")
    assert t.grads["x"].dtype == torch.float64  # type: ignore[union-attr]  # a vector leaf


def test_second_derivatives_are_those_of_torchs_own_hessian() -> None:
    program = "h = tanh(A@x)\nz = sum(h*h) + exp(x[0])*x[1]"
    matrix, vector = [[0.5, -1.0], [0.2, 0.3]], [0.4, -0.7]

    def f(x: torch.Tensor) -> torch.Tensor:
        h = torch.tanh(torch.tensor(matrix, dtype=torch.float64) @ x)
        return (h * h).sum() + torch.exp(x[0]) * x[1]

    t = trace(program, {"A": matrix, "x": vector}, requires_grad=("x",), dtype="float64", order=2)
    at = torch.tensor(vector, dtype=torch.float64)
    expected = torch.autograd.functional.hessian(f, at)  # type: ignore[no-untyped-call]  # untyped
    torch.testing.assert_close(torch.tensor(t.hessian.to_numpy()), expected)
    assert list(t.hessian.index) == ["x[0]", "x[1]"]


def test_without_create_graph_pytorch_refuses_a_second_derivative() -> None:
    t = trace("z = x*x", {"x": 1.0}, order=2)
    assert t.second is not None
    assert t.second.without_create_graph is not None
    assert "does not require grad" in t.second.without_create_graph.message
    with pytest.raises(ValueError, match="order=2"):
        _ = trace("z = x*x", {"x": 1.0}).hessian


def test_the_gradients_graph_ends_in_the_gradient() -> None:
    program = parse("z = x*x*y")
    leaves = {"x": Leaf(2.0), "y": Leaf(3.0)}
    graph = gradient_graph(program, leaves, "x")
    assert graph is not None
    root = graph.nodes[graph.root]
    assert (root.name, root.value) == ("∂z/∂x", 12.0)
    assert {"x", "y"} <= {n.name for n in graph.nodes}
    assert gradient_graph(parse("z = 2*x"), {"x": Leaf(1.0)}, "x") is None


def test_the_walk_goes_over_every_value_and_then_back_in_the_engines_order() -> None:
    t = trace("z = w*x + b", {"w": 3.0, "x": 1.0, "b": 2.0})
    stops = walk(t)
    names = [(s.phase, t.nodes[s.node].name) for s in stops]
    assert names[:5] == [("forward", n) for n in ("w", "x", "b", "w*x", "z")]
    assert names[5] == ("backward", "z")
    assert {n for phase, n in names if phase == "backward"} == {"z", "w*x", "w", "x", "b"}
    back = {t.nodes[s.node].name: s.formula.latex for s in stops if s.phase == "backward"}
    assert back["x"].endswith(r"= 1 \cdot 3 = 3")
    assert back["x"].startswith(r"\frac{\partial z}{\partial x}")


def test_a_sum_over_very_many_paths_is_shortened_but_keeps_its_total() -> None:
    t = trace("z = x" + "*x" * 20, {"x": 1.0})
    last = walk(t)[-1]
    assert r"\cdots" in last.formula.latex
    assert last.formula.latex.endswith("= 21")


def test_results_of_very_many_elements_are_refused() -> None:
    with pytest.raises(ProgramError, match="has 4,096 elements"):
        trace("z = sum(v + w)", {"v": [0.0] * 64, "w": [[0.0]] * 64})


def test_two_hundred_operations_are_traced() -> None:
    t = trace("z = x" + "*x" * 200, {"x": 1.0})
    assert t.grads["x"] == 201.0
    assert len(t.nodes) == 201
