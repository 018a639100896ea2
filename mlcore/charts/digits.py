"""Charts of digits, of class counts and of confusion matrices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlcore.charts import palette

Bytes = NDArray[np.uint8]

_FRAME: Final = 0x7D
"""Grey between the tiles of a gallery: seen on a light page and on a dark one."""
_ON_STRONG: Final = "#ffffff"
"""Numbers on a strong colour, in either theme."""


def class_count_chart(counts: pd.DataFrame) -> alt.Chart:
    """Number of images of each class, train beside test.

    Args:
        counts: One row per class and split: class (its name), split (``train``, ``test``), count.
    """
    classes = list(dict.fromkeys(counts["class"].astype(str)))
    bars: alt.Chart = alt.Chart(counts).mark_bar(color=palette.VALUE)
    return bars.encode(
        x=alt.X("class:N", title="Class", sort=classes, axis=alt.Axis(labelAngle=0)),
        xOffset=alt.XOffset("split:N", sort=["train", "test"]),
        y=alt.Y("count:Q", title="Images", axis=alt.Axis(format=",d", tickCount=4)),
        opacity=alt.Opacity(
            "split:N",
            title="Images",
            sort=["train", "test"],
            scale=alt.Scale(
                domain=["train", "test"], range=[palette.TRAIN_OPACITY, palette.TEST_OPACITY]
            ),
            legend=alt.Legend(orient="top", title=None),
        ),
        tooltip=[
            alt.Tooltip("class:N", title="Class"),
            alt.Tooltip("split:N", title="Images"),
            alt.Tooltip("count:Q", title="Count", format=","),
        ],
    ).properties(
        title="Images of each class",
        height=260,
        description="Bars: the number of train and of test images of each class.",
    )


def confusion_rows(confusion: NDArray[np.int64], classes: Sequence[str]) -> pd.DataFrame:
    """A confusion matrix as rows for ``confusion_chart``.

    Args:
        confusion: Counts, row = true class, column = predicted class.
        classes: Names of the classes.

    Returns:
        One row per cell: true, predicted, count, share (of the images of the true class), right,
        and strength (0 to 1): the share, for wrong cells as a part of the largest wrong share.
    """
    totals = confusion.sum(axis=1, keepdims=True)
    share = confusion / np.maximum(totals, 1)
    wrong = share * (1 - np.eye(len(confusion)))
    strength = np.where(np.eye(len(confusion), dtype=bool), share, wrong / max(wrong.max(), 1e-12))
    names = np.array(classes, dtype=object)
    return pd.DataFrame(
        {
            "true": np.repeat(names, len(names)),
            "predicted": np.tile(names, len(names)),
            "count": confusion.ravel(),
            "share": share.ravel(),
            "right": np.eye(len(names), dtype=bool).ravel(),
            "strength": strength.ravel(),
        }
    )


def confusion_chart(
    rows: pd.DataFrame, ink: str = palette.MUTED, *, images: str = "test"
) -> alt.LayerChart:
    """True class against predicted class; correct cells blue, mistakes red, darker for more images.

    Args:
        rows: See ``confusion_rows``.
        ink: Colour of the numbers on weak cells: the theme's text.
        images: Which images are counted: ``test`` or ``validation``.
    """
    classes = list(dict.fromkeys(rows["true"].astype(str)))
    base = alt.Chart(rows).encode(
        x=alt.X("predicted:N", title="Predicted class", sort=classes, axis=alt.Axis(labelAngle=0)),
        y=alt.Y("true:N", title="True class", sort=classes),
        tooltip=[
            alt.Tooltip("true:N", title="True class"),
            alt.Tooltip("predicted:N", title="Predicted class"),
            alt.Tooltip("count:Q", title="Images", format=","),
            alt.Tooltip("share:Q", title="Share of the true class", format=".2%"),
        ],
    )
    cells = base.mark_rect().encode(
        color=alt.condition("datum.right", alt.value(palette.VALUE), alt.value(palette.BAD)),
        opacity=alt.Opacity(
            "strength:Q", scale=alt.Scale(domain=[0, 1], range=[0, 1]), legend=None
        ),
    )
    number = alt.Text("count:Q", format="d")
    strong = base.transform_filter("datum.count > 0 && datum.strength > 0.5")
    weak = base.transform_filter("datum.count > 0 && datum.strength <= 0.5")
    numbers = [
        strong.mark_text(fontSize=11, color=_ON_STRONG).encode(text=number),
        weak.mark_text(fontSize=11, color=ink).encode(text=number),
    ]
    return alt.LayerChart(data=rows, layer=[cells, *numbers]).properties(
        title=f"Confusion matrix of the {images} images",
        height=360,
        description="A cell for each true class (rows) and predicted class (columns) with the "
        f"number of {images} images; the diagonal holds the right ones.",
    )


def pixel_rows(image: Bytes) -> pd.DataFrame:
    """The pixels of one image, one row per pixel: row, column, value (0 to 255)."""
    height, width = image.shape
    return pd.DataFrame(
        {
            "row": np.repeat(np.arange(height), width),
            "column": np.tile(np.arange(width), height),
            "value": image.ravel().astype(np.int64),
        }
    )


def pixel_chart(rows: pd.DataFrame, name: str, ink: str = palette.MUTED) -> alt.LayerChart:
    """One image with the number of every pixel.

    Args:
        rows: See ``pixel_rows``.
        name: What the image shows.
        ink: Colour of the numbers on weak cells: the theme's text.
    """
    side = int(rows["row"].max()) + 1
    axis = alt.Axis(values=list(range(0, side, 4)), labelAngle=0, ticks=False, domain=False)
    base = alt.Chart(rows).encode(
        x=alt.X("column:O", title="Column", axis=axis),
        y=alt.Y("row:O", title="Row", axis=axis),
        tooltip=[
            alt.Tooltip("row:O", title="Row"),
            alt.Tooltip("column:O", title="Column"),
            alt.Tooltip("value:Q", title="Pixel"),
        ],
    )
    cells = base.mark_rect(color=palette.VALUE).encode(
        opacity=alt.Opacity("value:Q", scale=alt.Scale(domain=[0, 255], range=[0, 1]), legend=None)
    )
    strong = base.transform_filter("datum.value > 127")
    weak = base.transform_filter("datum.value > 0 && datum.value <= 127")
    numbers = [
        strong.mark_text(fontSize=8, color=_ON_STRONG).encode(text="value:Q"),
        weak.mark_text(fontSize=8, color=ink).encode(text="value:Q"),
    ]
    return alt.LayerChart(data=rows, layer=[cells, *numbers]).properties(
        title=f"{name} as numbers",
        height=560,
        description=f"{name}: a grid of {side} by {side} pixels, each with its value.",
    )


def gallery(images: Bytes, columns: int, zoom: int = 2) -> Bytes:
    """Images tiled into one picture, row by row, with a thin grey line between them.

    Args:
        images: ``[N, height, width]``.
        columns: Images in a row; the last row may stay shorter.
        zoom: Side of the square that one pixel becomes.

    Returns:
        One grey picture ``[rows·(height·zoom + 1) + 1, columns·(width·zoom + 1) + 1]``.

    Raises:
        ValueError: If there is nothing to tile.
    """
    if not len(images) or columns < 1 or zoom < 1:
        raise ValueError(
            f"There are {len(images)} images for {columns} columns at zoom {zoom}; each must be "
            "at least 1."
        )
    count, height, width = images.shape
    rows = -(-count // columns)
    tall, wide = height * zoom + 1, width * zoom + 1
    picture = np.full((rows * tall + 1, columns * wide + 1), _FRAME, dtype=np.uint8)
    for place, image in enumerate(images):
        top, left = place // columns * tall + 1, place % columns * wide + 1
        large = image.repeat(zoom, axis=0).repeat(zoom, axis=1)
        picture[top : top + tall - 1, left : left + wide - 1] = large
    return picture


def tile(image: Bytes, zoom: int = 2, margin: int = 4) -> Bytes:
    """One image with a transparent margin.

    Args:
        image: ``[height, width]``.
        zoom: Side of the square that one pixel becomes.
        margin: Empty pixels on each side.

    Returns:
        Red, green, blue and opacity: ``[height·zoom + 2·margin, width·zoom + 2·margin, 4]``.
    """
    large = image.repeat(zoom, axis=0).repeat(zoom, axis=1)
    whole = np.zeros((*(side + 2 * margin for side in large.shape), 4), dtype=np.uint8)
    inner = whole[margin:-margin, margin:-margin] if margin else whole
    inner[..., :3], inner[..., 3] = large[..., None], 255
    return whole
