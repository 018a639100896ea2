"""A network's mistakes: predictions of all images, confusion, accuracy per class."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import nn

from mlcore.mnist.insight.predict import Array, Precision, forward
from mlcore.mnist.losses import nearest_probabilities


@dataclass(frozen=True, slots=True, eq=False)
class Examination:
    """A network's predictions of labelled images; all arrays have one row per image.

    Attributes:
        labels: True classes, int64 ``[N]``.
        outputs: Raw outputs, float32 ``[N, classes]``.
        probabilities: float32 ``[N, classes]``: the softmax of the outputs, or after training on
            squared error the nearest vector of probabilities (see ``mlcore.mnist.losses``).
        guesses: The class of the largest output, int64 ``[N]``.
        confidence: The probability of the guess, float32 ``[N]``.
    """

    labels: NDArray[np.int64]
    outputs: NDArray[np.float32]
    probabilities: NDArray[np.float32]
    guesses: NDArray[np.int64]
    confidence: NDArray[np.float32]

    @property
    def accuracy(self) -> float:
        """Share of the images classified correctly."""
        return float((self.guesses == self.labels).mean())

    def confusion(self) -> NDArray[np.int64]:
        """Counts ``[classes, classes]``: row = true class, column = predicted class."""
        classes = self.outputs.shape[1]
        pairs = self.labels * classes + self.guesses
        return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)

    def cell(self, true: int, guess: int) -> NDArray[np.int64]:
        """Indices of the images in one cell of the confusion matrix, most confident first."""
        places = np.flatnonzero((self.labels == true) & (self.guesses == guess))
        return places[np.argsort(-self.confidence[places], kind="stable")]


def examine(
    model: nn.Module,
    images: Array,
    labels: Array,
    *,
    loss: Literal["mse", "cross_entropy"] = "cross_entropy",
    precision: Precision = "float32",
) -> Examination:
    """Send labelled images through a network.

    Args:
        model: A network of ``mlcore.mnist.build_model``, in eval mode, bare or over pixels.
        images: ``[N, 28, 28]``: uint8 or 0 to 1 for a network over pixels, else normalized.
        labels: int64 ``[N]``.
        loss: What it was trained on; decides what its outputs say as probabilities.
        precision: In which it multiplies.

    Raises:
        ValueError: If there are no images, or not as many labels.

    Example:
        >>> import mlcore
        >>> from mlcore.mnist import insight
        >>> digits = mlcore.mnist.load("mnist")
        >>> network = insight.on_pixels(mlcore.mnist.build_model(mlcore.MNISTConfig()), digits)
        >>> found = insight.examine(network, digits.test_images[:50], digits.test_labels[:50])
        >>> print(found.confusion().sum(), 0 <= found.accuracy <= 1)
        50 True
    """
    outputs = torch.from_numpy(forward(model, images, precision=precision).outputs)
    truth = torch.as_tensor(labels).to(torch.int64).numpy()
    if not len(outputs) or len(truth) != len(outputs):
        raise ValueError(
            f"There are {len(outputs)} images and {len(truth)} labels; give as many, at least one."
        )
    shares = outputs.softmax(dim=1) if loss == "cross_entropy" else nearest_probabilities(outputs)
    guesses = outputs.argmax(dim=1)
    return Examination(
        labels=truth,
        outputs=outputs.numpy(),
        probabilities=shares.numpy(),
        guesses=guesses.numpy(),
        confidence=shares.gather(1, guesses[:, None])[:, 0].numpy(),
    )


def accuracy_by_class(
    examination: Examination, classes: Sequence[str], *, level: float = 0.95
) -> pd.DataFrame:
    """Accuracy on the images of each class, with Wilson's interval.

    Args:
        examination: Of images whose labels are 0 to ``len(classes) - 1``.
        classes: Names of the classes.
        level: Of confidence, between 0 and 1.

    Returns:
        One row per class: class, images, right, accuracy, low, high; NaN for a class without
        images.

    Example:
        >>> import mlcore
        >>> from mlcore.mnist import insight
        >>> digits = mlcore.mnist.load("mnist")
        >>> network = insight.on_pixels(mlcore.mnist.build_model(mlcore.MNISTConfig()), digits)
        >>> found = insight.examine(network, digits.test_images[:50], digits.test_labels[:50])
        >>> table = insight.accuracy_by_class(found, digits.classes)
        >>> print(table["images"].tolist())
        [5, 9, 5, 4, 9, 4, 3, 6, 0, 5]
    """
    rows = []
    for label, name in enumerate(classes):
        mine = examination.labels == label
        images, right = int(mine.sum()), int((mine & (examination.guesses == label)).sum())
        low, high = wilson_interval(right, images, level=level)
        accuracy = right / images if images else math.nan
        rows.append((name, images, right, accuracy, low, high))
    return pd.DataFrame(rows, columns=["class", "images", "right", "accuracy", "low", "high"])


def wilson_interval(successes: int, trials: int, *, level: float = 0.95) -> tuple[float, float]:
    """Wilson's confidence interval for a share of ``successes`` in ``trials``.

    With ``z`` the normal quantile: ``(p + z²/2n ± z √(p(1−p)/n + z²/4n²)) / (1 + z²/n)``
    (Wilson, Journal of the American Statistical Association 22, 1927).

    Returns:
        The bounds, within 0 to 1; NaN where there were no trials.

    Raises:
        ValueError: If the level is not between 0 and 1, or the successes are not 0 to ``trials``.

    Example:
        >>> import mlcore
        >>> low, high = mlcore.mnist.insight.wilson_interval(97, 100)
        >>> print(round(low, 3), round(high, 3))
        0.915 0.99
    """
    if not 0 < level < 1 or not 0 <= successes <= trials:
        raise ValueError(
            f"There are {successes} successes in {trials} trials at level {level:g}; give 0 to "
            f"{trials} and a level between 0 and 1."
        )
    if not trials:
        return math.nan, math.nan
    z = NormalDist().inv_cdf((1 + level) / 2)
    share = successes / trials
    middle = share + z**2 / (2 * trials)
    half = z * math.sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2))
    whole = 1 + z**2 / trials
    low, high = (middle - half) / whole, (middle + half) / whole
    return max(0.0, min(share, low)), min(1.0, max(share, high))  # against rounding at 0 and 1


def confident_mistakes(examination: Examination, count: int | None = None) -> pd.DataFrame:
    """The misclassified images, most confident first.

    Args:
        examination: Of the images.
        count: At most so many; None for all.

    Returns:
        place (among the images), true, guess, confidence (of the guess), of_true (the
        probability given to the true class).

    Example:
        >>> import mlcore
        >>> from mlcore.mnist import insight
        >>> digits = mlcore.mnist.load("mnist")
        >>> network = insight.on_pixels(mlcore.mnist.build_model(mlcore.MNISTConfig()), digits)
        >>> found = insight.examine(network, digits.test_images[:50], digits.test_labels[:50])
        >>> print(list(insight.confident_mistakes(found, 3).columns))
        ['place', 'true', 'guess', 'confidence', 'of_true']
    """
    wrong = np.flatnonzero(examination.guesses != examination.labels)
    order = wrong[np.argsort(-examination.confidence[wrong], kind="stable")][:count]
    return pd.DataFrame(
        {
            "place": order,
            "true": examination.labels[order],
            "guess": examination.guesses[order],
            "confidence": examination.confidence[order],
            "of_true": examination.probabilities[order, examination.labels[order]],
        }
    )
