"""Writes files atomically."""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path


def write_atomically(path: Path, data: bytes) -> None:
    """Replace a file in one step; a killed writer or a full disk leaves the old file unchanged.

    Raises:
        OSError: If the folder cannot be written or the disk is full.
    """
    write_parts_atomically(path, [data])


def write_parts_atomically(path: Path, parts: Iterable[bytes]) -> int:
    """``write_atomically`` of content that is made part by part; returns its size in bytes."""
    size = 0
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    unfinished = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            for part in parts:
                size += file.write(part)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    return size
