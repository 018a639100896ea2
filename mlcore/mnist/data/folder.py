"""Reads a folder of IDX files named as MNIST's are, gzipped or not."""

from __future__ import annotations

import functools
import gzip
import hashlib
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from mlcore.core import DataUnavailableError
from mlcore.core.files import write_atomically
from mlcore.mnist.data.cache import cache_folder, unwritable
from mlcore.mnist.data.idx import UNSIGNED_BYTES, idx_header, read_idx
from mlcore.mnist.data.sources import SOURCES

if TYPE_CHECKING:
    import torch

Stamp = tuple[tuple[str, int, int], ...]


def folder_checksum(folder: Path) -> str:
    """SHA-256 over the four files' names and contents; read anew only when a file changed.

    Raises:
        DataUnavailableError: If a file is missing.
    """
    return _checksum(_stamp(folder))


def folder_train_images(folder: Path) -> int:
    """The number of training images, read from the header."""
    return _shape(_files(folder)[0])[0]


def folder_test_images(folder: Path) -> int:
    """The number of test images, read from the header."""
    return _shape(_files(folder)[2])[0]


def folder_classes(folder: Path) -> int:
    """The number of classes: the highest label plus one."""
    return _classes(_stamp(folder))


def read_folder(
    folder: Path,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Train images and labels, test images and labels: uint8 ``[N, 28, 28]``, int64 ``[N]``.

    Raises:
        DataUnavailableError: If a file is missing, damaged, or not of these shapes.
    """
    paths = [_unzipped(path) for path in _files(folder)]
    shapes = [_shape(path) for path in paths]
    for path, shape in zip(paths[::2], shapes[::2], strict=True):
        if shape[1:] != (28, 28) or not shape[0]:
            raise DataUnavailableError(
                f"{path} holds values of the shape {shape}, but images must be N × 28 × 28."
            )
    for path, shape, images in zip(paths[1::2], shapes[1::2], shapes[::2], strict=True):
        if shape != images[:1]:
            raise DataUnavailableError(
                f"{path} holds labels of the shape {shape}, but {images[0]} images need one each."
            )
    x, y, test_x, test_y = map(read_idx, paths)
    return x, y.long(), test_x, test_y.long()


def _files(folder: Path) -> list[Path]:
    found = []
    for name in SOURCES["mnist"].files:
        for path in (folder / name, folder / f"{name}.gz"):
            if path.is_file():
                found.append(path)
                break
        else:
            raise DataUnavailableError(
                f"{folder} has no file {name}: put it there (or {name}.gz), or name another "
                "folder in data_dir."
            )
    return found


def _stamp(folder: Path) -> Stamp:
    return tuple((str(p), p.stat().st_size, p.stat().st_mtime_ns) for p in _files(folder))


@functools.lru_cache(maxsize=8)
def _checksum(stamp: Stamp) -> str:
    whole = hashlib.sha256()
    for name, _, _ in stamp:
        with Path(name).open("rb") as file:
            whole.update(f"{Path(name).name} ".encode())
            whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()


@functools.lru_cache(maxsize=8)
def _classes(stamp: Stamp) -> int:
    highest = 0
    for name, _, _ in (stamp[1], stamp[3]):
        path = _unzipped(Path(name))
        _shape(path)
        highest = max(highest, max(path.read_bytes()[8:], default=0))
    return highest + 1


def _unzipped(path: Path) -> Path:
    """The file itself, or its unpacked copy in the cache, named by the archive's checksum."""
    if path.suffix != ".gz":
        return path
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    copy = cache_folder() / "folder" / digest[:32]
    if not copy.exists():
        try:
            copy.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(copy, gzip.decompress(path.read_bytes()))
        except (EOFError, zlib.error, gzip.BadGzipFile):
            raise DataUnavailableError(f"{path} is damaged: it cannot be unzipped.") from None
        except OSError as error:
            raise unwritable(cache_folder(), error) from None
    return copy


def _shape(path: Path) -> tuple[int, ...]:
    try:
        kind, shape = idx_header(_unzipped(path))
    except ValueError as error:
        raise DataUnavailableError(str(error)) from None
    if kind != UNSIGNED_BYTES:
        raise DataUnavailableError(f"{path} holds no unsigned bytes, the one type that is read.")
    return shape
