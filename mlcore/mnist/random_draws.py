"""Random generators, one for each purpose, so that no draw depends on another."""

from __future__ import annotations

import hashlib

import torch


def seeded(
    seed: int, purpose: str, number: int = 0, device: torch.device | None = None
) -> torch.Generator:
    """A random generator for one purpose and number, independent of all others.

    Every random draw of a run comes from one of these: a run's random state is its step's number.
    """
    digest = hashlib.sha256(f"{seed}/{purpose}/{number}".encode()).digest()
    return torch.Generator(device or "cpu").manual_seed(int.from_bytes(digest[:8], "little") >> 1)
