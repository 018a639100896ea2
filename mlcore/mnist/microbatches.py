"""Splits each batch into fixed microbatches, whose gradients autograd computes in parallel.

Torch's own way to use two cores is to split every single operation. It waits at the end of each,
and its threads spin while they wait: beside a busy second core that was up to 20 times slower than
one thread. With autograd (convolutions, above all) one thread takes a microbatch from its pixels to
its gradient instead, and threads meet once a step. A core that is busy elsewhere then costs only
what it would have given. The cut depends on the config alone, and the sum of the gradients on the
order of the microbatches, so the result is the same bit for bit on any number of cores. Random
draws belong to a microbatch, so they are the same however a step is taken.

Networks whose gradient is computed by hand do otherwise: see ``mlcore.mnist.steps``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, TypeVar

import torch

from mlcore.mnist.models import build_model
from mlcore.mnist.summary import LayerShape, ledger

if TYPE_CHECKING:
    from mlcore.mnist.config import MNISTConfig

MAX_PIECES: Final = 8
IMAGES_A_PIECE: Final = 128
FLOPS_A_PIECE: Final = 100e6

In = TypeVar("In")
Out = TypeVar("Out")


@functools.lru_cache(maxsize=64)
def one_image(config: MNISTConfig) -> tuple[LayerShape, ...]:
    """The layer summary of a config's network for a single image."""
    return ledger(build_model(config), torch.zeros(1, 28, 28))


@functools.lru_cache(maxsize=64)
def microbatches_for(config: MNISTConfig) -> int:
    """The number of microbatches of a full batch: a function of the config, not of the machine.

    As many as leave each microbatch 128 images and 100 million floating-point operations of a
    forward pass, at most 8; less work than that is done before a second thread has woken up. Batch
    normalization looks at the whole batch, so there it is one.
    """
    if config.normalization == "batch" and config.model != "linear":
        return 1
    work = sum(row.flops for row in one_image(config)) * config.batch_size
    by_work = min(work // FLOPS_A_PIECE, config.batch_size // IMAGES_A_PIECE)
    return int(max(1, min(MAX_PIECES, by_work)))


class Team:
    """The calling thread and its helper threads, each computing with one torch thread.

    Args:
        threads: All of them, the calling one included.
    """

    def __init__(self, threads: int) -> None:
        self._helpers = (
            ThreadPoolExecutor(
                threads - 1,
                thread_name_prefix="mlcore-microbatch",
                initializer=functools.partial(torch.set_num_threads, 1),
            )
            if threads > 1
            else None
        )

    def map(self, work: Callable[[In], Out], items: Sequence[In]) -> list[Out]:
        """Apply a function to items in parallel; results come in the order of the items.

        The calling thread works too, and takes over what no helper has begun.
        """
        if self._helpers is None or len(items) == 1:
            return [work(item) for item in items]
        futures: list[Future[Out]] = [self._helpers.submit(work, item) for item in items[1:]]
        first = work(items[0])
        rest = [
            work(item) if future.cancel() else future
            for item, future in reversed(list(zip(items[1:], futures, strict=True)))
        ]
        return [first, *(r.result() if isinstance(r, Future) else r for r in reversed(rest))]

    def close(self) -> None:
        """Stop the helper threads."""
        if self._helpers is not None:
            self._helpers.shutdown(wait=False, cancel_futures=True)
