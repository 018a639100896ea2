"""Predicts the classes of picture files: whole folders, or IDX files, in bounded memory."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from mlcore.core import InputError
from mlcore.mnist.data.digits import load
from mlcore.mnist.data.picture_stream import StreamedPicture, stream_pictures
from mlcore.mnist.insight.pixels import OnPixels, as_pixels, on_pixels
from mlcore.mnist.losses import probabilities
from mlcore.mnist.portable.read_picture import (
    BACKGROUNDS,
    MOST_MEGABYTES,
    Background,
    PictureError,
    read_picture,
)

if TYPE_CHECKING:
    from mlcore.mnist.config import MNISTConfig

Fit = Literal["whole", "digit"]

_AT_ONCE: Final = 500
"""Pictures that go through the network together: at most these are held."""


@dataclass(frozen=True, slots=True, eq=False)
class FilePrediction:
    """A network's prediction for one picture, or why there is none.

    Attributes:
        path: The file; of an image in an IDX file with its number: ``digits[17]``.
        label: The class, from 0; None if the file could not be read.
        name: The class's name; empty if there is none.
        probabilities: float32 ``[classes]``, see ``mlcore.mnist.losses.probabilities``; None if
            there are none.
        inverted: Whether the picture was dark on light and was inverted.
        error: Why the file could not be read; else empty.
    """

    path: str
    label: int | None = None
    name: str = ""
    probabilities: NDArray[np.float32] | None = None
    inverted: bool = False
    error: str = ""


def predict_files(
    config: MNISTConfig,
    model: nn.Module,
    paths: str | Path | Iterable[str | Path],
    *,
    fit: Fit = "whole",
    background: Background = "auto",
) -> Iterator[FilePrediction]:
    """Predict picture after picture; a file that cannot be read is a prediction with ``error``.

    A picture becomes grey and, where its border is light, is inverted. One of the network's size
    stays as it is, pixel for pixel; any other is scaled as a whole (``fit="whole"``), or read as
    on the page Draw (``fit="digit"``): the ink is found, cropped and centred by mass, as MNIST
    did. Images of IDX files are taken as they are. All of it then is (pixel / 255 − mean) / std
    of the training images.

    Args:
        config: What the network was trained by.
        model: With the trained weights, such as ``run.model()``.
        paths: Pictures, folders of pictures (with all below, sorted by name), IDX files.
        fit: How a picture of another size is brought to the network's.
        background: ``dark`` inverts nothing, ``light`` inverts, ``auto`` looks at the border.

    Returns:
        An iterator, in the order of the files; 500 pictures are held at a time.

    Raises:
        InputError: At once, if a path is not there, a folder has no picture, or an option has a
            value that is not allowed.
        DataUnavailableError: If the data set, whose mean and std belong to the network, is gone.

    Example:
        >>> import mlcore, pathlib, tempfile
        >>> from PIL import Image
        >>> config, folder = mlcore.MNISTConfig(), pathlib.Path(tempfile.mkdtemp())
        >>> Image.new("L", (28, 28)).save(folder / "a.png")
        >>> model = mlcore.mnist.build_model(config)
        >>> [one.path == str(folder / "a.png")
        ...     for one in mlcore.mnist.predict_files(config, model, [folder])]
        [True]
    """
    side = int(config.example_input().shape[-1])
    if fit not in get_args(Fit):
        raise InputError(f"fit is {fit!r}, but must be one of {', '.join(get_args(Fit))}.")
    if background not in BACKGROUNDS:
        raise InputError(
            f"background is {background!r}, but must be one of {', '.join(BACKGROUNDS)}."
        )
    if fit == "digit" and background != "auto":
        raise InputError(
            f"background is {background}, but with fit=digit the ink is found on its own: leave "
            "one of them out."
        )

    def read(path: Path) -> tuple[NDArray[np.uint8], bool]:
        return _digit(path) if fit == "digit" else read_picture(path, side, background)

    pictures = stream_pictures([paths] if isinstance(paths, (str, Path)) else paths, read, side)
    digits = load(config.dataset, config.data_dir)
    return _predictions(config, on_pixels(model, digits), pictures, digits.classes)


def csv_of_predictions(
    classes: Sequence[str], predictions: Iterable[FilePrediction]
) -> Iterator[bytes]:
    r"""Predictions as CSV in UTF-8, row by row: path, class, a probability a class, and error.

    Args:
        classes: Names of the classes.
        predictions: In the order of the rows.

    Example:
        >>> from mlcore.mnist.predict_files import FilePrediction, csv_of_predictions
        >>> rows = [FilePrediction("a.png", error="It is damaged.")]
        >>> print(*csv_of_predictions(("cat", "dog"), rows))
        b'path,class,p(cat),p(dog),error\n' b'a.png,,,,It is damaged.\n'
    """
    yield _row(["path", "class", *(f"p({name})" for name in classes), "error"])
    for one in predictions:
        chances = [""] * len(classes)
        if one.probabilities is not None:
            chances = [f"{chance:.6g}" for chance in one.probabilities.tolist()]
        yield _row([one.path, one.name, *chances, one.error])


def _row(cells: Sequence[str]) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue().encode("utf-8", "surrogateescape")


def _predictions(
    config: MNISTConfig,
    network: OnPixels,
    pictures: Iterator[StreamedPicture],
    classes: tuple[str, ...],
) -> Iterator[FilePrediction]:
    held: list[StreamedPicture] = []
    for picture in pictures:
        held.append(picture)
        if len(held) == _AT_ONCE:
            yield from _predicted(config, network, held, classes)
            held.clear()
    yield from _predicted(config, network, held, classes)


def _predicted(
    config: MNISTConfig,
    network: OnPixels,
    pictures: Sequence[StreamedPicture],
    classes: tuple[str, ...],
) -> Iterator[FilePrediction]:
    readable = [picture.pixels for picture in pictures if picture.pixels is not None]
    answers: Iterator[tuple[int, NDArray[np.float32]]] = iter(())
    if readable:
        with torch.inference_mode():
            outputs = network(as_pixels(np.stack(readable), network)).float()
            chances = probabilities(config, outputs).numpy()
        answers = zip(outputs.argmax(dim=1).tolist(), chances, strict=True)
    for picture in pictures:
        if picture.pixels is None:
            yield FilePrediction(picture.name, error=picture.error)
            continue
        label, chance = next(answers)
        yield FilePrediction(picture.name, label, classes[label], chance, picture.inverted)


def _digit(path: Path) -> tuple[NDArray[np.uint8], bool]:
    """The digit in a photo, as on the page Draw."""
    from mlcore.mnist.insight.preprocess import DrawingError, prepare
    from mlcore.mnist.insight.uploads import read_photo

    try:
        if path.stat().st_size > MOST_MEGABYTES * 2**20:
            raise PictureError(f"It has more than {MOST_MEGABYTES} MB: scale it down.")
        return prepare(read_photo(path.read_bytes())), False
    except DrawingError as error:
        raise PictureError(str(error)) from None
    except OSError as error:
        raise PictureError(f"It cannot be read: {error.strerror or error}.") from None
