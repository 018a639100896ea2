"""Autograd's graph beside a hand-walked ``grad_fn`` chain, ``.grad``, and forward hooks."""

import math
import random
from collections import OrderedDict
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import mlcore
from mlcore import MlcoreError
from mlcore.inspection import ModelGraph
from mlcore.mnist.data.torchvision_compat import torchvision_datasets
from tests.inspection.networks import batches, stateful


def square(out: Any) -> Tensor:
    """A loss without a draw: half the sum of squares of the first tensor."""
    first: Tensor = out[0] if isinstance(out, tuple) else out
    return first.square().sum() / 2


def norms_by_torch(model: nn.Module, *given: Tensor) -> dict[str, float]:
    """The norm of each parameter's ``.grad`` after ``backward``."""
    model.eval()
    model.zero_grad()
    square(model(*given)).backward()  # type: ignore[no-untyped-call]  # torch's own
    known = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    return {name: float(grad.double().norm()) for name, grad in known.items()}


def norms(found: ModelGraph) -> dict[str, float]:
    """Of every parameter, those inside of a node included."""
    alone = {n.name: n.gradient_norm for n in found.nodes if n.kind == "parameter"}
    return alone | {p.name: p.gradient_norm for n in found.nodes for p in n.parameters}


def check(model: nn.Module, *given: Tensor) -> ModelGraph:
    """Check everything that torch can tell of a model, at every depth."""
    shapes: dict[str, list[Any]] = {}

    def note(name: str, out: Any) -> None:
        parts = out if isinstance(out, tuple) else (out,)
        flat = [t for p in parts for t in (p if isinstance(p, tuple) else (p,))]
        shapes.setdefault(name, []).append(tuple(tuple(t.shape) for t in flat if t is not None))

    hooks = [
        module.register_forward_hook(lambda _m, _i, out, name=name: note(name, out))
        for name, module in model.named_modules()
    ]
    known = norms_by_torch(model, *given)
    for hook in hooks:
        hook.remove()
    found = mlcore.graph(model, given, loss=square)
    assert norms(found) == pytest.approx(known, rel=1e-4, abs=1e-9)
    for depth in range(found.depth + 1):
        less = found.collapsed(depth)
        assert norms(less) == pytest.approx(known, rel=1e-4, abs=1e-9)
        assert all(given < node.index for node in less.nodes for given in node.inputs)
        assert sum(node.operations for node in less.nodes) == len(found.nodes)
        for node in less.nodes:
            if node.kind == "module":
                assert node.outputs == shapes[node.name][node.call - 1]
        back = [step.node for step in less.steps if step.phase == "backward"]
        assert len(set(back)) == len(back) == len(less.nodes)
    return found


def test_operations_follow_the_grad_fn_chain_walked_by_hand() -> None:
    model = nn.Sequential(nn.Tanh(), nn.Softplus(), nn.Sigmoid(), nn.Flatten())
    x = torch.linspace(-1, 1, 6).reshape(1, 2, 3)
    found = mlcore.graph(model, x, loss=torch.sum)
    chain, node = [], model(x.clone().requires_grad_()).sum().grad_fn
    while node is not None and not hasattr(node, "variable"):
        chain.append(type(node).__name__.removesuffix("Backward0"))
        (node, _), *_ = node.next_functions
    assert [n.op for n in found.nodes][1:] == chain[::-1]
    assert [n.name for n in found.nodes] == ["input", "0", "1", "2", "3", "loss"]
    forward = [s.node for s in found.steps if s.phase == "forward"]
    backward = [s.node for s in found.steps if s.phase == "backward"]
    assert (forward, backward) == ([0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0])


def test_the_norm_at_each_operation_is_that_of_its_output_s_gradient() -> None:
    model, x = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3)), batches()[0][0]
    hidden = model[0](x)
    after = model[1](hidden)
    out = model[2](after)
    known = torch.autograd.grad(square(out), (hidden, after, out))
    found = mlcore.graph(model, x, loss=square, depth=1)
    own = [node.gradient_norm for node in found.nodes if node.kind == "module"]
    assert own == pytest.approx([float(grad.norm()) for grad in known])
    assert found.nodes[-1].gradient_norm == 1
    weights = [node.parameter_gradient_norm for node in found.nodes]
    assert [math.isnan(norm) for norm in weights] == [True, False, True, False, True]


def test_resnet_18_is_grouped_by_block() -> None:
    torchvision_datasets()  # so that torchvision can be imported whatever it was built for
    from torchvision.models import resnet18

    torch.manual_seed(0)
    found = check(resnet18(weights=None), torch.randn(1, 3, 32, 32))
    blocks = found.collapsed(2)
    assert [n.name for n in blocks.nodes][5:7] == ["layer1.0", "layer1.1"]
    assert blocks.nodes[-3].op == "View"
    inside = found.collapsed(3)
    add = next(n for n in inside.nodes if (n.name, n.op) == ("layer1.0", "Add"))
    assert sorted(inside.nodes[i].name for i in add.inputs) == ["layer1.0.bn2", "maxpool"]
    assert [n.call for n in inside.nodes if n.name == "layer1.0.relu"] == [1, 2]
    assert len(found.readable().nodes) <= 60 < len(inside.nodes)


