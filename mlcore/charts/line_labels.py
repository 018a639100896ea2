"""Positions of labels at the ends of lines, moved apart so that they do not overlap."""

from __future__ import annotations

from collections.abc import Sequence


def apart(places: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """The positions nearest to the given ones that keep their order, a gap, and the axis's ends.

    Nearest by least squares: neighbours that are too close become a block around their mean.

    Args:
        places: Where the labels should stand, such as the last value of each line.
        gap: Least distance between two labels, in units of the axis.
        low: Lower end of the axis; no label goes below it.
        high: Upper end, likewise. Where the labels do not fit, they pass the upper end.
    """
    order = sorted(range(len(places)), key=lambda i: places[i])
    blocks: list[list[float]] = []  # of places less what the labels below take up
    for rank, i in enumerate(order):
        block = [places[i] - rank * gap]
        while blocks and _mean(blocks[-1]) > _mean(block):
            block = blocks.pop() + block
        blocks.append(block)
    top = high - (len(places) - 1) * gap
    spots = [max(low, min(top, _mean(block))) for block in blocks for _ in block]
    found = [0.0] * len(places)
    for rank, i in enumerate(order):
        found[i] = spots[rank] + rank * gap
    return found


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
