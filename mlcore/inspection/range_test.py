"""The learning-rate range test: which rates train, and which diverge."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable, Sized
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import Optimizer

from mlcore.core import DivergenceError, InputError, InputTypeError
from mlcore.inspection import suggestions
from mlcore.inspection.batches import Loss, endless, generators, loss_of, trainable
from mlcore.inspection.curvature import Sharpness, sharpness
from mlcore.inspection.untouched import check_module, seeded, untouched

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

MakeOptimizer = Callable[..., Optimizer]
"""Called as ``make(parameters, lr=rate)``, as each class of ``torch.optim`` is."""


_TOLERANCE: Final = 1e-2
"""Relative error of λ: a rate is seldom meant to more digits, and each takes more products."""


@dataclass(frozen=True, slots=True, eq=False)
class RangeTest:
    """The loss at each learning rate tried, the rates that it suggests, and 2/λ beside them.

    Attributes:
        rates: Learning rates in the order tried, ascending; float64 ``[steps]``.
        losses: The loss of each batch before the step with that rate; the last may not be finite.
        smoothed: Running mean of the losses (see ``lr_find``).
        valley: Middle of the longest stretch over which the smoothed loss falls, or None.
        steepest: Where the smoothed loss falls fastest against log(rate), or None.
        tenth_of_lowest: A tenth of the rate at which the smoothed loss was lowest, or None.
        diverged: The rate at which it was stopped since the loss had diverged, or None.
        sharpness: The largest eigenvalue of the Hessian at the weights given, or None.
        optimizer: Name of the optimizer's class.
        note: Why ``sharpness`` is None, or what to know about 2/λ; empty if nothing is.
    """

    rates: NDArray[np.float64]
    losses: NDArray[np.float64]
    smoothed: NDArray[np.float64]
    valley: float | None
    steepest: float | None
    tenth_of_lowest: float | None
    diverged: float | None
    sharpness: Sharpness | None
    optimizer: str
    note: str = ""

    @property
    def suggestion(self) -> float | None:
        """The rate to begin with: ``valley``, as fastai suggests by default."""
        return self.valley

    @property
    def largest_stable_rate(self) -> float | None:
        """2/λ, the largest stable rate of plain gradient descent; None where it is not known."""
        return None if self.sharpness is None else self.sharpness.largest_rate

    def table(self) -> pd.DataFrame:
        """One row a step: step (from 0), rate, loss, smoothed."""
        import pandas as pd

        return pd.DataFrame(
            {
                "step": range(len(self.rates)),
                "rate": self.rates,
                "loss": self.losses,
                "smoothed": self.smoothed,
            }
        )

    def chart(self) -> alt.LayerChart:
        """Loss against learning rate, with the suggestion, 2/λ and the divergence marked."""
        import pandas as pd

        from mlcore.charts.inspection import range_test_chart

        marks = {
            "suggestion": self.suggestion,
            "steepest": self.steepest,
            "2/λ": self.largest_stable_rate,
            "diverged": self.diverged,
        }
        known = {name: rate for name, rate in marks.items() if rate and math.isfinite(rate)}
        borders = pd.DataFrame({"name": list(known), "rate": list(known.values())})
        return range_test_chart(self.table(), borders, optimizer=self.optimizer)

    def __repr__(self) -> str:
        shown = {
            "suggestion": self.suggestion,
            "steepest": self.steepest,
            "diverged at": self.diverged,
        }
        found = [f"{name} {rate:.3g}" for name, rate in shown.items() if rate is not None]
        if self.suggestion is None:
            found.insert(0, "no suggestion")
        if self.sharpness is not None:
            found.append(str(self.sharpness))
        span = f"{len(self.rates)} rates from {self.rates[0]:.3g} to {self.rates[-1]:.3g}"
        return f"RangeTest({span}, {self.optimizer}: {'; '.join(found)})"

    def _repr_mimebundle_(self, *args: Any, **kwargs: Any) -> Any:
        return self.chart()._repr_mimebundle_(*args, **kwargs)


def lr_find(
    model: nn.Module,
    loss: Loss,
    data: Iterable[Any],
    *,
    low: float = 1e-7,
    high: float = 10.0,
    steps: int = 100,
    optimizer: Optimizer | MakeOptimizer | None = None,
    smoothing: float = 0.98,
    stop_factor: float = 4.0,
    curvature_batches: int = 1,
    seed: int = 0,
) -> RangeTest:
    """Find a learning rate: train briefly while the rate grows, and watch the loss.

    The range test of Smith (arXiv:1506.01186), as fastai does it: step k of n is taken in train
    mode with the rate low·(high/low)^(k/(n − 1)). The loss is smoothed by the debiased running
    mean m_k = β·m_{k−1} + (1 − β)·L_k, divided by 1 − β^k, and the test stops early where that
    exceeds ``stop_factor`` times its lowest value (for a loss below 0: the lowest plus as much)
    or is not finite. The suggestion is the middle of the longest valley of the smoothed loss, the
    first tenth and the last five points left out; unlike in fastai, a fall of less than a
    thousandth of the curve's range does not count, as else a loss without noise, of one batch
    read again and again, would fall from the first rate on.

    Beside it stands a second opinion that does not train: 2/λ, with λ the largest eigenvalue of
    the loss's Hessian at the weights given, to a hundredth (see ``mlcore.inspection.sharpness``),
    above which plain gradient descent is unstable.

    Model, optimizer, loss, the random states and a DataLoader's generator are left bit for bit
    as they were: weights, buffers, ``.grad``, ``requires_grad`` and modes, also after an
    exception or Ctrl-C.

    Args:
        model: Any module.
        loss: From output and target to a scalar; a function or a module.
        data: (input, target) batches, read again from the first where they end. An input that is
            a tuple or a list goes in by position, a dict by name.
        low: The first rate.
        high: The last rate.
        steps: How many rates, at least 2; the suggestions need some 20.
        optimizer: One of the model's parameters, which goes on from its state and is restored;
            all its groups take the rate. Or a class, such as ``torch.optim.Adam``. By default
            plain gradient descent (SGD without momentum), to which 2/λ applies.
        smoothing: β, from 0 (none) to below 1.
        stop_factor: Above 1; infinity never stops before the loss is not finite.
        curvature_batches: Over how many batches λ is measured; 0 leaves it out.
        seed: Of dropout, of the data's order, and of the power iteration.

    Raises:
        InputError: If an argument is out of bounds or there is nothing to train.
        InputTypeError: If the model is no module, or a batch is no pair.
        DivergenceError: If the loss is not finite at the first batch already.

    Example:
        >>> import mlcore, torch
        >>> model = torch.nn.Linear(2, 1, bias=False)
        >>> _ = torch.nn.init.zeros_(model.weight)
        >>> x, y = torch.tensor([[3.0, 0.0], [0.0, 1.0]]), torch.ones(2, 1)
        >>> found = mlcore.lr_find(model, torch.nn.functional.mse_loss, [(x, y)], high=100)
        >>> print(round(found.largest_stable_rate, 3), found.diverged > 2 / 9)
        0.222 True
        >>> chart = found.chart()
    """
    _check(low, high, steps, smoothing, stop_factor, curvature_batches)
    check_module(model)
    given = optimizer if isinstance(optimizer, Optimizer) else None
    if isinstance(data, Sized):  # else some batches would count twice in λ
        curvature_batches = min(curvature_batches, len(data))
    with untouched(model, loss, given, *generators(data)), seeded(seed):
        made = given or _made(optimizer or torch.optim.SGD, model, low)
        batches = endless(data)
        first = list(islice(batches, max(curvature_batches, 1)))
        curved, note = _curvature(model, loss, first, seed) if curvature_batches else (None, "")
        model.train()
        rates = np.geomspace(low, high, steps)
        losses = _losses(model, loss, chain(first, batches), made, rates)
        with closing(losses):
            measured, smoothed, diverged = _watch(losses, rates, smoothing, stop_factor)
    rates = rates[: len(measured)]
    judged = suggestions.judged(rates, smoothed)
    if curved is not None and not _is_plain(made):
        note = f"2/λ is the limit of plain gradient descent, not of this {type(made).__name__}."
    return RangeTest(
        rates,
        measured,
        smoothed,
        suggestions.valley(*judged),
        suggestions.steepest(*judged),
        suggestions.tenth_of_lowest(*judged),
        diverged,
        curved,
        type(made).__name__,
        note,
    )


def _check(
    low: float,
    high: float,
    steps: int,
    smoothing: float,
    stop_factor: float,
    curvature_batches: int,
) -> None:
    if not 0 < low < high < math.inf:
        raise InputError(f"low is {low} and high {high}, but it must hold that 0 < low < high.")
    if steps < 2:
        raise InputError(f"steps is {steps}, but must be at least 2.")
    if not 0 <= smoothing < 1:
        raise InputError(f"smoothing is {smoothing}, but must be from 0 to below 1.")
    if not stop_factor > 1:
        raise InputError(f"stop_factor is {stop_factor}, but must be above 1.")
    if curvature_batches < 0:
        raise InputError(f"curvature_batches is {curvature_batches}, but must be at least 0.")


def _made(make: Any, model: nn.Module, rate: float) -> Optimizer:
    made = make(trainable(model), lr=rate) if callable(make) else None
    if not isinstance(made, Optimizer):
        raise InputTypeError(
            f"optimizer is {make!r}, but must be a torch.optim.Optimizer or a class of torch.optim."
        )
    return made


def _is_plain(optimizer: Optimizer) -> bool:
    """Whether its step is w − rate·gradient and nothing else."""
    return type(optimizer) is torch.optim.SGD and not any(
        group["momentum"] or group["weight_decay"] for group in optimizer.param_groups
    )


def _curvature(
    model: nn.Module, loss: Loss, batches: list[tuple[Any, Any]], seed: int
) -> tuple[Sharpness | None, str]:
    """The sharpness, or None and the reason: the test itself needs no second derivative."""
    try:
        found = sharpness(
            model, loss, batches, batches=len(batches), tolerance=_TOLERANCE, seed=seed
        )
    except DivergenceError as error:
        return None, f"No 2/λ: {error}"
    except RuntimeError as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        return None, f"No 2/λ: the model cannot be differentiated twice ({reason})."
    return found, ""


def _losses(
    model: nn.Module,
    loss: Loss,
    batches: Iterable[tuple[Any, Any]],
    optimizer: Optimizer,
    rates: NDArray[np.float64],
) -> Generator[float]:
    """The loss of each batch, a step with its rate taken when the next is asked for.

    Raises:
        InputError: If the optimizer does not hold the model's parameters, or is LBFGS.
    """
    if isinstance(optimizer, torch.optim.LBFGS):
        raise InputError(
            "LBFGS needs a closure and searches its own step. Choose another optimizer."
        )
    own = {id(parameter) for parameter in model.parameters()}
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    if own.isdisjoint(map(id, parameters)):
        raise InputError("The optimizer holds no parameter of this model. Give this model's own.")
    parameters = [parameter for parameter in parameters if parameter.requires_grad]
    for rate, batch in zip(rates.tolist(), batches, strict=False):
        value = loss_of(model, loss, batch)
        yield float(value.detach())
        # not backward(), which would also write to inputs that require a gradient
        gradients = torch.autograd.grad(value, parameters, allow_unused=True)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        for group in optimizer.param_groups:
            tensor = isinstance(group["lr"], Tensor)
            group["lr"] = torch.full_like(group["lr"], rate) if tensor else rate
        optimizer.step()


def _watch(
    losses: Iterable[float], rates: NDArray[np.float64], smoothing: float, stop_factor: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], float | None]:
    """Losses and smoothed losses until they diverge, and the rate at which they did.

    Raises:
        DivergenceError: If the first loss is not finite.
    """
    measured: list[float] = []
    smoothed: list[float] = []
    mean, share, lowest = 0.0, 0.0, math.inf
    diverged = None
    for place, value in enumerate(losses):
        if place == 0 and not math.isfinite(value):
            raise DivergenceError(
                f"The loss is {value} at the first batch, before any step. Check the input and the "
                "weights for NaN and infinities."
            )
        mean = smoothing * mean + (1 - smoothing) * value
        share = smoothing * share + (1 - smoothing)
        measured.append(value)
        smoothed.append(mean / share)
        lowest = min(lowest, smoothed[-1])
        if not smoothed[-1] <= lowest + (stop_factor - 1) * abs(lowest):
            # the rate that led here is that of the step before
            diverged = float(rates[place - 1])
            break
    return np.array(measured), np.array(smoothed), diverged
