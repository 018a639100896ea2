"""The cache folder of unpacked data sets, in torchvision's layout; files are written atomically."""

from __future__ import annotations

import gzip
import hashlib
import lzma
import os
import time
import zlib
from importlib import resources
from pathlib import Path

from mlcore.core import DataUnavailableError
from mlcore.core.files import write_atomically
from mlcore.mnist.data.idx import idx_header
from mlcore.mnist.data.sources import MNIST_SHA256, Source

_STALE_AFTER_S = 3600.0


def cache_folder() -> Path:
    """The cache folder: ``MLCORE_CACHE``, else the user's cache folder (platformdirs)."""
    if named := os.environ.get("MLCORE_CACHE"):
        return Path(named).expanduser().resolve()
    from platformdirs import user_cache_path

    return user_cache_path("mlcore")


def raw_folder(source: Source) -> Path:
    """The folder in which torchvision looks for a data set's unpacked files."""
    return cache_folder() / source.torchvision / "raw"


def unpack_mnist() -> Path:
    """Unpack the bundled MNIST into the cache, byte for byte as published.

    Every file is checked by its SHA-256 (55 MB, some 50 ms); one that is missing or damaged is
    unpacked anew and put in place in one step, so that any number of processes may do this at
    once and a killed one leaves no half file under the true name.

    Returns:
        The cache folder, as ``torchvision.datasets.MNIST`` wants it.

    Raises:
        DataUnavailableError: If the folder cannot be written or the disk is full.
    """
    root = cache_folder()
    raw = root / "MNIST" / "raw"
    try:
        missing = [n for n, sha256 in MNIST_SHA256.items() if _sha256(raw / n) != sha256]
        if missing:
            raw.mkdir(parents=True, exist_ok=True)
            _sweep(raw)
        for name in missing:
            write_atomically(raw / name, _unpacked(name))
    except lzma.LZMAError as error:
        raise DataUnavailableError(
            f"MNIST inside this installation of mlcore is damaged ({error}): reinstall mlcore."
        ) from None
    except OSError as error:
        raise unwritable(root, error) from None
    return root


def _unpacked(name: str) -> bytes:
    packed = resources.files("mlcore.mnist") / "files" / f"{name}.xz"
    data = lzma.decompress(packed.read_bytes())
    if hashlib.sha256(data).hexdigest() != MNIST_SHA256[name]:
        raise lzma.LZMAError(f"{name}.xz holds something else")
    return data


def unzip_published(source: Source) -> None:
    """Unpack the ``.gz`` archives that lie beside a data set's place where a file is missing.

    Each is checked by its published checksum where there is one for each file; of EMNIST only
    that of one large archive is published.

    Raises:
        DataUnavailableError: If an archive is damaged or not the published one, or the folder
            cannot be written.
    """
    raw = raw_folder(source)
    each = source.published if len(source.published) == len(source.files) else ()
    published = dict(zip(source.files, each, strict=False))
    for name in source.files:
        packed = raw / f"{name}.gz"
        if (raw / name).exists() or not packed.exists():
            continue
        try:
            archive = packed.read_bytes()
            data = gzip.decompress(archive)
            found = hashlib.md5(archive, usedforsecurity=False).hexdigest()
            if found != published.get(name, found):
                raise DataUnavailableError(
                    f"{packed} is not the archive that was published of {source.title}: its MD5 "
                    f"is {found}, not {published[name]}. Put that one, or the unpacked file, in "
                    "its place."
                )
            write_atomically(raw / name, data)
        except (EOFError, zlib.error, gzip.BadGzipFile):
            raise DataUnavailableError(
                f"{packed} is damaged: delete it, or put the whole file in its place."
            ) from None
        except OSError as error:
            raise unwritable(cache_folder(), error) from None


def missing_files(source: Source) -> list[str]:
    """The files of a data set that are not in the cache, or not whole there."""
    raw = raw_folder(source)
    return [name for name in source.files if not _is_whole(raw / name)]


def put_in_place(source: Source, downloaded: Path) -> None:
    """Move freshly downloaded files into the cache, each in one step."""
    raw = raw_folder(source)
    raw.mkdir(parents=True, exist_ok=True)
    for name in source.files:
        (downloaded / source.torchvision / "raw" / name).replace(raw / name)


def _is_whole(path: Path) -> bool:
    try:
        idx_header(path)
    except (OSError, ValueError):
        return False
    return True


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return ""


def _sweep(folder: Path) -> None:
    """Delete the unfinished files of writers that were killed long ago."""
    for part in folder.glob(".*.part"):
        try:
            if time.time() - part.stat().st_mtime > _STALE_AFTER_S:
                part.unlink()
        except FileNotFoundError:
            continue  # another process swept it first


def unwritable(root: Path, error: OSError) -> DataUnavailableError:
    """The error of a cache folder that cannot be written."""
    return DataUnavailableError(
        f"The data cannot be unpacked into {root} ({error.strerror or error}): make room there, "
        "or name another folder in the environment variable MLCORE_CACHE."
    )