def test_attention_recurrence_and_shared_parameters() -> None:
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    model = nn.Sequential(nn.Embedding(9, 8), nn.TransformerEncoder(layer, 2), nn.Linear(8, 9))
    model[2].weight = model[0].weight  # tied
    found = check(model, torch.arange(5)[None])
    deep = found.collapsed(4)
    assert [n.op for n in deep.nodes].count("MultiheadAttention") == 2
    tied = next(n for n in deep.nodes if n.kind == "parameter")
    assert tied.name == "0.weight"
    assert [n.name for n in deep.nodes if tied.index in n.inputs] == ["0", "2"]
    check(nn.LSTM(3, 4, 2), torch.randn(5, 2, 3))


class _Odd(nn.Module):
    """In place on its input, a dict, a layer called twice, a frozen and an unused parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.act = nn.ReLU(inplace=True)
        self.twice = nn.Linear(3, 3)
        self.frozen = nn.Linear(3, 3).requires_grad_(False)
        self.unused = nn.Linear(3, 3)

    def forward(self, x: Tensor, *, ids: Tensor) -> dict[str, Tensor]:
        hidden = self.twice(self.frozen(self.twice(self.act(x))))
        return {"out": hidden, "first": hidden.argmax() + ids}


def test_what_is_called_twice_frozen_or_in_place() -> None:
    model = _Odd()
    found = mlcore.graph(model, {"x": torch.randn(2, 3), "ids": torch.arange(2)}, depth=1)
    assert [n.title for n in found.nodes] == [
        "input x",
        "act",
        "twice.weight",
        "twice.bias",
        "twice",
        "frozen",
        "twice, call 2",
        "loss",
    ]
    assert not found.nodes[5].parameters


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_the_model_and_the_random_states_are_left_as_they_were(mode: Any) -> None:
    model = stateful()
    weight = next(model.parameters())
    weight.grad = torch.ones_like(weight)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    states = torch.get_rng_state(), random.getstate()
    with torch.inference_mode():
        first, second = (mlcore.graph(model, batches()[0][0], mode=mode, seed=4) for _ in range(2))
    assert [n.gradient_norm for n in first.nodes] == [n.gradient_norm for n in second.nodes]
    assert all(torch.equal(before[name], now) for name, now in model.state_dict().items())
    assert torch.equal(weight.grad, torch.ones_like(weight))
    assert torch.equal(torch.get_rng_state(), states[0])
    assert random.getstate() == states[1]
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_it_shows_itself_as_text_and_as_a_table() -> None:
    model = nn.Sequential(OrderedDict(hidden=nn.Linear(2, 3), act=nn.Tanh()))
    found = mlcore.graph(model, torch.ones(1, 2), depth=1)
    table = found.table()
    assert table["phase"].tolist() == ["forward"] * 4 + ["backward"] * 4
    there = ["input", "hidden", "act", "loss"]
    assert table["name"].tolist() == [*there, *there[::-1]]
    assert table["gradient_norm"].isna().tolist() == [True] * 4 + [False] * 4
    assert str(found).splitlines()[3].split()[:5] == ["2", "hidden", "Linear", "1×3", "3"]
    assert "4 nodes for" in repr(found)


def test_what_cannot_be_recorded_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    model = nn.Sequential(OrderedDict(first=nn.Linear(4, 3), second=nn.Linear(4, 3)))
    fine, x = nn.Linear(4, 3), torch.zeros(2, 4)
    refused: dict[str, tuple[Any, Any, dict[str, Any]]] = {
        "in the layer 'second': mat1 and mat2": (model, x, {}),
        "holds no tensor. Give one of the shape": (fine, (2, 4), {}),
        "must be a torch.nn.Module": (len, x, {}),
        "must be 'train' or 'eval'": (fine, x, {"mode": "training"}),
        "depth is -1": (fine, x, {"depth": -1}),
        "returned 6 numbers": (fine, x, {"loss": lambda out: out}),
        "Nothing in the model's output depends": (nn.Flatten(), torch.zeros(2, 4).long(), {}),
        "does not depend on any parameter": (fine, x, {"loss": lambda out: out.detach().sum()}),
    }
    for words, (given, example, options) in refused.items():
        with pytest.raises(MlcoreError, match=words):
            mlcore.graph(given, example, **options)
    with pytest.raises(MlcoreError, match="collapsed already"):
        mlcore.graph(fine, x, depth=1).collapsed(0)
    monkeypatch.setattr("mlcore.inspection.model_graph.MOST", 3)
    with pytest.raises(MlcoreError, match="at most 3 are recorded"):
        mlcore.graph(fine, x)
