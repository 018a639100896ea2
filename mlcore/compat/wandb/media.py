"""``Image``, ``Histogram`` and ``Table`` with W&B's arguments, kept as mlcore's own media."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlcore.compat.wandb.said import once
from mlcore.core import MlcoreError
from mlcore.runs.logged import media as own

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

MOST_IMAGES_OF_A_TABLE: Final = 64
"""Images in the cells of one table that are kept."""


class Image:
    """An image; kept as ``mlcore.Image``.

    Args:
        data_or_path: A path, an array ``[H, W]`` or ``[H, W, C]``, a tensor ``[H, W]``,
            ``[C, H, W]`` or, as a grid, ``[N, C, H, W]``, an image of Pillow, or a figure of
            matplotlib. Whole numbers are from 0 to 255. Others are from 0 to 1; where they reach
            further, they are scaled from their lowest to their highest.
        mode: Pillow's mode; ignored.
        caption: Words below it.
        grouping: Ignored, as ``classes`` and ``file_type`` are.
        boxes: Not drawn, as ``masks`` are not; said once.
    """

    def __init__(
        self,
        data_or_path: Any,
        mode: str | None = None,
        caption: str | None = None,
        grouping: int | None = None,
        classes: Any = None,
        boxes: Any = None,
        masks: Any = None,
        file_type: str | None = None,
        normalize: bool = True,
    ) -> None:
        del mode, grouping, classes, file_type, normalize
        self.caption = caption
        self.kept: own.Image | None
        if boxes or masks:
            once("boxes", "Boxes and masks of wandb.Image are not drawn; the image is kept.")
        if isinstance(data_or_path, Image):
            self.kept, self.caption = data_or_path.kept, caption or data_or_path.caption
            return
        self.kept = _made(lambda: own.Image(_picture(data_or_path), caption or ""))


class Histogram:
    """A histogram; kept as ``mlcore.Histogram``.

    Args:
        sequence: Numbers.
        np_histogram: Instead: counts and edges, as ``np.histogram`` gives them.
        num_bins: From 1 to 512.
    """

    def __init__(self, sequence: Any = None, np_histogram: Any = None, num_bins: int = 64) -> None:
        self.kept = _made(lambda: _histogram(sequence, np_histogram, num_bins))


class Table:
    """A table; kept as ``mlcore.Table`` when it is logged, its first 2,000 rows.

    Args:
        columns: Names; by default *Input*, *Output*, *Expected*.
        data: Rows, an array ``[rows, columns]``, or a ``pandas.DataFrame``.
        rows: The same as ``data``.
        dataframe: A ``pandas.DataFrame``, instead of ``data`` and ``columns``.
        dtype: Ignored, as ``optional``, ``allow_mixed_types`` and ``log_mode`` are.

    Attributes:
        columns: Names.
        data: Rows.
    """

    def __init__(
        self,
        columns: Sequence[Any] | None = None,
        data: Any = None,
        rows: Any = None,
        dataframe: pd.DataFrame | None = None,
        dtype: Any = None,
        optional: Any = True,
        allow_mixed_types: bool = False,
        log_mode: str | None = None,
    ) -> None:
        del dtype, optional, allow_mixed_types, log_mode
        given: Any = dataframe if dataframe is not None else data if data is not None else rows
        if callable(given_rows := getattr(given, "itertuples", None)):
            columns, given = list(given.columns), given_rows(index=False)
        elif callable(as_list := getattr(given, "tolist", None)):
            given = as_list()
        self.columns = ["Input", "Output", "Expected"] if columns is None else list(columns)
        self.data: list[list[Any]] = [list(row) for row in ([] if given is None else given)]

    def add_data(self, *row: Any) -> None:
        """Append a row."""
        if len(row) != len(self.columns):
            raise ValueError(
                f"This table expects {len(self.columns)} columns: {self.columns}, found {len(row)}"
            )
        self.data.append(list(row))

    add_row = add_data

    def add_column(self, name: str, data: Any, optional: bool = False) -> None:
        """Append a column, as long as the table."""
        del optional
        values = list(data)
        if self.data and len(values) != len(self.data):
            raise ValueError(f"Expected length {len(self.data)}, found {len(values)}")
        self.columns.append(name)
        self.data = (
            [[*row, one] for row, one in zip(self.data, values, strict=True)]
            if self.data
            else [[one] for one in values]
        )

    def add_computed_columns(self, function: Callable[[int, dict[str, Any]], Any]) -> None:
        """Append columns computed from each row: its number and its values by name."""
        new = [function(i, dict(row)) for i, row in enumerate(self._rows())]
        for name in new[0] if new else ():
            self.add_column(name, [one[name] for one in new])

    def get_column(self, name: str, convert_to: str | None = None) -> Any:
        """The values of a column, as a list, or with ``"numpy"`` as an array."""
        place = self.columns.index(name)
        values = [row[place] for row in self.data]
        if convert_to == "numpy":
            import numpy as np

            return np.array(values)
        return values

    def get_dataframe(self) -> pd.DataFrame:
        """The table as a ``pandas.DataFrame``."""
        import pandas as pd

        return pd.DataFrame(self.data, columns=self.columns)

    def iterrows(self) -> Iterator[tuple[int, list[Any]]]:
        """The rows, each with its number."""
        return enumerate(self.data)

    def _rows(self) -> list[dict[str, Any]]:
        return [dict(zip(self.columns, row, strict=False)) for row in self.data]

    def parts(self, name: str) -> dict[str, own.Media]:
        """What is logged of it: the table, and each image in its cells under a name of its own.

        Args:
            name: Of the table.
        """
        if len(self.data) > own.MOST_ROWS:
            once(
                f"rows of {name}",
                f"The table {name!r} has {len(self.data):,} rows; the first {own.MOST_ROWS:,} "
                "are kept.",
            )
        found: dict[str, own.Media] = {}
        rows = []
        for number, row in enumerate(self.data[: own.MOST_ROWS]):
            cells = list(row)
            for place, cell in enumerate(row):
                if isinstance(cell, Image):
                    cells[place] = at = f"{name}/{self.columns[place]}/{number}"
                    if cell.kept is not None and len(found) < MOST_IMAGES_OF_A_TABLE:
                        found[at] = cell.kept
                elif isinstance(cell, (Histogram, Table)):
                    cells[place] = type(cell).__name__.lower()
            rows.append(cells)
        table = _made(lambda: own.Table(rows, [str(one) for one in self.columns]))
        return found if table is None else {name: table, **found}


def media_of(name: str, value: Any) -> dict[str, own.Media | None] | None:
    """The media that a logged value is, by name; None if it is none of them.

    Args:
        name: Under which it is logged.
        value: One of the classes above or of mlcore's, a list of them, an image of Pillow, a
            figure of matplotlib or Altair, or an array of more than one number, which becomes a
            histogram.
    """
    if isinstance(value, (Image, Histogram)):
        return {name: value.kept}
    if isinstance(value, Table):
        return dict(value.parts(name))
    if isinstance(value, own.Media):
        return {name: value}
    if _is_dataframe(value):
        return dict(Table(dataframe=value).parts(name))
    if callable(getattr(value, "savefig", None)) or hasattr(value, "mark_point"):
        return {name: _made(lambda: own.Figure(value))}
    if _is_picture(value):
        return {name: Image(value).kept}
    if isinstance(value, (list, tuple)) and value:
        several = [media_of(f"{name}/{place}", one) for place, one in enumerate(value)]
        if all(one is not None for one in several):
            return {at: kept for one in several if one is not None for at, kept in one.items()}
        if len(value) > 1 and _are_numbers(value):
            return {name: _made(lambda: own.Histogram(value, 32))}
    if getattr(value, "ndim", 0) and _size(value) > 1:
        return {name: _made(lambda: own.Histogram(value, 32))}
    return None


def _made(make: Callable[[], own.Media]) -> Any:
    """What is made; None with a word, said once for each sentence, if it cannot be."""
    try:
        return make()
    except MlcoreError as error:
        once(str(error), str(error))
        return None


def _picture(data: Any) -> Any:
    """What ``mlcore.Image`` takes, of what ``wandb.Image`` takes."""
    from PIL import Image as Pillow

    if isinstance(data, (str, Path)) or _is_picture(data):
        return data
    if callable(getattr(data, "savefig", None)) or callable(getattr(data, "get_figure", None)):
        figure = data if callable(getattr(data, "savefig", None)) else data.get_figure()
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=100)
        return Pillow.open(buffer)
    if callable(detach := getattr(data, "detach", None)):
        return _of_tensor(detach().cpu())
    import numpy as np

    return _scaled(np.asarray(data.numpy() if callable(getattr(data, "numpy", None)) else data))


def _of_tensor(tensor: Any) -> Any:
    """A tensor ``[C, H, W]``, ``[H, W]`` or ``[N, C, H, W]`` as an array ``[H, W(, C)]``."""
    if tensor.ndim == 4:
        tensor = _grid(tensor)
    if str(tensor.dtype) == "torch.bfloat16":
        tensor = tensor.float()
    if tensor.ndim == 3:
        tensor = tensor.movedim(0, -1)
    return _scaled(tensor.numpy())


def _grid(images: Any) -> Any:
    """Images ``[N, C, H, W]`` side by side as ``[C, H', W']``, eight in a row, 2 pixels apart."""
    number, channels, height, width = images.shape
    columns = min(number, 8)
    rows = -(-number // columns)
    grid = images.new_zeros(channels, rows * (height + 2) + 2, columns * (width + 2) + 2)
    for place in range(number):
        top, left = (
            2 + at * (size + 2)
            for at, size in zip(divmod(place, columns), (height, width), strict=True)
        )
        grid[:, top : top + height, left : left + width] = images[place]
    return grid


def _scaled(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Values that ``mlcore.Image`` takes, without axes of one element."""
    import numpy as np

    if array.ndim > 2:
        array = array.squeeze()
    if array.dtype.kind not in "iuf" or not array.size:
        return array
    low, high = float(np.nanmin(array)), float(np.nanmax(array))
    whole = array.dtype.kind in "iu"
    if low >= 0 and high <= (255 if whole else 1):
        return array
    if low >= 0 and high <= 255:
        return np.asarray(array / 255)
    scaled: np.ndarray[Any, Any] = (array - low) / (high - low or 1.0)
    return scaled


def _histogram(sequence: Any, given: Any, bins: int) -> own.Histogram:
    if given is None:
        return own.Histogram(sequence, bins)
    counts, edges = given
    return own.Histogram(counts=counts, edges=edges)


def _is_picture(value: Any) -> bool:
    from PIL import Image as Pillow

    return isinstance(value, Pillow.Image)


def _is_dataframe(value: Any) -> bool:
    return type(value).__name__ == "DataFrame" and callable(getattr(value, "itertuples", None))


def _are_numbers(values: Sequence[Any]) -> bool:
    return all(isinstance(one, (int, float)) or hasattr(one, "item") for one in values)


def _size(value: Any) -> int:
    shape = getattr(value, "shape", ())
    size = 1
    for length in shape:
        size *= int(length)
    return size
