"""What torch keeps per process and a run needs its own of: threads, random state, grad mode."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import torch
from torch import Tensor


class Surroundings:
    """Enter to compute as this run, leave to give the caller back what was there.

    A generator enters while it computes and leaves before it yields, so that two runs stepped in
    turn in one process do not disturb each other nor their caller.

    Attributes:
        threads: Torch threads while inside.
        random: While outside, the state of the device's default generator as the run left it.
    """

    def __init__(self, threads: int, device: torch.device, random: Tensor) -> None:
        self.threads = threads
        self.random = random
        self._device = device
        self._gradients = torch.enable_grad()
        self._outer_threads = 0
        self._outer_random = random

    def __enter__(self) -> Self:
        self._outer_threads = torch.get_num_threads()
        if self._outer_threads != self.threads:
            torch.set_num_threads(self.threads)
        self._outer_random = random_state(self._device)
        _set_random_state(self._device, self.random)
        self._gradients.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._gradients.__exit__(kind, error, trace)
        self.random = random_state(self._device)
        _set_random_state(self._device, self._outer_random)
        if self._outer_threads != self.threads:
            torch.set_num_threads(self._outer_threads)


def first_random_state(seed: int, device: torch.device) -> Tensor:
    """The state of a device's generator freshly seeded."""
    return torch.Generator(device).manual_seed(seed).get_state()


def random_state(device: torch.device) -> Tensor:
    """The state of a device's default generator, on the CPU."""
    match device.type:
        case "cuda":
            return torch.cuda.get_rng_state(device)
        case "mps":
            return torch.mps.get_rng_state()
    return torch.get_rng_state()


def _set_random_state(device: torch.device, state: Tensor) -> None:
    match device.type:
        case "cuda":
            torch.cuda.set_rng_state(state, device)
        case "mps":
            torch.mps.set_rng_state(state)
        case _:
            torch.set_rng_state(state)
