"""Interpolates scattered points linearly on triangles; no values outside their hull."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mlcore.charts.axis_ticks import even_step

Floats = NDArray[np.float64]

METHOD: Final = (
    "Between runs the value (on a logarithmic axis its logarithm) is linear on Delaunay's "
    "triangles over the axes as drawn; repeated points are averaged, and nothing is said outside "
    "of their hull."
)
"""How the surface comes about, for the person before it."""

# The two crossed sides of a cell for each of the 16 cases of marching squares: 0 bottom, 1 right,
# 2 top, 3 left. Corners count 1, 2, 4, 8 from bottom left, anticlockwise. Cases 5 and 10 are
# saddles: a surface that is linear on triangles has none, so either reading will do.
_SIDES: Final[dict[int, tuple[tuple[int, int], ...]]] = {
    1: ((3, 0),),
    2: ((0, 1),),
    3: ((3, 1),),
    4: ((1, 2),),
    5: ((3, 0), (1, 2)),
    6: ((0, 2),),
    7: ((3, 2),),
    8: ((2, 3),),
    9: ((2, 0),),
    10: ((0, 1), (2, 3)),
    11: ((2, 1),),
    12: ((1, 3),),
    13: ((1, 0),),
    14: ((0, 3),),
}


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """Values on an even grid of the unit square.

    Attributes:
        places: The grid's places along both axes, from 0 to 1, shape ``[n]``.
        values: Shape ``[n, n]``, of row y and column x; NaN outside of the hull.
    """

    places: Floats
    values: Floats


def surface(x: Floats, y: Floats, values: Floats, size: int = 41) -> Surface:
    """Interpolate scattered points.

    Linear on the triangles of Delaunay (``scipy.interpolate.LinearNDInterpolator``), so that it
    meets every point and overshoots none.

    Args:
        x: Places along the horizontal axis, from 0 to 1, shape ``[points]``.
        y: Places along the vertical axis, likewise.
        values: What was measured there; points with anything not finite are left out.
        size: Places of the grid along each axis.

    Raises:
        ValueError: If fewer than three points remain, or all lie on one line.
    """
    from scipy.interpolate import LinearNDInterpolator
    from scipy.spatial import QhullError

    known = np.isfinite(x) & np.isfinite(y) & np.isfinite(values)
    points, group = np.unique(np.column_stack([x[known], y[known]]), axis=0, return_inverse=True)
    group = group.ravel()
    means = np.bincount(group, values[known]) / np.bincount(group) if len(group) else group
    if len(points) < 3 or np.linalg.matrix_rank(points - points.mean(axis=0), tol=1e-9) < 2:
        raise ValueError(
            f"A surface needs three measured points that do not lie on one line; there are "
            f"{len(points)} so far"
            + (", on one line" if len(points) > 2 else "")
            + ". Wait for more, or vary both fields."
        )
    grid = np.linspace(0.0, 1.0, size)
    try:
        found = LinearNDInterpolator(points, means)(*np.meshgrid(grid, grid))
    except QhullError:
        raise ValueError(
            "The points lie so close to one line that no surface can be laid through them. Vary "
            "both fields more."
        ) from None
    return Surface(grid, np.asarray(found, np.float64))


def isolines(over: Surface, levels: Floats) -> Floats:
    """Lines of equal value, by marching squares (Lorensen, Cline, 1987, in the plane).

    Args:
        over: The surface.
        levels: The heights, shape ``[levels]``.

    Returns:
        Straight pieces, shape ``[pieces, 5]``: level, x and y of one end, x and y of the other,
        places from 0 to 1. Cells that touch a NaN have none.
    """
    grid, heights = over.places, over.values
    corners = (heights[:-1, :-1], heights[:-1, 1:], heights[1:, 1:], heights[1:, :-1])
    at = ((0, 0), (1, 0), (1, 1), (0, 1))  # x, y of the corners
    whole = np.isfinite(np.stack(corners)).all(axis=0)
    step = grid[1] - grid[0]
    left, bottom = np.meshgrid(grid[:-1], grid[:-1])
    pieces = [np.empty((0, 5))]
    for level in levels:
        above = [whole & (corner >= level) for corner in corners]
        case = sum((one.astype(np.int64) << k for k, one in enumerate(above)), 0 * above[0])
        for number, lines in _SIDES.items():
            rows, columns = np.nonzero(whole & (case == number))
            for line in lines:
                ends = []
                for side in line:
                    one, two = side, (side + 1) % 4
                    a, b = corners[one][rows, columns], corners[two][rows, columns]
                    part = (level - a) / (b - a)
                    along = [
                        at[one][axis] + part * (at[two][axis] - at[one][axis]) for axis in (0, 1)
                    ]
                    ends += [
                        left[rows, columns] + step * along[0],
                        bottom[rows, columns] + step * along[1],
                    ]
                pieces.append(np.column_stack([np.full(len(rows), level), *ends]))
    return np.concatenate(pieces)


def round_levels(values: Floats, about: int = 8) -> Floats:
    """Evenly spaced round numbers between the lowest and the highest value."""
    known = values[np.isfinite(values)]
    if known.size == 0 or known.min() == known.max():
        return np.empty(0)
    low, high = float(known.min()), float(known.max())
    step = even_step(high - low, about)
    marks: Floats = np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step
    between: Floats = marks[(marks > low) & (marks < high)]
    return between
