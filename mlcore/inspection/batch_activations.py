"""Activations and gradients in each layer of any model, for one batch."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor, nn

from mlcore.core import DivergenceError, InputError
from mlcore.inspection.batches import Loss, loss_of, pair, trainable
from mlcore.inspection.curvature import MODES, Mode
from mlcore.inspection.layer_trace import in_order, tensors_in
from mlcore.inspection.summary_text import aligned
from mlcore.inspection.untouched import check_module, seeded, untouched

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

FLAT: Final = 1e-3
"""A slope below this counts as saturated, as in ``mlcore.layers.unit_activity``."""

_ELEMENTWISE: Final = (
    nn.CELU,
    nn.ELU,
    nn.GELU,
    nn.Hardshrink,
    nn.Hardsigmoid,
    nn.Hardswish,
    nn.Hardtanh,
    nn.LeakyReLU,
    nn.LogSigmoid,
    nn.Mish,
    nn.PReLU,
    nn.ReLU,
    nn.ReLU6,
    nn.SELU,
    nn.SiLU,
    nn.Sigmoid,
    nn.Softplus,
    nn.Softshrink,
    nn.Softsign,
    nn.Tanh,
    nn.Tanhshrink,
    nn.Threshold,
)
"""Activation functions that act on each value alone, so that each has a slope."""


@dataclass(frozen=True, slots=True)
class LayerActivations:
    """What one layer gave back for a batch, and the gradients that reached it.

    Numbers that do not exist are NaN: the slope of a Linear, the weights of a ReLU.

    Attributes:
        name: Its name in the model.
        kind: Its class.
        mean: Of its output (the first tensor that it returns), over all values of all calls.
        std: Standard deviation of the same, divisor n.
        zeros: Share of the output's values that are exactly 0.
        dead: Share of the output's units that are 0 for every sample.
        saturated: Share of an activation function's values at which its slope is below ``FLAT``.
        gradient_rms: Root mean square of the loss's gradient with respect to the output.
        weight_norm: Euclidean norm of its own parameters that require a gradient.
        weight_gradient_norm: Euclidean norm of the loss's gradient with respect to these.
    """

    name: str
    kind: str
    mean: float
    std: float
    zeros: float
    dead: float
    saturated: float
    gradient_rms: float
    weight_norm: float
    weight_gradient_norm: float


_NUMBERS: Final = {
    "mean": "Mean",
    "std": "Std",
    "zeros": "Zeros",
    "dead": "Dead",
    "saturated": "Saturated",
    "gradient_rms": "Gradient RMS",
    "weight_norm": "‖w‖",
    "weight_gradient_norm": "‖∂L/∂w‖",
}
_SHARES: Final = ("zeros", "dead", "saturated")


@dataclass(frozen=True, slots=True, eq=False)
class Activations:
    """Activations and gradients of a model for one batch; ``print`` shows the table.

    Attributes:
        layers: In the order in which they are first called: those without modules inside them, and
            those with parameters of their own.
        loss: The loss of the batch.
        mode: The mode of the layers, ``train`` or ``eval``.
    """

    layers: tuple[LayerActivations, ...]
    loss: float
    mode: Mode

    def table(self) -> pd.DataFrame:
        """One row a layer, with the attributes of ``LayerActivations`` as columns."""
        import pandas as pd

        columns = ["name", "kind", *_NUMBERS]
        rows = [[getattr(layer, column) for column in columns] for layer in self.layers]
        return pd.DataFrame(rows, columns=columns)

    def chart(self) -> alt.HConcatChart:
        """Spread of the activations, shares of zeros and saturation, and gradients by layer."""
        from mlcore.charts.inspection import activations_chart

        return activations_chart(self.table(), mode=self.mode)

    def __str__(self) -> str:
        rows = [
            (
                layer.name or "(model)",
                layer.kind,
                *(_text(name, getattr(layer, name)) for name in _NUMBERS),
            )
            for layer in self.layers
        ]
        columns = ("Layer", "Type", *_NUMBERS.values())
        below = {"Loss": f"{self.loss:.6g}, in {self.mode} mode"}
        return aligned(columns, rows, words=2, below=below)

    def __repr__(self) -> str:
        known = [layer for layer in self.layers if layer.gradient_rms > 0]
        said = f"{len(self.layers)} layers; loss {self.loss:.4g} in {self.mode} mode"
        if known:
            low = min(known, key=lambda layer: layer.gradient_rms)
            high = max(known, key=lambda layer: layer.gradient_rms)
            said += (
                f"; gradient from {low.gradient_rms:.2g} ({low.name or 'model'}) "
                f"to {high.gradient_rms:.2g} ({high.name or 'model'})"
            )
        return f"Activations({said})"

    def _repr_mimebundle_(self, *args: Any, **kwargs: Any) -> Any:
        return self.chart()._repr_mimebundle_(*args, **kwargs)


def activations(
    model: nn.Module, loss: Loss, batch: tuple[Any, Any], *, mode: Mode = "train", seed: int = 0
) -> Activations:
    """Send a batch forward and its gradient back, and measure both in each layer.

    Gradients that shrink or grow by a constant factor from layer to layer, spreads that do, units
    that are dead and values that are saturated tell why a deep network does not train: see the
    page Initialization and ``mlcore.layers.propagate`` for the theory.

    The model, ``.grad`` and the random states are left bit for bit as they were.

    Args:
        model: Any module.
        loss: From output and target to a scalar.
        batch: (input, target). An input that is a tuple or a list goes in by position, a dict by
            name.
        mode: Of the layers: ``train``, with dropout and the batch's own statistics, or ``eval``.
        seed: Of dropout.

    Raises:
        InputTypeError: If the model is no module or the batch is no pair.
        InputError: If there is nothing to differentiate.
        DivergenceError: If the loss is not finite.

    Example:
        >>> import mlcore, torch
        >>> from torch import nn
        >>> model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
        >>> batch = (torch.ones(16, 4), torch.zeros(16, 2))
        >>> shown = mlcore.activations(model, nn.functional.mse_loss, batch)
        >>> print([layer.kind for layer in shown.layers], shown.table().shape)
        ['Linear', 'ReLU', 'Linear'] (3, 10)
    """
    check_module(model)
    if mode not in MODES:
        raise InputError(f"mode is {mode!r}, but must be 'train' or 'eval'.")
    own = pair(batch)
    with untouched(model, loss, weights=False), seeded(seed):
        model.train(mode == "train")
        watch = _Watch(model)
        with watch:
            value = loss_of(model, loss, own)
            number = float(value.detach())
            if not math.isfinite(number):
                raise DivergenceError(
                    f"The loss is {number}. Check the input and the weights for NaN and infinities."
                )
            parameters = trainable(model)
            found = torch.autograd.grad(value, parameters, allow_unused=True)
        gradients = {id(p): g for p, g in zip(parameters, found, strict=True) if g is not None}
    return Activations(tuple(_rows(model, watch, gradients)), number, mode)


def _rows(
    model: nn.Module, watch: _Watch, gradients: dict[int, Tensor]
) -> Iterator[LayerActivations]:
    first = {name: seen.first for name, seen in watch.seen.items()}
    for name, module in in_order(model, first):
        own = [p for p in module.parameters(recurse=False) if p.requires_grad]
        seen = watch.seen[name]
        if not own and (seen.out.count == 0 or any(True for _ in module.children())):
            continue
        yield LayerActivations(
            name,
            type(module).__name__,
            seen.out.mean if seen.out.count else math.nan,
            seen.out.std,
            _share(seen.zeros, seen.out.count),
            _share(seen.dead, seen.units),
            _share(seen.flat, seen.slopes),
            math.sqrt(seen.grad.square) if seen.grad.count else math.nan,
            _norm(own) if own else math.nan,
            _norm([gradients[id(p)] for p in own if id(p) in gradients]) if own else math.nan,
        )


class _Moments:
    """Count, mean and sum of squared deviations, merged tensor by tensor (Chan et al., 1979)."""

    def __init__(self) -> None:
        self.count, self.mean, self._deviations = 0, 0.0, 0.0

    def add(self, values: Tensor) -> None:
        values = values.detach().double()
        count, mean = values.numel(), float(values.mean())
        gap, total = mean - self.mean, self.count + count
        self._deviations += float((values - mean).square().sum())
        self._deviations += gap * gap * self.count * count / total
        self.mean += gap * count / total
        self.count = total

    @property
    def std(self) -> float:
        return math.sqrt(self._deviations / self.count) if self.count else math.nan

    @property
    def square(self) -> float:
        """The mean of the squares."""
        return self.mean**2 + self._deviations / self.count


class _Seen:
    def __init__(self) -> None:
        self.first = math.inf
        self.out, self.grad = _Moments(), _Moments()
        self.zeros = self.dead = self.units = self.flat = self.slopes = 0


class _Watch:
    """While it is entered, measures what each module returns and the gradient that comes back."""

    def __init__(self, model: nn.Module) -> None:
        self._names = {module: name for name, module in model.named_modules()}
        self.seen = {name: _Seen() for name in self._names.values()}
        self._calls = 0
        self._stack = ExitStack()

    def __enter__(self) -> _Watch:
        for module in self._names:
            self._stack.callback(module.register_forward_pre_hook(self._begin).remove)
            self._stack.callback(module.register_forward_hook(self._end).remove)
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def _begin(self, module: nn.Module, given: tuple[Any, ...]) -> None:
        seen = self.seen[self._names[module]]
        self._calls += 1
        seen.first = min(seen.first, self._calls)
        # before the call, as an in-place activation overwrites what it is given
        if isinstance(module, _ELEMENTWISE) and given and isinstance(given[0], Tensor):
            x = given[0].detach().clone().requires_grad_()
            (slope,) = torch.autograd.grad(module.forward(x.clone()).sum(), x)
            seen.flat += int((slope.abs() < FLAT).sum())
            seen.slopes += slope.numel()

    def _end(self, module: nn.Module, _: Any, returned: Any) -> None:
        out = next((t for t in tensors_in(returned) if t.is_floating_point()), None)
        if out is None or not out.numel():
            return
        seen = self.seen[self._names[module]]
        seen.out.add(out)
        zero = out.detach() == 0
        seen.zeros += int(zero.sum())
        dead = zero.all(0) if zero.ndim else zero
        seen.dead += int(dead.sum())
        seen.units += dead.numel()
        if out.requires_grad:
            out.register_hook(seen.grad.add)  # type: ignore[no-untyped-call]  # torch's own


def _share(part: int, whole: int) -> float:
    return part / whole if whole else math.nan


def _norm(tensors: Sequence[Tensor]) -> float:
    return math.sqrt(math.fsum(float(t.detach().double().square().sum()) for t in tensors))


def _text(name: str, value: float) -> str:
    if math.isnan(value):
        return "–"
    return f"{value:.1%}" if name in _SHARES else f"{value:.3g}"
