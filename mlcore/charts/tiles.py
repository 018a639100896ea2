"""Matrices as images for a canvas: 16-bit numbers in base64, on one symmetric scale."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mlcore.charts import palette

STOPS: Final = (*palette.DIVERGING[:3], "#ffffff", *palette.DIVERGING[4:])
"""Negative through zero (white) to positive."""

_LEVELS: Final = 32_767
_CLIPPED: Final = 99.8
"""Percentile of the magnitudes at which colour ends: one stray weight must not pale all others."""

Floats = NDArray[np.floating[Any]]


def tile_payload(
    frames: Sequence[Floats],
    moments: Sequence[str],
    labels: Sequence[str],
    *,
    name: str,
    title: str,
    cells: str,
    unit: str = "",
    group: int = 1,
) -> dict[str, Any]:
    """The data of ``ui/inside/tiles.js``: the same tiles at several moments.

    All moments share one scale, symmetric about zero, so that growing numbers grow in colour.

    Args:
        frames: ``[count, height, width]`` each, one a moment.
        moments: When each of them was, in words.
        labels: What each tile is.
        name: Equal for two payloads that show the same thing, whose slider then stays.
        title: What the picture shows, in words.
        cells: Where a cell is, with ``{row}`` and ``{column}``.
        unit: Of the numbers, for the scale.
        group: Tiles that belong together, so that a row should hold whole groups.

    Raises:
        ValueError: If the frames differ in shape or their number from the moments'.
    """
    if not frames or len(frames) != len(moments) or {f.shape for f in frames} != {frames[0].shape}:
        raise ValueError(
            f"There are {len(frames)} frames of shapes {sorted({f.shape for f in frames})} for "
            f"{len(moments)} moments; give one of one shape for each."
        )
    count, height, width = frames[0].shape
    sizes = np.abs(np.stack(frames))
    largest = float(sizes.max(initial=0.0)) or 1.0
    clip = min(largest, float(np.percentile(sizes, _CLIPPED)) or largest)
    step = largest / _LEVELS
    return {
        "name": name,
        "title": title,
        "count": count,
        "height": height,
        "width": width,
        "moments": list(moments),
        "labels": list(labels),
        "frames": [_packed(np.divide(frame, step, dtype=np.float64)) for frame in frames],
        "step": step,
        "clip": clip / step,
        "scale": clip,
        "unit": unit,
        "stops": list(STOPS),
        "cells": cells,
        "group": group,
        "axis": "Epoch",
        "hint": "Point at a cell to read its number."
        + (" Beyond the ends of the scale the colour stays." if clip < largest else ""),
    }


def _packed(numbers: Floats) -> str:
    whole = np.rint(numbers).astype("<i2")
    return base64.b64encode(whole.tobytes()).decode()
