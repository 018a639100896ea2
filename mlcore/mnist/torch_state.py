"""Isolates torch's per-process state (thread count, grad mode) while a run computes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def isolated_torch_state(threads: int) -> Iterator[None]:
    """Compute with this many torch threads and with gradients; then restore what was there.

    A generator enters while it computes and leaves before it yields, so that neither its caller
    nor another run stepped in turn with it is disturbed.
    """
    before = torch.get_num_threads()
    if before != threads:
        torch.set_num_threads(threads)
    try:
        with torch.inference_mode(mode=False), torch.enable_grad():
            yield
    finally:
        if before != threads:
            torch.set_num_threads(before)
