"""What the graph and the curve are drawn from: JSON, with every number and no NaN."""

import json

import pytest

from mlcore.autograd import Leaf, parse, trace
from mlcore.autograd.curve import curve
from mlcore.autograd.presets import PRESETS
from mlcore.autograd.walk import walk
from mlcore.charts.autograd import curve_payload, describe, graph_payload, short


@pytest.mark.parametrize("key", PRESETS)
def test_a_graph_is_json_and_its_structure_does_not_depend_on_the_numbers(key: str) -> None:
    preset = PRESETS[key]
    t = trace(preset.program, preset.leaves)
    payload = graph_payload(t.graph, walk(t))
    json.dumps(payload, allow_nan=False)
    name, given = next(iter(preset.leaves.items()))
    moved = {**preset.leaves, name: given.replace((0,) * len(given.shape), 0.123)}
    other = graph_payload(trace(preset.program, moved).graph)
    assert other["shape"] == payload["shape"]
    for part in ("layer", "place"):
        assert [n[part] for n in other["nodes"]] == [n[part] for n in payload["nodes"]]


def test_numbers_that_are_not_finite_are_drawn_as_such() -> None:
    t = trace("z = log(x)*y", {"x": 0.0, "y": 2.0})
    payload = graph_payload(t.graph, walk(t))
    json.dumps(payload, allow_nan=False)
    assert [n["value"] for n in payload["nodes"] if n["name"] == "z"] == ["−inf"]


def test_a_curve_has_gaps_where_f_has_no_value() -> None:
    c = curve(parse("z = log(x)"), {"x": Leaf(1.0)}, "x", low=-1, high=1, points=5)
    payload = curve_payload(c, "z")
    json.dumps(payload, allow_nan=False)
    assert payload["panels"][0]["y"][:2] == [None, None]
    assert payload["panels"][0]["y"][4] == 0


def test_the_description_says_every_node_with_its_gradient() -> None:
    t = trace("z = x*x*y", {"x": 2.0, "y": 3.0})
    assert describe(t.graph).endswith("z from x*x, y: value 12, gradient 1.")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.25, "0.25"),
        (-1e-8, "−1e−8"),
        ((1.0, 2.0), "[1, 2]"),
        ((0.66666, 0.33333, 0.012345), "[0.67, 0.33, 0.012]"),
        ((1.0, 2.0) * 10, "20 numbers"),
        (((1.0, 2.0), (3.0, 4.0)), "2×2"),
        (None, ""),
    ],
)
def test_short_texts_fit_a_node(value: float | tuple[float, ...] | None, text: str) -> None:
    assert short(value) == text
