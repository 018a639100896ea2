"""Pictures from files and folders, one after the other, in sorted order and bounded memory."""

from __future__ import annotations

import gzip
import os
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from mlcore.core import InputError
from mlcore.mnist.portable.read_picture import ENDINGS, PictureError

ReadFile = Callable[[Path], tuple[NDArray[np.uint8], bool]]
"""Reads one picture, uint8 ``[side, side]``, and says whether it was inverted."""

_IDX_IMAGES: Final = b"\0\0\x08\x03"
"""How an IDX file of unsigned bytes in three dimensions begins."""


@dataclass(frozen=True, slots=True, eq=False)
class StreamedPicture:
    """One picture, or why it could not be read.

    Attributes:
        name: Its path; of an image in an IDX file with its number: ``digits[17]``.
        pixels: uint8 ``[side, side]``, 0 is background; None if it could not be read.
        inverted: Whether it was dark on light.
        error: Why it could not be read; else empty.
    """

    name: str
    pixels: NDArray[np.uint8] | None = None
    inverted: bool = False
    error: str = ""


def stream_pictures(
    paths: Iterable[str | Path], read_file: ReadFile, side: int
) -> Iterator[StreamedPicture]:
    """Read pictures of some files and folders, when they are asked for.

    A folder gives all files in it and below that end as pictures do, sorted by name; hidden ones
    and links to folders are left out. A file is a picture, or an IDX file of images, perhaps
    gzipped.

    Args:
        paths: Files and folders.
        read_file: How a picture is read.
        side: Pixels of the side, which images of an IDX file must have.

    Raises:
        InputError: At once, if a path is not there or a folder has no picture.
    """
    named = [Path(path) for path in paths]
    if not named:
        raise InputError("No path is named: give pictures, folders of pictures, or an IDX file.")
    for path in named:
        _check_path(path)
    return _stream(named, read_file, side)


def _check_path(path: Path) -> None:
    try:
        there = path.exists()
    except (OSError, ValueError):  # too long, a null byte
        there = False
    if not there:
        raise InputError(
            f"There is nothing at {str(path)!r}: give a picture, a folder of pictures, or an IDX "
            "file."
        )
    if path.is_dir() and next(_below(path), None) is None:
        raise InputError(
            f"The folder {path} has no picture: no file in it or below ends in "
            f"{', '.join(ENDINGS)}."
        )


def _stream(named: list[Path], read_file: ReadFile, side: int) -> Iterator[StreamedPicture]:
    for path in named:
        if path.is_dir():
            for file in _below(path):
                yield _read(file, read_file)
        elif _is_idx(path):
            yield from _images_of_idx(path, side)
        else:
            yield _read(path, read_file)


def _below(folder: Path) -> Iterator[Path]:
    """The picture files of a folder and those below it, by name; links to folders are not taken."""
    try:
        with os.scandir(folder) as entries:
            names = sorted(
                (entry.name, entry.is_dir(follow_symlinks=False))
                for entry in entries
                if not entry.name.startswith(".")
            )
    except OSError as error:
        raise InputError(f"The folder {folder} cannot be read: {error.strerror}.") from None
    for name, is_folder in names:
        path = folder / name
        if is_folder:
            yield from _below(path)
        elif path.suffix.lower() in ENDINGS and not path.is_dir():
            yield path


def _read(path: Path, read_file: ReadFile) -> StreamedPicture:
    try:
        pixels, inverted = read_file(path)
    except PictureError as error:
        return StreamedPicture(str(path), error=str(error))
    return StreamedPicture(str(path), pixels, inverted)


def _open(path: Path) -> BinaryIO | gzip.GzipFile:
    with path.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    return gzip.open(path) if zipped else path.open("rb")


def _is_idx(path: Path) -> bool:
    if path.suffix.lower() in ENDINGS or not path.is_file():
        return False
    try:
        with _open(path) as file:
            return file.read(2) == _IDX_IMAGES[:2]
    except (OSError, EOFError, zlib.error):
        return False


def _images_of_idx(path: Path, side: int) -> Iterator[StreamedPicture]:
    try:
        with _open(path) as file:
            count, refused = _header(file.read(16), side)
            for number in range(count):
                values = file.read(side * side)
                if len(values) < side * side:
                    refused = f"It ends after {number} of {count} images."
                    break
                pixels = np.frombuffer(values, dtype=np.uint8).reshape(side, side)
                yield StreamedPicture(f"{path}[{number}]", pixels)
    except (OSError, EOFError, zlib.error) as error:
        refused = f"It is damaged or cannot be read: {error}."
    if refused:
        yield StreamedPicture(str(path), error=refused)


def _header(head: bytes, side: int) -> tuple[int, str]:
    """How many images an IDX file has, or 0 and why they are not taken."""
    if len(head) < 16 or not head.startswith(_IDX_IMAGES):
        return 0, "It is an IDX file, but none of images in unsigned bytes."
    count, height, width = struct.unpack(">3I", head[4:])
    if (height, width) != (side, side):
        return 0, (
            f"Its images have {height} × {width} pixels, but the network takes {side} × {side}."
        )
    return count, ""
