"""What the drawing of a model's graph is given, beside the graph itself."""

import json

import torch
from torch import Tensor, nn

import mlcore
from mlcore.inspection.graph_drawing import describe, payload


class _Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a_layer_with_a_long_name = nn.Linear(3, 3)
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.act(self.a_layer_with_a_long_name(x))
        return out


def test_each_node_edge_and_step_is_drawn() -> None:
    torch.manual_seed(0)
    found = mlcore.graph(nn.Sequential(_Block(), nn.Linear(3, 2)), torch.ones(1, 3), depth=2)
    given = json.loads(json.dumps(payload(found), allow_nan=False))
    names = [node["title"] for node in given["nodes"]]
    assert names == ["input", "0.a_layer_with_a_long_name", "0.act", "0", "1", "loss"]
    assert given["nodes"][1]["name"] == f"…{names[1][-18:]}"
    assert [node["value"] for node in given["nodes"][:3]] == ["1×3"] * 3
    assert given["nodes"][given["root"]]["title"] == "loss"
    edges = [(edge["source"], edge["target"]) for edge in given["edges"]]
    assert sorted(edges) == [(0, 1), (0, 3), (1, 2), (2, 3), (3, 4), (4, 5)]
    layers = [node["layer"] for node in given["nodes"]]
    assert all(layers[source] < layers[target] for source, target in edges)
    steps = [(stop["phase"], stop["node"]) for stop in given["stops"]]
    assert steps == [("forward", k) for k in range(6)] + [
        ("backward", k) for k in (5, 4, 3, 2, 1, 0)
    ]
    for stop in given["stops"]:
        end = 1 if stop["phase"] == "forward" else 0
        assert all(edges[place][end] == stop["node"] for place in stop["edges"])
    weight = dict(given["nodes"][1]["record"])["weight"]
    assert weight == f"3×3, ‖∂‖ {found.nodes[1].parameters[0].gradient_norm:.3g}"
    assert r"\partial" in given["stops"][-1]["latex"]


def test_the_alt_text_names_what_each_node_uses() -> None:
    found = mlcore.graph(nn.Sequential(nn.Linear(3, 2)), torch.ones(1, 3), depth=1)
    said = describe(found)
    assert "0 (Linear) from input: 1×2, gradient " in said
    assert said.startswith("input (input): 1×3")
