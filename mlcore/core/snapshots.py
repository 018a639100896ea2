"""Snapshots as files: safetensors with a checksum beside them; nothing is ever unpickled."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from mlcore.core.errors import SnapshotError
from mlcore.core.files import write_atomically
from mlcore.core.steps import Snapshot

_META_KEY = "mlcore"


def save_snapshot(snapshot: Snapshot, path: Path) -> str:
    """Write a snapshot so that a reader sees the old file or the whole new one, never a part.

    Args:
        snapshot: Tensors may live on any device; they are stored from the CPU.
        path: The file to write; its folder must exist.

    Returns:
        The SHA-256 of the file, to be kept elsewhere and given to ``load_snapshot``.

    Raises:
        OSError: If the file cannot be written; an older file at ``path`` is then unharmed.
    """
    from safetensors.torch import save

    # clone: safetensors refuses tensors that share memory, which tied weights do
    tensors = {k: v.detach().cpu().contiguous().clone() for k, v in snapshot.tensors.items()}
    meta = {_META_KEY: json.dumps(dict(snapshot.meta), sort_keys=True)}
    data = save(tensors, metadata=meta)
    write_atomically(path, data)
    return hashlib.sha256(data).hexdigest()


def load_snapshot(path: Path, sha256: str) -> Snapshot:
    """Read a snapshot back, on the CPU.

    Raises:
        SnapshotError: If the file is missing, or is not the one that was written.
    """
    from safetensors.torch import load

    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise SnapshotError(
            f"The file {path} is gone. Start the run again with force=True to make it anew."
        ) from None
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise SnapshotError(
            f"The file {path} is damaged: its SHA-256 is {found[:12]}…, it was written as "
            f"{sha256[:12]}…. The run and its metrics are unharmed; start it again with "
            "force=True to make the weights anew."
        )
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    meta = json.loads(header.get("__metadata__", {}).get(_META_KEY, "{}"))
    return Snapshot(load(data), meta)
