"""Paired runs: two configs that differ in one field, compared over equal seeds."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from mlcore.mnist.batches import batch_order
from mlcore.mnist.config import MNISTConfig
from mlcore.mnist.models import build_model


@dataclass(frozen=True, slots=True)
class Pair:
    """An experiment of two configs (arms) that differ in one field, repeated over seeds.

    Attributes:
        field: The field in which the arms differ.
        arms: What each arm is called → its value of the field; two of them.
        base: Every other field.
        seeds: One pair of runs a seed.
    """

    field: str
    arms: Mapping[str, Any]
    base: MNISTConfig
    seeds: tuple[int, ...]

    def config(self, arm: str, seed: int) -> MNISTConfig:
        """The config of one arm under one seed."""
        return self.base.replace(seed=seed, **{self.field: self.arms[arm]})

    def configs(self) -> dict[tuple[str, int], MNISTConfig]:
        """All configs by arm and seed, the arms of one seed adjacent."""
        return {(arm, seed): self.config(arm, seed) for seed in self.seeds for arm in self.arms}


@dataclass(frozen=True, slots=True)
class SameStart:
    """Whether two runs start from the same weights and see the same batches in the same order.

    Attributes:
        weights: SHA-256 of the first weights of each, in order of the two.
        difference: max |Δ| between the first weights.
        order: SHA-256 of the places of the images in every batch of the whole run, of each.
        batches: How many batches that are.
    """

    weights: tuple[str, str]
    difference: float
    order: tuple[str, str]
    batches: int

    @property
    def same(self) -> bool:
        """Whether weights and batches are equal, apart from the field under test."""
        return self.weights[0] == self.weights[1] and self.order[0] == self.order[1]


def same_start(one: MNISTConfig, other: MNISTConfig) -> SameStart:
    """Compare the initial weights of two configs, and the batches they will train on.

    Raises:
        ValueError: If their networks do not have the same layers, so that nothing can be compared.

    Example:
        >>> import mlcore
        >>> one = mlcore.MNISTConfig(train_size=200, hidden=(8,), loss="mse")
        >>> start = mlcore.mnist.insight.same_start(one, one.replace(loss="cross_entropy"))
        >>> print(start.same, start.difference)
        True 0.0
    """
    first, second = build_model(one).state_dict(), build_model(other).state_dict()
    if {k: v.shape for k, v in first.items()} != {k: v.shape for k, v in second.items()}:
        raise ValueError("The two networks have other layers: pair configs of one architecture.")
    gaps = [float((first[k].double() - second[k].double()).abs().max()) for k in first]
    return SameStart(
        weights=(_digest(first.values()), _digest(second.values())),
        difference=max(gaps, default=0.0),
        order=(_digest(batch_order(one)), _digest(batch_order(other))),
        batches=min(one.epochs * one.steps_per_epoch(), other.epochs * other.steps_per_epoch()),
    )


def paired_accuracy(values: Mapping[tuple[str, int], float], arms: Sequence[str]) -> pd.DataFrame:
    """Accuracy of two arms under each seed, and the differences.

    Args:
        values: By arm and seed; seeds that lack an arm are left out.
        arms: The two arms; the difference is the second less the first.

    Returns:
        One row per seed: seed, each arm's value under its name, difference.

    Raises:
        ValueError: If there are not two arms.

    Example:
        >>> import mlcore
        >>> values = {("sgd", 0): 0.90, ("adam", 0): 0.92, ("sgd", 1): 0.91}
        >>> table = mlcore.mnist.insight.paired_accuracy(values, ("sgd", "adam"))
        >>> print(table.round(2).to_dict("records"))
        [{'seed': 0, 'sgd': 0.9, 'adam': 0.92, 'difference': 0.02}]
    """
    first, second = _two(arms)
    seeds = sorted({seed for _, seed in values})
    whole = [seed for seed in seeds if (first, seed) in values and (second, seed) in values]
    frame = pd.DataFrame(
        {
            "seed": whole,
            first: [values[first, seed] for seed in whole],
            second: [values[second, seed] for seed in whole],
        }
    )
    frame["difference"] = frame[second] - frame[first]
    return frame


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """The mean of paired differences with its interval.

    Attributes:
        mean: Mean difference.
        deviation: Standard deviation of the differences (n − 1); NaN for a single pair.
        low: Lower end of the interval of the mean, by Student's t; NaN for a single pair.
        high: Upper end, likewise.
        pairs: How many.
    """

    mean: float
    deviation: float
    low: float
    high: float
    pairs: int


def paired_difference(
    differences: Sequence[float] | NDArray[np.float64], *, level: float = 0.95
) -> PairedDifference:
    """Student's interval of the mean of paired differences: ``d̄ ± t_{n−1} s/√n``.

    Raises:
        ValueError: If there are no differences.

    Example:
        >>> import mlcore
        >>> result = mlcore.mnist.insight.paired_difference([0.01, 0.03, 0.02])
        >>> print(round(result.mean, 3), round(result.low, 3), round(result.high, 3), result.pairs)
        0.02 -0.005 0.045 3
    """
    given = np.asarray(differences, dtype=np.float64)
    if not len(given):
        raise ValueError("There are no differences: give at least one pair.")
    mean = float(given.mean())
    if len(given) < 2:
        return PairedDifference(mean, math.nan, math.nan, math.nan, 1)
    from scipy.stats import t

    deviation = float(given.std(ddof=1))
    half = float(t.ppf((1 + level) / 2, len(given) - 1)) * deviation / math.sqrt(len(given))
    return PairedDifference(mean, deviation, mean - half, mean + half, len(given))


@dataclass(frozen=True, slots=True, eq=False)
class Disagreement:
    """Counts of where two networks are right or wrong on the same images.

    Attributes:
        both_right: How many both get right.
        only_first: How many only the first gets right.
        only_second: How many only the second gets right.
        both_wrong: How many both get wrong.
        places: Where their guesses differ, those that one of them gets right first.
        p_value: Of McNemar's exact test that each is as likely to be the better one where just
            one of them is right (McNemar, Psychometrika 12, 1947): a two-sided binomial test.
    """

    both_right: int
    only_first: int
    only_second: int
    both_wrong: int
    places: NDArray[np.int64]
    p_value: float


def disagreement(
    labels: NDArray[np.int64], first: NDArray[np.int64], second: NDArray[np.int64]
) -> Disagreement:
    """Compare the predictions of two networks for the same images, each ``[N]``.

    Example:
        >>> import mlcore, numpy
        >>> labels = numpy.array([1, 2, 3])
        >>> first, second = numpy.array([1, 2, 0]), numpy.array([1, 0, 0])
        >>> result = mlcore.mnist.insight.disagreement(labels, first, second)
        >>> print(result.both_right, result.only_first, result.only_second, result.both_wrong)
        1 1 0 1
    """
    from scipy.stats import binomtest

    one, two = first == labels, second == labels
    only_first, only_second = int((one & ~two).sum()), int((two & ~one).sum())
    lone = only_first + only_second
    differing = np.flatnonzero(first != second)
    order = np.argsort(~(one | two)[differing], kind="stable")
    return Disagreement(
        both_right=int((one & two).sum()),
        only_first=only_first,
        only_second=only_second,
        both_wrong=int((~one & ~two).sum()),
        places=differing[order],
        p_value=float(binomtest(only_first, lone).pvalue) if lone else 1.0,
    )


def _digest(tensors: Any) -> str:
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(torch.as_tensor(tensor).contiguous().numpy().tobytes())
    return digest.hexdigest()


def _two(arms: Sequence[str]) -> tuple[str, str]:
    if len(arms) != 2:
        raise ValueError(f"There are {len(arms)} arms, but a pair has 2.")
    first, second = islice(arms, 2)
    return first, second
