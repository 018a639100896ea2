"""Layered layout of a directed acyclic graph; equal graphs get equal layouts.

After Sugiyama, Tagawa and Toda (1981): layers by longest path, few crossings by barycentres, and
coordinates that put each node as near as allowed to the mean of its neighbours. The last is a
least-squares fit under an order, solved exactly by pooling adjacent violators.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final

SWEEPS: Final = 6
PASSES: Final = 24
"""Passes that straighten the edges of a graph of ordinary size."""
BEND_GAP: Final = 0.45
"""Room that a bend of an edge takes, where a node takes 1."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Positions of nodes and routes of edges, in units of layers and of node spacing.

    Attributes:
        layers: Layer of each node, from 0.
        places: Position of each node within its layer; the whole is centred on 0.
        routes: For each edge the bends between its ends, as pairs of layer and place.
    """

    layers: tuple[int, ...]
    places: tuple[float, ...]
    routes: tuple[tuple[tuple[int, float], ...], ...]


@lru_cache(maxsize=128)
def layered(nodes: int, edges: tuple[tuple[int, int], ...]) -> Layout:
    """Lay out a graph.

    Args:
        nodes: How many nodes there are.
        edges: Pairs of source and target; several between the same two nodes are allowed.

    Raises:
        ValueError: If the graph has a cycle or an edge names no node.
    """
    layers = _layers(nodes, edges)
    # all edges out of one node share their bends, so that a leaf used everywhere is one trunk
    vertices: list[int] = list(layers)
    links: set[tuple[int, int]] = set()
    trunks: dict[tuple[int, int], int] = {}
    chains: list[list[int]] = []
    for source, target in edges:
        chain: list[int] = []
        for layer in range(layers[source] + 1, layers[target]):
            if (source, layer) not in trunks:
                trunks[source, layer] = len(vertices)
                vertices.append(layer)
            chain.append(trunks[source, layer])
        chains.append(chain)
        links.update(pairwise((source, *chain, target)))
    above: list[list[int]] = [[] for _ in vertices]
    below: list[list[int]] = [[] for _ in vertices]
    for a, b in sorted(links):
        above[b].append(a)
        below[a].append(b)
    rows = _order(vertices, above, below)
    places = _places(rows, nodes, above, below)
    middle = (min(places, default=0.0) + max(places, default=0.0)) / 2
    places = [round(place - middle, 4) for place in places]
    return Layout(
        tuple(layers),
        tuple(places[:nodes]),
        tuple(tuple((vertices[v], places[v]) for v in chain) for chain in chains),
    )


def _layers(nodes: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    users: list[list[int]] = [[] for _ in range(nodes)]
    waiting = [0] * nodes
    for source, target in edges:
        if not (0 <= source < nodes and 0 <= target < nodes):
            raise ValueError(f"The edge {source} → {target} names no node; there are {nodes}.")
        users[source].append(target)
        waiting[target] += 1
    layers = [0] * nodes
    sources = [not count for count in waiting]
    ready = [node for node in range(nodes) if sources[node]]
    for node in ready:  # grows while it is read
        for user in users[node]:
            layers[user] = max(layers[user], layers[node] + 1)
            waiting[user] -= 1
            if not waiting[user]:
                ready.append(user)
    if len(ready) < nodes:
        raise ValueError("The graph has a cycle, and only graphs without one can be layered.")
    return [
        min(layers[user] for user in users[node]) - 1 if sources[node] and users[node] else layer
        for node, layer in enumerate(layers)
    ]


def _order(
    vertices: Sequence[int], above: Sequence[Sequence[int]], below: Sequence[Sequence[int]]
) -> list[list[int]]:
    rows: list[list[int]] = [[] for _ in range(max(vertices, default=-1) + 1)]
    for vertex, layer in enumerate(vertices):
        rows[layer].append(vertex)
    best, fewest = [list(row) for row in rows], _crossings(rows, below)
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        neighbours = above if down else below
        spot: dict[int, float] = {}
        for row in rows if down else reversed(rows):
            wanted = {v: _mean([spot[n] for n in neighbours[v]], i) for i, v in enumerate(row)}
            row.sort(key=wanted.__getitem__)
            spot = {v: i for i, v in enumerate(row)}
        crossed = _crossings(rows, below)
        if crossed < fewest:
            best, fewest = [list(row) for row in rows], crossed
    return best


def _crossings(rows: Sequence[Sequence[int]], below: Sequence[Sequence[int]]) -> int:
    total = 0
    for row, following in pairwise(rows):
        spot = {v: i for i, v in enumerate(following)}
        ends = [spot[n] for v in row for n in sorted(below[v], key=lambda n: spot[n])]
        total += sum(a > b for i, a in enumerate(ends) for b in ends[i + 1 :])
    return total


def _places(
    rows: Sequence[Sequence[int]],
    nodes: int,
    above: Sequence[Sequence[int]],
    below: Sequence[Sequence[int]],
) -> list[float]:
    places = [0.0] * sum(map(len, rows))
    gaps = [[_gap(a, b, nodes) for a, b in pairwise(row)] for row in rows]
    for row, gap in zip(rows, gaps, strict=True):
        start = -sum(gap) / 2
        for i, vertex in enumerate(row):
            places[vertex] = start + sum(gap[:i])
    for sweep in range(PASSES if len(places) <= 300 else SWEEPS):
        order = range(len(rows)) if sweep % 2 == 0 else reversed(range(len(rows)))
        for layer in order:
            row = rows[layer]
            wanted = [_mean([places[n] for n in (*above[v], *below[v])], places[v]) for v in row]
            for vertex, place in zip(row, _spread(wanted, gaps[layer]), strict=True):
                places[vertex] = place
    return places


def _gap(a: int, b: int, nodes: int) -> float:
    return (int(a < nodes) + int(b < nodes)) / 2 * (1 - BEND_GAP) + BEND_GAP


def _spread(wanted: Sequence[float], gaps: Sequence[float]) -> list[float]:
    """The positions nearest to the wanted ones (least squares) that keep order and gaps."""
    offsets = [0.0]
    for gap in gaps:
        offsets.append(offsets[-1] + gap)
    blocks: list[tuple[float, int]] = []  # sum and count of members pooled
    for want, offset in zip(wanted, offsets, strict=False):
        total, count = want - offset, 1
        while blocks and blocks[-1][0] / blocks[-1][1] > total / count:
            earlier = blocks.pop()
            total, count = total + earlier[0], count + earlier[1]
        blocks.append((total, count))
    flat = [total / count for total, count in blocks for _ in range(count)]
    return [value + offset for value, offset in zip(flat, offsets, strict=False)]


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
