"""Runs the small tensor computations of a page on one torch thread."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute with one torch thread; also a decorator.

    The tensors of a page are small. With two threads on two busy cores they take up to 18 times the
    CPU time, since OpenMP's threads spin while they wait for each other.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
