"""Double descent: least squares on random ReLU features, from few features to many.

Sources: Belkin, Hsu, Ma and Mandal, "Reconciling modern machine-learning practice and the classical
bias–variance trade-off", PNAS 2019: the test error peaks where the model just interpolates the
training set. Hastie, Montanari, Rosset and Tibshirani, "Surprises in high-dimensional ridgeless
least squares interpolation", Annals of Statistics 2022: with n examples the variance of
minimum-norm least squares diverges at width = n, and ridge removes the divergence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from mlcore.core import InputError
from mlcore.generalization.checks import real, whole
from mlcore.generalization.data import MOST_NOISE, MOST_SEED
from mlcore.generalization.polynomial import LEAST_STRENGTH, MOST_STRENGTH

MOST_EXAMPLES: Final = 200
MOST_WIDTH: Final = 4000
TEST_EXAMPLES: Final = 200
_SHARES: Final = (
    *(0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0, 1.05, 1.1, 1.25, 1.5),
    *(1.75, 2.0, 2.5, 3.0, 4.0, 5.0, 7.0, 10.0),
)


@dataclass(frozen=True, slots=True, eq=False)
class _Decomposed:
    """Features of one width, Φ = U·diag(s)·Vᵀ, with k = min(n, width).

    Attributes:
        left: U ``[D, n, k]``.
        values: s ``[D, k]``.
        test: The test examples' features times V, ``[D, T, k]``.
    """

    left: Tensor
    values: Tensor
    test: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class RandomFeatures:
    """Examples and their random ReLU features at several widths, in several draws.

    The examples x are normal with ``inputs`` numbers each. Feature k is ReLU(v_k·x)/√width with v_k
    normal of variance 1/inputs; more features keep the earlier ones. The target is β·x, |β| = 1.

    Attributes:
        n: Training examples.
        inputs: Numbers of each example.
        widths: Numbers of features, rising.
        clean: Targets without noise of n training and 200 test examples, float64 ``[D, n + 200]``.
        noise: Normal noise of variance 1 for each of them.
        raw: Features without the factor 1/√width, ``[D, n + 200, widest]``.
    """

    n: int
    inputs: int
    widths: tuple[int, ...]
    clean: Tensor
    noise: Tensor
    raw: Tensor
    parts: tuple[_Decomposed, ...]

    def features(self, width: int, draw: int = 0) -> tuple[Tensor, Tensor]:
        """Features of the training and of the test examples, ``[n, width]``, ``[200, width]``."""
        both = self.raw[draw, :, :width] / width**0.5
        return both[: self.n], both[self.n :]

    def targets(self, noise: float, draw: int = 0) -> tuple[Tensor, Tensor]:
        """Noisy targets of the training and of the test examples, ``[n]``, ``[200]``."""
        both = self.clean[draw] + noise * self.noise[draw]
        return both[: self.n], both[self.n :]


@dataclass(frozen=True, slots=True, eq=False)
class DoubleDescent:
    """Errors and norms against the width, medians over the draws, float64 ``[K]``.

    Attributes:
        widths: Numbers of features.
        train: Mean squared error of the minimum-norm solution over the training examples.
        test: The same over fresh test examples, noise included.
        norm: Length of its weight vector.
        ridge_train: As ``train`` for ridge.
        ridge_test: As ``test`` for ridge.
        ridge_norm: As ``norm`` for ridge.
        threshold: Where theory puts the peak: width = n.
        peak: The width with the largest test error of those measured.
    """

    widths: tuple[int, ...]
    train: Tensor
    test: Tensor
    norm: Tensor
    ridge_train: Tensor
    ridge_test: Tensor
    ridge_norm: Tensor
    threshold: int

    @property
    def peak(self) -> int:
        """The width with the largest test error of those measured."""
        return self.widths[int(self.test.argmax())]


@dataclass(frozen=True, slots=True, eq=False)
class WidthFit:
    """Both solutions at one width, in the first draw.

    Attributes:
        target: Noisy targets of the test examples, ``[200]``.
        least_norm: Predictions of the minimum-norm solution, ``[200]``.
        ridge: Predictions of ridge, ``[200]``.
        max_difference: The largest difference between the minimum-norm predictions by the formula
            V·diag(1/s)·Uᵀy and by ``torch.linalg.lstsq``.
    """

    target: Tensor
    least_norm: Tensor
    ridge: Tensor
    max_difference: float


def widths_around(n: int) -> tuple[int, ...]:
    """Widths from n/20 to 10·n, dense around n.

    Example:
        >>> import mlcore
        >>> mlcore.generalization.widths_around(10)
        (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 15, 18, 20, 25, 30, 40, 50, 70, 100)
    """
    n = whole("n", n, 2, MOST_EXAMPLES)
    return tuple(sorted({max(1, round(n * share)) for share in _SHARES}))


def draw_features(
    n: int = 40,
    *,
    inputs: int = 10,
    draws: int = 5,
    seed: int = 0,
    widths: Sequence[int] | None = None,
) -> RandomFeatures:
    """Draw examples and features, and decompose the features of every width once.

    Args:
        n: Training examples, 2 to 200.
        inputs: Numbers of each example, 1 to 100.
        draws: Independent draws of everything, 1 to 50.
        seed: The same seed gives the same bits.
        widths: Numbers of features, 1 to 4,000; None for ``widths_around(n)``.

    Raises:
        InputError: If an argument is out of bounds.

    Example:
        >>> import mlcore
        >>> features = mlcore.generalization.draw_features(20, widths=[10, 20, 200])
        >>> print(features.widths, features.features(200)[0].shape)
        (10, 20, 200) torch.Size([20, 200])
    """
    n = whole("n", n, 2, MOST_EXAMPLES)
    inputs = whole("inputs", inputs, 1, 100)
    draws = whole("draws", draws, 1, 50)
    seed = whole("seed", seed, 0, MOST_SEED)
    chosen = widths_around(n) if widths is None else tuple(sorted(set(widths)))
    if not chosen:
        raise InputError("widths is empty: name at least one number of features.")
    for width in chosen:
        whole("each of widths", width, 1, MOST_WIDTH)
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(draws, *shape, generator=generator, dtype=torch.float64)

    examples = n + TEST_EXAMPLES
    x, direction, noise = normal(examples, inputs), normal(inputs, 1), normal(examples)
    clean = (x @ (direction / direction.norm(dim=1, keepdim=True))).squeeze(-1)
    raw = (x @ (normal(inputs, chosen[-1]) / inputs**0.5)).relu()
    parts = []
    for width in chosen:
        both = raw[..., :width] / width**0.5
        left, values, right = torch.linalg.svd(both[:, :n], full_matrices=False)
        parts.append(_Decomposed(left, values, both[:, n:] @ right.mT))
    return RandomFeatures(n, inputs, chosen, clean, noise, raw, tuple(parts))


def double_descent(
    features: RandomFeatures, *, noise: float = 0.5, strength: float = 0.01
) -> DoubleDescent:
    """The errors of minimum-norm least squares and of ridge at every width.

    Ridge minimizes ‖y − Φw‖²/(2n) + λ/2·|w|²; the minimum-norm solution is its limit for λ → 0,
    w = V·diag(1/s)·Uᵀy over the singular values above 0.

    Args:
        features: See ``draw_features``.
        noise: Standard deviation σ of the targets' noise, 0 to 10.
        strength: λ of ridge, 1e-8 to 1,000.

    Raises:
        InputError: If an argument is out of bounds.

    Example:
        >>> from mlcore.generalization import double_descent, draw_features
        >>> result = double_descent(draw_features(30))
        >>> print(result.threshold, bool(result.test.max() > 10 * result.ridge_test.max()))
        30 True
    """
    noise, strength = _checked(noise, strength)
    n, y = features.n, (features.clean + noise * features.noise).unsqueeze(-1)
    found: dict[str, list[Tensor]] = {}
    for part in features.parts:
        for prefix, filters in (
            ("", _inverse(part.values)),
            ("ridge_", _shrunk(part.values, n, strength)),
        ):
            spread = filters.unsqueeze(-1) * (part.left.mT @ y[:, :n])  # Vᵀw, [D, k, 1]
            fitted = part.left @ (part.values.unsqueeze(-1) * spread)
            for name, value in (
                ("train", (fitted - y[:, :n]).square().mean((1, 2))),
                ("test", (part.test @ spread - y[:, n:]).square().mean((1, 2))),
                ("norm", spread.norm(dim=1).flatten()),
            ):
                found.setdefault(prefix + name, []).append(value.median())
    curves = {name: torch.stack(values) for name, values in found.items()}
    return DoubleDescent(widths=features.widths, threshold=n, **curves)


def fit_at_width(
    features: RandomFeatures, width: int, *, noise: float = 0.5, strength: float = 0.01
) -> WidthFit:
    """Both solutions at one of the widths, in the first draw.

    Args:
        features: See ``draw_features``.
        width: One of ``features.widths``.
        noise: Standard deviation σ of the targets' noise, 0 to 10.
        strength: λ of ridge, 1e-8 to 1,000.

    Raises:
        InputError: If an argument is out of bounds.

    Example:
        >>> from mlcore.generalization import draw_features, fit_at_width
        >>> fit = fit_at_width(draw_features(30), 60)
        >>> print(fit.least_norm.shape, fit.max_difference < 1e-9)
        torch.Size([200]) True
    """
    noise, strength = _checked(noise, strength)
    if width not in features.widths:
        known = ", ".join(map(str, features.widths))
        raise InputError(f"width is {width}, but these features were drawn for {known}.")
    part = features.parts[features.widths.index(width)]
    y, target = features.targets(noise)
    components = part.left[0].T @ y
    least_norm = part.test[0] @ (_inverse(part.values[0]) * components)
    ridge = part.test[0] @ (_shrunk(part.values[0], features.n, strength) * components)
    seen, unseen = features.features(width)
    weights = torch.linalg.lstsq(seen, y.unsqueeze(-1), driver="gelsd").solution
    difference = (least_norm - (unseen @ weights).squeeze(-1)).abs().max()
    return WidthFit(target, least_norm, ridge, float(difference))


def _checked(noise: float, strength: float) -> tuple[float, float]:
    return (
        real("noise", noise, 0, MOST_NOISE),
        real("strength (λ)", strength, LEAST_STRENGTH, MOST_STRENGTH),
    )


def _inverse(values: Tensor) -> Tensor:
    """1/s, and 0 where s is 0 but for rounding."""
    least = values[..., :1] * (torch.finfo(values.dtype).eps * 10)
    return torch.where(values > least, 1 / values, 0.0)


def _shrunk(values: Tensor, n: int, strength: float) -> Tensor:
    return values / (values.square() + n * strength)
