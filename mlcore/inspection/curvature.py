"""The largest eigenvalue of the loss's Hessian, and the largest stable rate 2/λ."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, Literal

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from mlcore.core import DivergenceError, InputError
from mlcore.inspection.batches import Loss, generators, loss_of, once, trainable
from mlcore.inspection.untouched import (
    check_module,
    plain_kernels,
    random_states,
    seeded,
    untouched,
)

Mode = Literal["train", "eval"]
MODES: Final[tuple[Mode, ...]] = ("train", "eval")

Vector = list[Tensor]
"""One tensor for each parameter, of its shape."""


@dataclass(frozen=True, slots=True)
class Sharpness:
    """The largest eigenvalue of the Hessian of a loss, known as its sharpness.

    Attributes:
        eigenvalue: λ, in units of the loss per squared parameter; below 0 where the loss curves
            downwards along every direction.
        residual: ‖Hv − λv‖ for the unit vector v found. The Hessian is symmetric, so one of its
            eigenvalues is no farther from λ than this.
        converged: Whether the residual is at most the tolerance times the size of λ.
        products: How many Hessian-vector products it took.
        batches: Over how many batches the loss was averaged.
        mode: The mode of the layers: ``train`` or ``eval``.
    """

    eigenvalue: float
    residual: float
    converged: bool
    products: int
    batches: int
    mode: Mode

    @property
    def largest_rate(self) -> float:
        """2/λ: above it, plain gradient descent on this loss moves away along v.

        Infinite where λ is not above 0. It is exact for a quadratic loss; elsewhere it holds near
        the weights at which λ was measured.
        """
        return 2 / self.eigenvalue if self.eigenvalue > 0 else math.inf

    def __str__(self) -> str:
        unsure = "" if self.converged else f" (± {self.residual:.2g}, not converged)"
        over = f"{self.batches} batch" + ("es" if self.batches > 1 else "")
        return (
            f"2/λ = {self.largest_rate:.3g}, with λ = {self.eigenvalue:.4g}{unsure} "
            f"over {over} in {self.mode} mode"
        )


def sharpness(
    model: nn.Module,
    loss: Loss,
    data: Iterable[Any],
    *,
    batches: int = 1,
    mode: Mode = "train",
    tolerance: float = 1e-3,
    iterations: int = 100,
    seed: int = 0,
) -> Sharpness:
    """Measure the largest eigenvalue λ of the loss's Hessian, by power iteration.

    Each iteration multiplies a vector by the Hessian, Hv = ∂(∂L/∂w · v)/∂w, by differentiating
    twice (Pearlmutter, Neural Computation 6, 1994), so that the Hessian is never built. Power
    iteration finds the eigenvalue that is largest in absolute value. If that is negative, or if it
    does not settle, it goes on with H + ‖H‖, whose largest eigenvalue is λ + ‖H‖. Gradient descent
    with a rate above 2/λ is unstable (Cohen et al., arXiv:2103.00065).

    The model, the loss's own state and the random states are left bit for bit as they were. The
    same dropout masks are drawn for every product.

    Args:
        model: Any module; parameters that require no gradient are left out.
        loss: From output and target to a scalar.
        data: (input, target) batches. An input that is a tuple or a list goes in by position, a
            dict by name.
        batches: How many of them, at most: the loss is the mean of theirs. For λ of a whole data
            set take all of it; the memory is that of one batch.
        mode: Of the layers. ``train`` is what training sees, with the statistics of the batch
            in BatchNorm and with dropout; ``eval`` is the network that is used afterwards.
        tolerance: Iterates until ‖Hv − λv‖ is at most this part of λ. The relative error of λ is
            then at most that, and of the order of its square where the next eigenvalue is far.
        iterations: At most, for each of the two; then ``converged`` is False.
        seed: Of the first vector, of dropout and of the data's order.

    Raises:
        InputError: If an argument is out of bounds or there is nothing to differentiate.
        InputTypeError: If the model is no module or a batch is no pair.
        DivergenceError: If loss or Hessian is not finite.
        RuntimeError: torch's own, if an operation of the model cannot be differentiated twice.

    Example:
        >>> import mlcore, torch
        >>> model = torch.nn.Linear(2, 1, bias=False)
        >>> x, y = torch.tensor([[3.0, 0.0], [0.0, 1.0]]), torch.zeros(2, 1)
        >>> found = mlcore.inspection.sharpness(model, torch.nn.functional.mse_loss, [(x, y)])
        >>> print(round(found.eigenvalue, 3), round(found.largest_rate, 3))
        9.0 0.222
    """
    check_module(model)
    if mode not in MODES:
        raise InputError(f"mode is {mode!r}, but must be 'train' or 'eval'.")
    if not 0 < tolerance < 1:
        raise InputError(f"tolerance is {tolerance}, but must be above 0 and below 1.")
    if batches < 1 or iterations < 1:
        raise InputError(
            f"batches is {batches} and iterations {iterations}, but each must be at least 1."
        )
    with untouched(model, loss, *generators(data)), seeded(seed), plain_kernels(model):
        model.train(mode == "train")
        with sdpa_kernel(SDPBackend.MATH):
            taken = list(islice(once(data), batches))
            product = _Products(model, loss, taken)
            start = _first_vector(product.parameters, seed)
            value, residual, found = _largest(product, start, tolerance, iterations)
        return Sharpness(value, residual, found, product.count, len(taken), mode)


class _Products:
    """Multiplies vectors by the Hessian of the mean loss over some batches."""

    def __init__(self, model: nn.Module, loss: Loss, batches: Sequence[tuple[Any, Any]]) -> None:
        self.parameters = trainable(model)
        self.count = 0
        self._model, self._loss, self._batches = model, loss, batches
        self._rewind = random_states()
        # of one batch the graph is kept, of several it is made anew for each product
        self._kept = self._gradient(batches[0]) if len(batches) == 1 else None

    def __call__(self, vector: Vector) -> Vector:
        self.count += 1
        total = [torch.zeros_like(part) for part in vector]
        for batch in self._batches:
            gradient = self._kept or self._gradient(batch)
            parts = [(g, v) for g, v in zip(gradient, vector, strict=True) if g.requires_grad]
            if not parts:  # a loss that is linear in the parameters
                continue
            products = torch.autograd.grad(
                [g for g, _ in parts],
                self.parameters,
                [v for _, v in parts],
                retain_graph=self._kept is not None,
                allow_unused=True,
            )
            if all(product is None for product in products):  # torch says nothing by itself
                raise RuntimeError("an operation's backward pass is not differentiable")
            for into, product in zip(total, products, strict=True):
                if product is not None:
                    into += product / len(self._batches)
        return total

    def _gradient(self, batch: tuple[Any, Any]) -> tuple[Tensor, ...]:
        for step in self._rewind:  # the same dropout masks each time
            step()
        value = loss_of(self._model, self._loss, batch)
        if not math.isfinite(float(value.detach())):
            raise DivergenceError(
                f"The loss is {float(value.detach())}, which has no curvature. Check the input and "
                "the weights for NaN and infinities."
            )
        return torch.autograd.grad(
            value, self.parameters, create_graph=True, materialize_grads=True
        )


def _largest(
    product: Callable[[Vector], Vector], start: Vector, tolerance: float, iterations: int
) -> tuple[float, float, bool]:
    """The largest eigenvalue, its residual, and whether that is within the tolerance."""
    value, residual, norm = _iterate(product, start, 0.0, tolerance, iterations)
    if value >= 0 and residual <= tolerance * value:
        return value, residual, True
    # all eigenvalues of H + norm are at least about 0, so that the largest in absolute value is
    # the largest; norm is above ‖Hv‖ of every v so far
    value, residual, _ = _iterate(product, start, norm, tolerance, iterations)
    return value, residual, residual <= tolerance * abs(value)


def _iterate(
    product: Callable[[Vector], Vector],
    start: Vector,
    shift: float,
    tolerance: float,
    iterations: int,
) -> tuple[float, float, float]:
    """Power iteration on H + shift: Rayleigh quotient of H, residual, and the largest ‖Hv‖."""
    vector, norm = start, 0.0
    value = residual = 0.0
    for _ in range(iterations):
        moved = product(vector)
        value, squared = _dot(vector, moved), _dot(moved, moved)
        if not math.isfinite(squared):
            raise DivergenceError(
                "A product with the Hessian is not finite. Check the weights for NaN and "
                "infinities, and the loss for roots and logarithms of 0."
            )
        norm = max(norm, math.sqrt(squared))
        gap = [m - value * v for m, v in zip(moved, vector, strict=True)]
        residual = math.sqrt(_dot(gap, gap))
        following = [m + shift * v for m, v in zip(moved, vector, strict=True)]
        length = math.sqrt(_dot(following, following))
        if residual <= tolerance * abs(value) or length == 0:
            break
        vector = [part / length for part in following]
    return value, residual, norm


def _first_vector(parameters: Sequence[Tensor], seed: int) -> Vector:
    generator = torch.Generator().manual_seed(seed)
    drawn = [
        torch.randn(p.shape, generator=generator, dtype=torch.float64).to(p.device, p.dtype)
        for p in parameters
    ]
    length = math.sqrt(_dot(drawn, drawn))
    return [part / length for part in drawn]


def _dot(a: Vector, b: Vector) -> float:
    return math.fsum(
        float(torch.dot(left.flatten().double(), right.flatten().double()))
        for left, right in zip(a, b, strict=True)
    )
