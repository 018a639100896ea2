"""The IDX format of MNIST's files: a big-endian header that says shape and type, then the values.

Source: http://yann.lecun.com/exdb/mnist (THE IDX FILE FORMAT).
"""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
UNSIGNED_BYTES = 0x08


def idx_header(path: Path) -> tuple[int, tuple[int, ...]]:
    """Read what an IDX file says it holds and check that it is all there.

    Returns:
        The type code (0x08 is unsigned bytes) and the shape.

    Raises:
        ValueError: If this is no IDX file or its length is not what its header says.
        OSError: If it cannot be read.
    """
    with path.open("rb") as file:
        magic = file.read(4)
        dimensions = magic[3] if len(magic) == 4 else 0
        head = file.read(4 * dimensions)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _TYPES:
        raise ValueError(f"{path} is no IDX file: it begins with {magic.hex() or 'nothing'}.")
    if not 1 <= dimensions <= 3 or len(head) < 4 * dimensions:
        raise ValueError(f"{path} has {dimensions} dimensions in its header: 1 to 3 are read.")
    shape = struct.unpack(f">{dimensions}I", head)
    expected = 4 + 4 * dimensions + math.prod(shape) * np.dtype(_TYPES[magic[2]]).itemsize
    found = path.stat().st_size
    if found != expected:
        raise ValueError(f"{path} is damaged: its header says {expected} bytes, not {found}.")
    return magic[2], shape


def read_idx(path: Path) -> torch.Tensor:
    """Read an IDX file's values, in its own shape and type.

    torchvision reads these files too, but importing it brings torch's compiler along: more than
    a second in each new process, before its first run can begin.

    Raises:
        ValueError: If this is no IDX file or its length is not what its header says.
        OSError: If it cannot be read.
    """
    import torch

    kind, shape = idx_header(path)
    values = np.fromfile(path, _TYPES[kind], offset=4 + 4 * len(shape)).reshape(shape)
    return torch.from_numpy(values.astype(values.dtype.newbyteorder("="), copy=False))
