"""Isolates torch's per-process state (thread count, grad mode) while a run computes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def torch_threads(number: int) -> Iterator[None]:
    """Compute with this many torch threads, then with as many as before."""
    before = torch.get_num_threads()
    if before == number:
        yield
        return
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def isolated_torch_state(threads: int) -> Iterator[None]:
    """Compute with this many torch threads and with gradients; then restore what was there.

    A generator enters while it computes and leaves before it yields, so that neither its caller
    nor another run stepped in turn with it is disturbed.
    """
    with torch_threads(threads), torch.inference_mode(mode=False), torch.enable_grad():
        yield
