"""Dropout whose masks come from a generator of the caller's choice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor, nn

_generator: ContextVar[torch.Generator | None] = ContextVar("dropout_generator", default=None)


class Dropout(nn.Dropout):
    """``torch.nn.Dropout``, except inside ``masks_from``.

    There the mask is drawn from that generator, so that it depends neither on other runs nor on
    which thread computes.
    """

    def forward(self, values: Tensor) -> Tensor:
        """Silence each value with probability p and scale the others by 1 / (1 − p)."""
        generator = _generator.get()
        if generator is None or not self.training:
            return super().forward(values)
        keep = 1.0 - self.p
        mask = torch.empty_like(values).bernoulli_(keep, generator=generator)
        return values * mask.div_(keep)


@contextmanager
def masks_from(generator: torch.Generator) -> Iterator[None]:
    """Draw this thread's dropout masks from a generator, which lives on the network's device."""
    token = _generator.set(generator)
    try:
        yield
    finally:
        _generator.reset(token)
