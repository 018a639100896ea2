"""Small data sets of our own, as IDX files."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
import torch
from torch import Tensor


def write_idx(path: Path, values: Tensor) -> None:
    """Write unsigned bytes in the IDX format of MNIST's files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
    path.write_bytes(header + values.to(torch.uint8).contiguous().numpy().tobytes())


def write_folder(folder: Path, *, train: int = 70, test: int = 30, classes: int = 3) -> None:
    """Noise on which the row of a bright bar tells the class: something a network can learn."""
    generator = torch.Generator().manual_seed(7)
    for part, count in (("train", train), ("t10k", test)):
        labels = torch.arange(count) % classes
        images = torch.randint(0, 60, (count, 28, 28), generator=generator)
        images[torch.arange(count), 4 + 3 * labels] = 255
        write_idx(folder / f"{part}-images-idx3-ubyte", images)
        write_idx(folder / f"{part}-labels-idx1-ubyte", labels)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder of 70 images to learn from and 30 to test on, in 3 classes."""
    folder = tmp_path_factory.mktemp("tiny")
    write_folder(folder)
    return str(folder)
