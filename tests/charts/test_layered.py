"""The layered layout: every edge points on, nothing overlaps, and it never varies."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore.charts.layered import layered

Edges = tuple[tuple[int, int], ...]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[int, Edges]:
    nodes = draw(st.integers(1, 30))
    pairs = st.tuples(st.integers(0, nodes - 1), st.integers(0, nodes - 1))
    edges = draw(st.lists(pairs.filter(lambda p: p[0] < p[1]), max_size=60)) if nodes > 1 else []
    return nodes, tuple(edges)


@given(graphs())
def test_every_edge_points_to_a_later_layer_and_bends_in_each_between(
    graph: tuple[int, Edges],
) -> None:
    nodes, edges = graph
    layout = layered(nodes, edges)
    for (source, target), route in zip(edges, layout.routes, strict=True):
        between = range(layout.layers[source] + 1, layout.layers[target])
        assert [layer for layer, _ in route] == list(between)
        assert layout.layers[source] < layout.layers[target]


@given(graphs())
def test_nodes_of_one_layer_keep_their_distance(graph: tuple[int, Edges]) -> None:
    layout = layered(*graph)
    for layer in set(layout.layers):
        row = sorted(p for p, own in zip(layout.places, layout.layers, strict=True) if own == layer)
        assert all(b - a >= 0.999 for a, b in pairwise(row))


@given(graphs())
def test_the_same_graph_is_laid_out_the_same_every_time(graph: tuple[int, Edges]) -> None:
    again = layered.__wrapped__
    assert again(*graph) == again(*graph)


def test_a_leaf_stands_just_before_its_first_use() -> None:
    layout = layered(4, ((0, 1), (1, 2), (3, 2)))
    assert layout.layers == (0, 1, 2, 1)


def test_a_cycle_and_an_unknown_node_are_refused() -> None:
    with pytest.raises(ValueError, match="cycle"):
        layered(2, ((0, 1), (1, 0)))
    with pytest.raises(ValueError, match="names no node"):
        layered(2, ((0, 2),))
