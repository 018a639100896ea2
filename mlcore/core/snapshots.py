"""Writes and reads snapshots as safetensors files with a checksum; nothing is unpickled."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from mlcore.core.errors import SnapshotError
from mlcore.core.files import write_atomically
from mlcore.core.steps import Snapshot

_META_KEY = "mlcore"
_TYPES: Final = {"F": "float", "I": "int", "U": "uint", "C": "complex"}
_LARGEST_HEADER: Final = 100_000_000
"""Bytes: the bound that safetensors itself sets."""


class TensorHeader(NamedTuple):
    """What the head of a safetensors file says of a tensor.

    Attributes:
        shape: Its shape.
        dtype: Such as ``float32``.
    """

    shape: tuple[int, ...]
    dtype: str


def pack_snapshot(snapshot: Snapshot) -> bytes:
    """A snapshot as the content of a safetensors file.

    Args:
        snapshot: Tensors may live on any device; they are stored from the CPU.
    """
    from safetensors.torch import save

    # clone: safetensors refuses tensors that share memory, which tied weights do
    tensors = {k: v.detach().cpu().contiguous().clone() for k, v in snapshot.tensors.items()}
    meta = {_META_KEY: json.dumps(dict(snapshot.meta), sort_keys=True)}
    data: bytes = save(tensors, metadata=meta)
    return data


def unpack_snapshot(data: bytes, sha256: str, where: str) -> Snapshot:
    """The inverse of ``pack_snapshot``, on the CPU.

    Args:
        data: The content.
        sha256: What the content's SHA-256 was when it was packed.
        where: What to call it in an error, such as ``"file /runs/weights.safetensors"``.

    Raises:
        SnapshotError: If it is not what was packed.
    """
    from safetensors.torch import load

    check_content(data, sha256, where)
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    meta = json.loads(header.get("__metadata__", {}).get(_META_KEY, "{}"))
    return Snapshot(load(data), meta)


def tensor_headers(start: Callable[[int], bytes], where: str) -> dict[str, TensorHeader]:
    """The shapes and types of a snapshot's tensors by name, from the head of its file alone.

    Args:
        start: The first so many bytes of the content; the others are not read or checked.
        where: As for ``unpack_snapshot``.

    Raises:
        SnapshotError: If that is not the head of a safetensors file.
    """
    try:
        length = min(int.from_bytes(start(8), "little"), _LARGEST_HEADER)
        header = json.loads(start(8 + length)[8:])
        return {
            name: TensorHeader(tuple(map(int, entry["shape"])), _dtype(entry["dtype"]))
            for name, entry in header.items()
            if name != "__metadata__"
        }
    except (ValueError, TypeError, KeyError, AttributeError):
        raise SnapshotError(
            f"The {where} is damaged: it does not begin as a safetensors file does. The run and "
            "its metrics are unharmed."
        ) from None


def _dtype(code: str) -> str:
    if code == "BF16":
        return "bfloat16"
    kind = code.rstrip("0123456789")
    return _TYPES[kind] + code.removeprefix(kind) if kind in _TYPES else code.lower()


def check_content(data: bytes, sha256: str, where: str) -> None:
    """Raise SnapshotError if the content's SHA-256 is another than it was."""
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise SnapshotError(
            f"The {where} is damaged: its SHA-256 is {found[:12]}…, it was written as "
            f"{sha256[:12]}…. The run and its metrics are unharmed; start it again with "
            "force=True to make the weights anew."
        )


def save_snapshot(snapshot: Snapshot, path: Path) -> str:
    """Write a snapshot atomically: a reader sees the old file or the whole new one.

    Args:
        snapshot: Tensors may live on any device; they are stored from the CPU.
        path: The file to write; its folder must exist.

    Returns:
        The SHA-256 of the file, to be stored elsewhere and passed to ``load_snapshot``.

    Raises:
        OSError: If the file cannot be written; an older file at ``path`` is then unharmed.
    """
    data = pack_snapshot(snapshot)
    write_atomically(path, data)
    return hashlib.sha256(data).hexdigest()


def load_snapshot(path: Path, sha256: str) -> Snapshot:
    """Read a snapshot back, on the CPU.

    Raises:
        SnapshotError: If the file is missing, or is not the one that was written.
    """
    return unpack_snapshot(read_content(path), sha256, f"file {path}")


def read_content(path: Path) -> bytes:
    """Read a file's bytes. Raises SnapshotError if the file is missing."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise SnapshotError(
            f"The file {path} is gone. Start the run again with force=True to make it anew."
        ) from None
