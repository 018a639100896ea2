"""The training images on the device, and the batches of each epoch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mlcore.mnist.augment import augment
from mlcore.mnist.data.digits import Digits, load
from mlcore.mnist.losses import targets_for
from mlcore.mnist.random_draws import seeded
from mlcore.mnist.torch_state import torch_threads
from mlcore.mnist.validation_split import split

if TYPE_CHECKING:
    from mlcore.mnist.config import MNISTConfig


@dataclass(frozen=True, slots=True, eq=False)
class Microbatch:
    """A part of a batch, small enough for one thread.

    Attributes:
        step: The optimizer step it is for, from 0.
        number: Its place in the batch.
        chosen: int64 ``[B]``, which training images are in it.
        share: Its part of the batch, from 0 to 1.
    """

    step: int
    number: int
    chosen: Tensor
    share: float

    def generator(
        self, seed: int, purpose: str, device: torch.device | None = None
    ) -> torch.Generator:
        """A generator that no other microbatch, purpose or seed shares."""
        return seeded(seed, f"{purpose}/{self.number}", self.step, device)


class Batches:
    """The training images of a run on its device.

    Kept as bytes: a batch is gathered, then made float32 and normalized, which moves a quarter
    of the memory that gathering floats would.

    Attributes:
        per_epoch: Batches in one epoch.
    """

    def __init__(self, config: MNISTConfig, digits: Digits, device: torch.device) -> None:
        chosen = split(config, digits.train_labels).train
        images, labels = digits.train_images, digits.train_labels
        if chosen is not None:
            images, labels = images[chosen], labels[chosen]
        self.per_epoch = config.steps_per_epoch()
        self._config = config
        self._device = device
        self._images = images.flatten(1).to(device)
        self._labels = labels.to(device)
        self._targets = targets_for(config, labels).to(device)
        self._scale = 1 / (255 * digits.std)
        self._shift = digits.mean / digits.std
        self._epoch = -1
        self._order = torch.empty(0, dtype=torch.int64)

    def microbatches(self, step: int, most: int) -> list[Microbatch]:
        """The batch of optimizer step ``step`` (from 0), cut into at most so many microbatches."""
        epoch, place = divmod(step, self.per_epoch)
        if epoch != self._epoch:
            self._epoch, self._order = epoch, self._shuffled(epoch)
        size = self._config.batch_size
        chosen = self._order[place * size : (place + 1) * size]
        return [
            Microbatch(step, number, part, len(part) / len(chosen))
            for number, part in enumerate(chosen.chunk(most))
        ]

    def size(self, step: int) -> int:
        """How many images the batch of a step holds."""
        start = step % self.per_epoch * self._config.batch_size
        return min(self._config.batch_size, len(self._labels) - start)

    def read(self, microbatch: Microbatch) -> tuple[Tensor, Tensor, Tensor]:
        """Gather a microbatch's images.

        Returns:
            Normalized images float32 ``[B, 28, 28]``, labels int64 ``[B]``, and the loss's targets.
        """
        images = self._images.index_select(0, microbatch.chosen).to(torch.float32).view(-1, 28, 28)
        if self._config.augment != "none":
            generator = microbatch.generator(self._config.seed, "augment")
            images = augment(self._config.augment, images, generator)
        images = images.mul_(self._scale).sub_(self._shift)
        labels = self._labels.index_select(0, microbatch.chosen)
        if self._config.loss == "cross_entropy":
            return images, labels, labels
        return images, labels, self._targets.index_select(0, microbatch.chosen)

    def read_all_into(
        self, microbatches: Sequence[Microbatch], as_bytes: Tensor, images: Tensor
    ) -> Tensor:
        """Gather the images of microbatches into given memory; the same numbers as ``read``.

        Args:
            microbatches: Of B images in all.
            as_bytes: uint8 ``[B, 784]``, which is overwritten.
            images: Floating point ``[B, 784]``, for the normalized images.

        Returns:
            Labels int64 ``[B]``.
        """
        if self._config.augment != "none":
            with torch_threads(1):
                parts = [self.read(microbatch) for microbatch in microbatches]
            found, labels, _ = (torch.cat(each) for each in zip(*parts, strict=True))
            images.copy_(found.flatten(1))
            return labels
        chosen = microbatches[0].chosen
        if len(microbatches) > 1:
            chosen = torch.cat([microbatch.chosen for microbatch in microbatches])
        torch.index_select(self._images, 0, chosen, out=as_bytes)
        images.copy_(as_bytes).mul_(self._scale).sub_(self._shift)
        return self._labels.index_select(0, chosen)

    def _shuffled(self, epoch: int) -> Tensor:
        return _epoch_order(self._config.seed, epoch, len(self._labels)).to(self._device)


def batch_order(config: MNISTConfig) -> Iterator[Tensor]:
    """Which images are in each batch of a whole run, in order.

    Yields:
        int64 ``[B]`` a step: places among all training images of the data set.
    """
    images = config.num_train()
    chosen = split(config, load(config.dataset, config.data_dir).train_labels).train
    for epoch in range(config.epochs):
        order = _epoch_order(config.seed, epoch, images)
        for batch in torch.split(order, config.batch_size)[: config.steps_per_epoch()]:
            yield batch if chosen is None else chosen[batch]


def normalized(digits: Digits, images: Tensor) -> Tensor:
    """Normalize images: (pixel / 255 − mean) / std, float32, of the same shape."""
    return images.to(torch.float32).mul_(1 / (255 * digits.std)).sub_(digits.mean / digits.std)


def _epoch_order(seed: int, epoch: int, images: int) -> Tensor:
    return torch.randperm(images, generator=seeded(seed, "order", epoch))
