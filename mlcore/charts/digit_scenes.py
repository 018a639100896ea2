"""JSON data of the browser's drawings of one digit: predictions, layers, gradients, a walk."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mlcore.charts import palette

Scene = dict[str, Any]

ROUND: Final = 5
"""Significant digits of the numbers sent to the browser."""
_ACROSS: Final = 32
"""Units of a flat layer in a row."""
_SIGNS: Final = {"more": palette.VALUE, "less": palette.GRADIENT}
"""Hues of positive and negative numbers; zero is the page's own ground."""


def packed(values: NDArray[Any]) -> str:
    """An array's bytes as base64, row by row, for JavaScript's typed arrays."""
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode("ascii")


def rounded(values: NDArray[Any]) -> list[float]:
    """Numbers with ``ROUND`` significant digits; non-finite ones become 0."""
    return [float(f"{v:.{ROUND}g}") if math.isfinite(v) else 0.0 for v in values.ravel().tolist()]


# --- answers ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """One run's prediction, to be drawn beside others.

    Attributes:
        key: Tells panels apart.
        name: What the run is called.
        colour: Its hue.
        classes: Names of the classes.
        rule: What makes probabilities of outputs, as a sentence.
        outputs: ``[classes]``; None where there is nothing to read.
        probabilities: ``[classes]``, likewise.
    """

    key: str
    name: str
    colour: str
    classes: tuple[str, ...]
    rule: str
    outputs: NDArray[np.float32] | None = None
    probabilities: NDArray[np.float32] | None = None


def answers_scene(
    pixels: NDArray[np.uint8] | None, words: str, panels: Sequence[Panel], number: int
) -> Scene:
    """The pixels the networks are given, and one panel per run.

    Args:
        pixels: uint8 ``[28, 28]``, or None while there is no digit.
        words: What the pixels are.
        panels: One a run, in the order to show them.
        number: Of the drawing that is answered.
    """
    return {
        "n": number,
        "words": words,
        "pixels": None if pixels is None else packed(pixels),
        "runs": [_panel(panel) for panel in panels],
    }


def _panel(panel: Panel) -> Scene:
    empty = panel.outputs is None or panel.probabilities is None
    nothing = np.zeros(len(panel.classes), np.float32)
    outputs = nothing if panel.outputs is None else panel.outputs
    probabilities = nothing if panel.probabilities is None else panel.probabilities
    return {
        "id": panel.key,
        "name": panel.name,
        "colour": panel.colour,
        "classes": list(panel.classes),
        "rule": panel.rule,
        "outputs": rounded(outputs),
        "probabilities": rounded(probabilities),
        "answer": None if empty else int(outputs.argmax()),
    }


# --- tiles -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """A rectangle of numbers, drawn as one image.

    Attributes:
        values: float32 ``[h, w]`` around zero, or uint8 ``[h, w]`` grey levels.
        label: What stands below it.
        units: How many of the cells are units of a flat layer, the rest being empty; 0 where the
            tile is a picture.
    """

    values: NDArray[Any]
    label: str = ""
    units: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Tiles under one title, with one scale.

    Attributes:
        title: What they show.
        tiles: All of one dtype.
        note: A sentence below them.
        cell: Side of a number in pixels, where there is room.
        overlay: Draw the border of the digit's ink over them.
        across: How many such groups stand beside each other where there is room.
    """

    title: str
    tiles: Sequence[Tile] = field(default_factory=tuple)
    note: str = ""
    cell: int = 8
    overlay: bool = False
    across: int = 1


def maps_scene(
    groups: Sequence[Group], *, hint: str, under: NDArray[np.uint8] | None = None
) -> Scene:
    """Groups of tiles on a symmetric scale: orange below zero, blue above.

    Args:
        groups: In the order to show them.
        hint: The text shown while no number is hovered.
        under: The digit, uint8 ``[28, 28]``, whose border groups with ``overlay`` show.
    """
    return {
        "hint": hint,
        "under": None if under is None else packed(under),
        "colours": _SIGNS,
        "groups": [_group(group) for group in groups],
    }


def flat_tile(values: NDArray[np.float32]) -> Tile:
    """The units of a flat layer in rows of up to 32."""
    width = min(_ACROSS, len(values))
    height = -(-len(values) // width)
    cells = np.zeros(height * width, np.float32)
    cells[: len(values)] = values
    return Tile(cells.reshape(height, width), units=len(values))


def _group(group: Group) -> Scene:
    grey = all(tile.values.dtype == np.uint8 for tile in group.tiles)
    largest = max((float(np.abs(tile.values).max()) for tile in group.tiles), default=0.0)
    return {
        "title": group.title,
        "note": group.note,
        "cell": group.cell,
        "overlay": group.overlay,
        "across": group.across,
        "most": None if grey else float(f"{largest:.3g}"),
        "tiles": [
            {
                "values": packed(tile.values if grey else tile.values.astype("<f4")),
                "height": tile.values.shape[0],
                "width": tile.values.shape[1],
                "label": tile.label,
                "flat": tile.units,
            }
            for tile in group.tiles
        ],
    }


# --- the walk along the gradient's sign ------------------------------------------------------


def walk_scene(
    *,
    start: NDArray[np.uint8],
    direction: NDArray[np.int8],
    outputs: NDArray[np.float32],
    probabilities: NDArray[np.float32],
    flips_at: int | None,
    classes: Sequence[str],
    colour: str,
    words: str,
    name: str,
) -> Scene:
    """All steps of a walk, for a slider that chooses among them in the browser.

    Args:
        start: uint8 ``[28, 28]``.
        direction: int8 ``[28, 28]`` of −1, 0, 1.
        outputs: ``[K + 1, classes]``.
        probabilities: ``[K + 1, classes]``.
        flips_at: First step whose answer is another, or None.
        classes: Names of the classes.
        colour: Of the run.
        words: What the walk comes to, as a sentence.
        name: Another name begins a new walk at its start.
    """
    answers = outputs.argmax(axis=1)
    return {
        "name": name,
        "start": packed(start),
        "direction": packed(direction),
        "outputs": [rounded(row) for row in outputs],
        "probabilities": [rounded(row) for row in probabilities],
        "answers": answers.tolist(),
        "label": int(answers[0]),
        "flip": flips_at,
        "becomes": None if flips_at is None else int(answers[flips_at]),
        "classes": list(classes),
        "colour": colour,
        "words": words,
        "colours": _SIGNS,
    }
