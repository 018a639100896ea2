"""Snapshots: what comes back is what was written, and a damaged file is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from mlcore.core import Snapshot, SnapshotError
from mlcore.core.files import write_atomically
from mlcore.core.snapshots import load_snapshot, pack_snapshot, save_snapshot, tensor_headers


def test_a_snapshot_comes_back_bit_for_bit(tmp_path: Path) -> None:
    weight = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    kept = Snapshot(
        {"w": weight, "tied": weight, "view": weight.T, "rng": torch.get_rng_state()},
        {"step": 7, "names": ["a", "b"]},
    )
    sha256 = save_snapshot(kept, tmp_path / "s.safetensors")
    again = load_snapshot(tmp_path / "s.safetensors", sha256)
    assert again.meta == kept.meta
    assert all(torch.equal(again.tensors[name], kept.tensors[name]) for name in kept.tensors)


def test_a_damaged_snapshot_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.safetensors"
    sha256 = save_snapshot(Snapshot({"w": torch.ones(8)}), path)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(SnapshotError, match="damaged"):
        load_snapshot(path, sha256)
    path.unlink()
    with pytest.raises(SnapshotError, match="gone"):
        load_snapshot(path, sha256)


def test_shapes_and_types_are_read_from_the_head_alone() -> None:
    types = [torch.float32, torch.bfloat16, torch.int64, torch.uint8, torch.bool, torch.float16]
    tensors = {str(kind): torch.zeros(2, 3, dtype=kind) for kind in types}
    data = pack_snapshot(Snapshot({**tensors, "scalar": torch.tensor(1.0)}))
    most = 8 + int.from_bytes(data[:8], "little")

    def start(count: int) -> bytes:
        assert count <= most
        return data[:count]

    found = tensor_headers(start, "file s")
    assert found.pop("scalar").shape == ()
    assert {f"torch.{header.dtype}" for header in found.values()} == set(tensors)
    assert {header.shape for header in found.values()} == {(2, 3)}


@pytest.mark.parametrize(
    "data", [b"", b"\xff" * 40, b"\x02" + b"\0" * 7 + b"[]", b"\x09" + b"\0" * 9]
)
def test_a_damaged_head_is_refused(data: bytes) -> None:
    with pytest.raises(SnapshotError, match="does not begin as a safetensors file does"):
        tensor_headers(lambda count: data[:count], "file s")


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
