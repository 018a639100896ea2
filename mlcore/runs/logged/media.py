"""What a loop logs beside numbers: images, histograms, tables and figures."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

from mlcore.core import InputError, InputTypeError
from mlcore.runs.logged.values import brief

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

MediaKind = Literal["image", "histogram", "table", "figure"]

MOST_MEDIA: Final = 1_000
"""Images, histograms, tables and figures that are kept of a run."""
MOST_MEDIA_BYTES: Final = 8 * 2**20
"""Bytes of one of them, packed."""
MOST_PIXELS: Final = 4_096
"""Pixels of an image at most, each way."""
MOST_BINS: Final = 512
MOST_ROWS: Final = 2_000
MOST_COLUMNS: Final = 100


class Media:
    """Something that ``run.log`` takes where it else takes a number.

    Attributes:
        kind: What it is.
        content: PNG for an image, else JSON.
    """

    kind: ClassVar[MediaKind]

    def __init__(self, content: bytes) -> None:
        if len(content) > MOST_MEDIA_BYTES:
            raise InputError(
                f"The {self.kind} has {len(content):,} bytes, but at most {MOST_MEDIA_BYTES:,} are "
                "kept of each. Make it smaller, or save it by run.save_file."
            )
        self.content = content


class Image(Media):
    """An image.

    Args:
        data: A NumPy array ``[H, W]`` or ``[H, W, C]``, a tensor ``[H, W]`` or ``[C, H, W]``, with
            1, 3 or 4 channels; whole numbers from 0 to 255, or other numbers from 0 to 1. Or an
            image of Pillow, or the path of a file.
        caption: Words below it.

    Raises:
        InputTypeError: If it is nothing of this.
        InputError: If its shape or values are others, or it is larger than 4,096 pixels each way.

    Example:
        >>> import mlcore, torch
        >>> with mlcore.start_run("autoencoder") as run:
        ...     run.log({"digit": mlcore.Image(torch.rand(28, 28))})
        >>> run.read().media()[["name", "kind"]].values.tolist()
        [['digit', 'image']]
    """

    kind = "image"

    def __init__(self, data: Any, caption: str = "") -> None:
        from PIL import Image as Pillow
        from PIL import UnidentifiedImageError
        from PIL.PngImagePlugin import PngInfo

        if isinstance(data, (str, Path)):
            try:
                with Pillow.open(data) as opened:
                    _check_size(opened.size)
                    picture = opened.convert("RGBA" if "A" in opened.mode else "RGB")
            except (OSError, UnidentifiedImageError) as error:
                raise InputError(f"The image {data} cannot be read: {error}.") from None
        elif isinstance(data, Pillow.Image):
            picture = data
        else:
            picture = Pillow.fromarray(_pixels(data))
        _check_size(picture.size)
        words = PngInfo()
        if caption:
            words.add_itxt("caption", str(caption)[:1_000])
        buffer = io.BytesIO()
        picture.save(buffer, "png", pnginfo=words)
        super().__init__(buffer.getvalue())


class Histogram(Media):
    """How often values fall into bins of equal width.

    Args:
        values: Numbers, of any shape; what is not finite is counted apart.
        bins: From 1 to 512.
        counts: Instead of ``values``: how many are in each bin, with ``edges``; whole numbers
            from 0.
        edges: One more than ``counts``, rising.

    Raises:
        InputError: If there are no numbers, the counts do not fit the edges, or are densities.

    Example:
        >>> import mlcore, json
        >>> found = json.loads(mlcore.Histogram([0.0, 1.0, 1.0], bins=2).content)
        >>> found["counts"], found["edges"]
        ([1, 2], [0.0, 0.5, 1.0])
    """

    kind = "histogram"

    def __init__(
        self, values: Any = None, bins: int = 64, *, counts: Any = None, edges: Any = None
    ) -> None:
        import numpy as np

        odd = 0
        if values is not None:
            if type(bins) is not int or not 1 <= bins <= MOST_BINS:
                raise InputError(
                    f"bins is {brief(bins)}, but must be a whole number from 1 to {MOST_BINS}."
                )
            numbers = _array(values).ravel().astype(float)
            finite = numbers[np.isfinite(numbers)]
            odd = len(numbers) - len(finite)
            if not len(numbers):
                raise InputError("The histogram has no values, but needs one at least.")
            found, ends = np.histogram(finite, bins) if len(finite) else (np.zeros(1), [0.0, 1.0])
        else:
            found, ends = _array(counts).ravel(), _array(edges).ravel().astype(float)
            rising = len(ends) > 1 and bool((np.diff(ends) > 0).all())
            if not 1 <= len(found) <= MOST_BINS or len(ends) != len(found) + 1 or not rising:
                raise InputError(
                    f"The histogram has {len(found)} counts and {len(ends)} edges, but needs 1 to "
                    f"{MOST_BINS} counts, and one edge more than counts, rising."
                )
            _check_counts(found)
        told = {
            "counts": [int(one) for one in found],
            "edges": [float(one) for one in ends],
            "not_finite": odd,
        }
        super().__init__(json.dumps(told).encode())


def _check_counts(counts: np.ndarray[Any, Any]) -> None:
    import numpy as np

    numbers = counts.astype(float)
    odd = numbers[~((numbers >= 0) & (numbers == np.floor(numbers)) & np.isfinite(numbers))]
    if len(odd):
        raise InputError(
            f"The histogram has a count of {odd[0]:g}, but counts are whole numbers from 0. Give "
            "counts, not shares or densities, as numpy.histogram does without density=True."
        )


class Table(Media):
    """A table.

    A column whose cells are names of images of the same step shows these images on Runs.

    Args:
        data: A ``pandas.DataFrame``, or rows, with ``columns``, or a dict of columns.
        columns: Names, where ``data`` are rows.

    Raises:
        InputError: If it is no table, or has more than 2,000 rows or 100 columns.

    Example:
        >>> import mlcore
        >>> with mlcore.start_run("autoencoder") as run:
        ...     run.log({"errors": mlcore.Table([[7, 1], [9, 4]], columns=["digit", "read as"])})
        >>> run.read().media()["kind"].tolist()
        ['table']
    """

    kind = "table"

    def __init__(self, data: Any, columns: Any = None) -> None:
        import pandas as pd

        try:
            frame = pd.DataFrame(data, columns=columns)
        except (ValueError, TypeError) as error:
            raise InputError(f"The data is no table: {error}.") from None
        if len(frame) > MOST_ROWS or len(frame.columns) > MOST_COLUMNS:
            raise InputError(
                f"The table has {len(frame):,} rows and {len(frame.columns)} columns, but at most "
                f"{MOST_ROWS:,} and {MOST_COLUMNS} are kept. Log a sample, or save it by "
                "run.save_file."
            )
        told = {
            "columns": [str(name) for name in frame.columns],
            "rows": [[_cell(value) for value in row] for row in frame.itertuples(index=False)],
        }
        super().__init__(json.dumps(told, ensure_ascii=False).encode("utf-8", "replace"))


class Figure(Media):
    """A figure of matplotlib, kept as an image, or an Altair chart, kept as it is.

    Args:
        figure: It.

    Raises:
        InputTypeError: If it is neither.

    Example:
        >>> import altair as alt, mlcore, pandas as pd
        >>> chart = alt.Chart(pd.DataFrame({"x": [1, 2]})).mark_point().encode(x="x:Q")
        >>> mlcore.Figure(chart).kind
        'figure'
    """

    kind = "figure"

    def __init__(self, figure: Any) -> None:
        if callable(getattr(figure, "savefig", None)):
            buffer = io.BytesIO()
            figure.savefig(buffer, format="png", dpi=100)
            super().__init__(buffer.getvalue())
        elif callable(getattr(figure, "to_json", None)) and hasattr(figure, "mark_point"):
            super().__init__(figure.to_json(indent=None).encode())
        else:
            raise InputTypeError(
                f"figure is {brief(figure)}, but must be a figure of matplotlib or an Altair chart."
            )


def is_png(content: bytes) -> bool:
    """Whether the content of a media file is an image."""
    return content.startswith(b"\x89PNG")


def caption_of(content: bytes) -> str:
    """The caption of an image; empty if it has none."""
    from PIL import Image as Pillow

    with Pillow.open(io.BytesIO(content)) as picture:
        return str(picture.info.get("caption", ""))


def table_of(content: bytes) -> pd.DataFrame:
    """The table that a media file holds."""
    import pandas as pd

    told = json.loads(content)
    return pd.DataFrame(told["rows"], columns=told["columns"])


def _array(values: Any) -> np.ndarray[Any, Any]:
    import numpy as np

    if callable(detach := getattr(values, "detach", None)):
        values = detach().cpu()
        if str(values.dtype) == "torch.bfloat16":
            values = values.float()
    try:
        found = np.asarray(values)
    except (ValueError, TypeError, RuntimeError):
        found = np.empty(0, dtype=object)
    if found.dtype.kind not in "biuf":
        raise InputTypeError(f"The values are {brief(values)}, but must be numbers.")
    return found


def _pixels(data: Any) -> np.ndarray[Any, Any]:
    """An array that Pillow takes: uint8 ``[H, W]`` or ``[H, W, 3 or 4]``."""
    import numpy as np

    found = _array(data)
    if callable(getattr(data, "detach", None)) and found.ndim == 3:
        found = np.moveaxis(found, 0, -1)
    if found.ndim == 3 and found.shape[-1] == 1:
        found = found[..., 0]
    right = found.ndim == 2 or (found.ndim == 3 and found.shape[-1] in (3, 4))
    if not right or not found.size:
        raise InputError(
            f"The image has the shape {tuple(getattr(data, 'shape', found.shape))}, but must be an "
            "array [H, W] or [H, W, C] or a tensor [H, W] or [C, H, W], with 1, 3 or 4 channels."
        )
    _check_size((found.shape[1], found.shape[0]))
    if found.dtype.kind == "b":
        return found.astype(np.uint8) * np.uint8(255)
    low, high = float(np.nanmin(found)), float(np.nanmax(found))
    top = 255 if found.dtype.kind in "iu" else 1
    if not (low >= 0 and high <= top):
        raise InputError(
            f"The image has values from {low:g} to {high:g}, but must have whole numbers from 0 to "
            "255 or other numbers from 0 to 1. Scale them first."
        )
    if found.dtype.kind in "iu":
        return found.astype(np.uint8)
    scaled: np.ndarray[Any, Any] = np.round(np.nan_to_num(found) * 255)
    return scaled.astype(np.uint8)


def _check_size(size: tuple[int, int]) -> None:
    if max(size) > MOST_PIXELS:
        raise InputError(
            f"The image has {size[0]:,} × {size[1]:,} pixels, but at most {MOST_PIXELS:,} each way "
            "are kept. Make it smaller, or save it by run.save_file."
        )


def _cell(value: Any) -> Any:
    if callable(item := getattr(value, "item", None)):
        value = item()
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if value is None or isinstance(value, (bool, int)):
        return value
    return str(value)[:1_000]
