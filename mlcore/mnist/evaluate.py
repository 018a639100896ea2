"""Evaluates a network on the test set or the validation part, and on a few fixed digits of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor, nn

from mlcore.mnist.batches import normalized
from mlcore.mnist.data.digits import Digits, load
from mlcore.mnist.losses import loss_for, probabilities, targets_for
from mlcore.mnist.microbatches import Team, one_image
from mlcore.mnist.validation_split import held_out

if TYPE_CHECKING:
    from mlcore.mnist.config import MNISTConfig

SAMPLES: Final = 40
MAX_PART: Final = 500
BYTES_A_PART: Final = 2_500_000
"""Bytes of the largest layer output of a part of the test set, so that it stays in a core's cache.

With 500 images at once a small CNN took a quarter longer, and two workers on two cores, whose
layers' outputs then went through the memory they share, slowed each other by another tenth.
"""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The result of one evaluation on all held-out images, in eval mode.

    They are the test set, or with a validation split the validation part.

    Attributes:
        metrics: ``test_loss`` (mean over all its images) and ``test_accuracy`` (0 to 1), or
            ``validation_loss`` and ``validation_accuracy``.
        arrays: ``confusion``: int64 ``[classes, classes]``, row = true class, column = predicted.
            ``sample_index``: int64 ``[K]``, fixed places among those images, about 40.
            ``sample_probabilities``: float32 ``[K, classes]``, see ``losses.probabilities``.
    """

    metrics: Mapping[str, float]
    arrays: Mapping[str, Tensor]


class Examiner:
    """The held-out images on a device, to evaluate a network repeatedly.

    Attributes:
        parts: Its normalized images, float32 ``[≤ images_a_part, 28, 28]`` each.
    """

    def __init__(self, config: MNISTConfig, digits: Digits, device: torch.device) -> None:
        self._config = config
        held = held_out(config, digits)
        self._part = held.part
        images = normalized(digits, held.images).to(device)
        self.parts = torch.split(images, images_a_part(config, device))
        self._labels = held.labels.to(device)
        self._targets = targets_for(config, held.labels).to(device)
        self._samples = sample_indices(held.labels, len(digits.classes))

    def examine(
        self, model: nn.Module, team: Team, precision: Callable[[], AbstractContextManager[Any]]
    ) -> Evaluation:
        """Evaluate a network; it is left in train mode.

        Args:
            model: On the examiner's device.
            team: Computes the test set's parts side by side.
            precision: Opens the context in which the network multiplies.
        """

        def read(part: Tensor) -> Tensor:
            with torch.no_grad(), precision():
                outputs: Tensor = model(part)
            return outputs.float()

        model.eval()
        outputs = torch.cat(team.map(read, self.parts))
        model.train()
        return self.evaluation(outputs, self._config)

    def evaluation(self, outputs: Tensor, config: MNISTConfig) -> Evaluation:
        """Compute loss, accuracy and confusion from raw outputs ``[M, classes]``.

        Args:
            outputs: In the order of ``parts``.
            config: Whose loss is reported; it has this examiner's data and kind of loss.
        """
        classes = outputs.shape[1]
        compared = outputs, self._targets
        if config.loss == "cross_entropy":  # as pixels of one image: five times as quick on a CPU
            compared = outputs.t().contiguous()[None], self._targets[None]
        loss = loss_for(config)(*compared)
        pairs = self._labels * classes + outputs.argmax(dim=1)
        confusion = pairs.bincount(minlength=classes * classes).view(classes, classes).cpu()
        samples = outputs[self._samples.to(outputs.device)]
        return Evaluation(
            metrics={
                f"{self._part}_loss": float(loss),
                f"{self._part}_accuracy": int(confusion.diagonal().sum()) / len(self._labels),
            },
            arrays={
                "confusion": confusion,
                "sample_index": self._samples,
                "sample_probabilities": probabilities(config, samples).cpu(),
            },
        )


def test_metrics(config: MNISTConfig, model: nn.Module) -> dict[str, float]:
    """Evaluate a network on the whole test set, in float32, whatever held out its training.

    Args:
        config: Of its run.
        model: In eval mode on the CPU; it is left so.

    Returns:
        ``test_loss`` and ``test_accuracy``.
    """
    plain = config.replace(
        validation_size=0,
        folds=0,
        fold=1,
        keep="last",
        early_stopping=False,
        schedule="constant",
    )
    examiner = Examiner(plain, load(config.dataset, config.data_dir), torch.device("cpu"))
    with torch.no_grad():
        outputs = torch.cat([model(part).float() for part in examiner.parts])
    return dict(examiner.evaluation(outputs, plain).metrics)


def images_a_part(config: MNISTConfig, device: torch.device) -> int:
    """How many test images go through the network at once: a function of config and device."""
    if device.type != "cpu":
        return MAX_PART
    largest = max(math.prod(row.output) for row in one_image(config)) * 4
    return min(MAX_PART, max(1, BYTES_A_PART // largest))


def sample_indices(labels: Tensor, classes: int, count: int = SAMPLES) -> Tensor:
    """Places of the first few test images of each class, class after class.

    Args:
        labels: int64 ``[M]``.
        classes: How many classes there are.
        count: About how many places to return: the same number of each class, at least one.

    Returns:
        int64 ``[K]``.
    """
    each = max(1, count // classes)
    return torch.cat([(labels == label).nonzero()[:each, 0] for label in range(classes)])
