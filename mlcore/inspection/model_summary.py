"""A summary of any model: shapes, parameters, multiply-adds and activation memory of each layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from mlcore.core import InputError
from mlcore.inspection.batches import call, moved
from mlcore.inspection.curvature import MODES, Mode
from mlcore.inspection.layer_trace import (
    FAILURES,
    Shape,
    Trace,
    example_tensors,
    in_order,
    refusal,
    storages,
)
from mlcore.inspection.summary_text import as_html, as_text, size, with_unit
from mlcore.inspection.untouched import check_module, plain_kernels, untouched

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class LayerSummary:
    """One module of a model. Numbers are its own, those of the modules inside it left out.

    Attributes:
        name: Its name in the model, such as ``layer1.0.conv1``; empty for the model itself.
        kind: Its class.
        inputs: Shape of each tensor that came in, at the first call.
        outputs: Shape of each tensor that went out, at the first call.
        calls: How often it was called. A layer that was not called may be used all the same, as
            ``nn.MultiheadAttention`` uses the weights of its ``out_proj``.
        trainable: Parameters that require a gradient; one that several layers share counts in the
            first of them.
        frozen: The other parameters.
        shared: Whether some of its parameters were counted in a layer above.
        multiply_adds: Of matrix products, convolutions and attention in one forward pass.
        activation_bytes: Memory that one forward pass keeps for the backward pass.
    """

    name: str
    kind: str
    inputs: tuple[Shape, ...]
    outputs: tuple[Shape, ...]
    calls: int
    trainable: int
    frozen: int
    shared: bool
    multiply_adds: int
    activation_bytes: int

    @property
    def depth(self) -> int:
        """How deep it is nested; 0 for the model itself."""
        return self.name.count(".") + 1 if self.name else 0

    @property
    def parameters(self) -> int:
        """All of its own parameters."""
        return self.trainable + self.frozen


@dataclass(frozen=True, slots=True, eq=False)
class ModelSummary:
    """The layers of a model with one row each, and their totals; ``print`` shows the table.

    Attributes:
        layers: The model itself, then its modules: each followed by those inside it, in the order
            in which they are first called.
        mode: The mode of the layers in the forward pass, ``train`` or ``eval``.
        parameter_bytes: Memory of all parameters.
        buffer_bytes: Memory of all buffers, such as running statistics.
        input_bytes: Memory of the example input.
    """

    layers: tuple[LayerSummary, ...]
    mode: Mode
    parameter_bytes: int
    buffer_bytes: int
    input_bytes: int

    @property
    def parameters(self) -> int:
        """All parameters, each once."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def trainable(self) -> int:
        """Parameters that require a gradient."""
        return sum(layer.trainable for layer in self.layers)

    @property
    def multiply_adds(self) -> int:
        """Of one forward pass of the example; twice as many floating-point operations (FLOPs)."""
        return sum(layer.multiply_adds for layer in self.layers)

    @property
    def activation_bytes(self) -> int:
        """Memory that one forward pass of the example keeps for the backward pass."""
        return sum(layer.activation_bytes for layer in self.layers)

    def collapsed(self, depth: int) -> ModelSummary:
        """The same down to a depth, with what is deeper added to the layer that contains it.

        Args:
            depth: 0 leaves the model alone, 1 its direct children as well.

        Raises:
            InputError: If it is below 0.
        """
        if depth < 0:
            raise InputError(f"depth is {depth}, but must be at least 0.")
        rows: list[LayerSummary] = []
        for layer in self.layers:
            if layer.depth <= depth:
                rows.append(layer)
                continue
            above = rows[-1]
            rows[-1] = replace(
                above,
                trainable=above.trainable + layer.trainable,
                frozen=above.frozen + layer.frozen,
                multiply_adds=above.multiply_adds + layer.multiply_adds,
                activation_bytes=above.activation_bytes + layer.activation_bytes,
            )
        return replace(self, layers=tuple(rows))

    def table(self) -> pd.DataFrame:
        """One row a layer: name, kind, depth, inputs, outputs, calls, trainable, frozen, shared,
        multiply_adds, activation_bytes. Shapes are tuples of tuples.
        """  # noqa: D205 - the columns are the summary
        import pandas as pd

        columns = ["name", "kind", "depth", "inputs", "outputs", "calls", "trainable", "frozen"]
        columns += ["shared", "multiply_adds", "activation_bytes"]
        rows = [[getattr(layer, column) for column in columns] for layer in self.layers]
        return pd.DataFrame(rows, columns=columns)

    def __str__(self) -> str:
        return as_text(self.layers, self._totals())

    def __repr__(self) -> str:
        said = "; ".join(f"{name.lower()} {value}" for name, value in self._totals().items())
        return f"ModelSummary({self.layers[0].kind}: {len(self.layers)} modules; {said})"

    def _repr_html_(self) -> str:
        return as_html(self.layers, self._totals())

    def _totals(self) -> dict[str, str]:
        frozen = self.parameters - self.trainable
        return {
            "Parameters": f"{self.parameters:,}" + (f" ({frozen:,} frozen)" if frozen else ""),
            "Multiply-adds": with_unit(self.multiply_adds),
            "Memory": f"{size(self.parameter_bytes)} of parameters, {size(self.buffer_bytes)} of "
            f"buffers, {size(self.activation_bytes)} of activations in {self.mode} mode, "
            f"{size(self.input_bytes)} of input",
        }


def summary(model: nn.Module, example_input: Any, *, mode: Mode = "eval") -> ModelSummary:
    """Send an example through a model, and list its layers with shapes, parameters and costs.

    Multiply-adds are counted operation by operation, so that products outside of layers count as
    well: matrix products (also those of recurrent layers), convolutions and attention.
    Everything else counts as nothing, as is usual. The activation memory is what autograd keeps
    for the backward pass: each tensor once, at the layer that keeps it first, with parameters,
    buffers and the input left out; a frozen model keeps none. Recurrent layers are measured
    without their fused kernels, which keep a little more or less.

    The model, its mode, its statistics and the random states are left bit for bit as they were.

    Args:
        model: Any module.
        example_input: A tensor; or a tuple or list of arguments by position; or a dict by name.
        mode: ``eval``, or ``train``, in which normalization needs more than one sample.

    Raises:
        InputTypeError: If the model is no module.
        InputError: If the model fails on the example, with the layer where it does, or a layer has
            no shape yet.

    Example:
        >>> import mlcore, torch
        >>> from torch import nn
        >>> model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
        >>> shown = mlcore.summary(model, torch.zeros(16, 4))
        >>> print(shown.parameters, shown.multiply_adds, [row.outputs for row in shown.layers[1:]])
        58 768 [((16, 8),), ((16, 8),), ((16, 2),)]
    """
    model = getattr(check_module(model), "_orig_mod", model)  # of torch.compile
    if mode not in MODES:
        raise InputError(f"mode is {mode!r}, but must be 'train' or 'eval'.")
    inputs = example_tensors(example_input)
    with (
        untouched(model, weights=False),
        plain_kernels(model),
        torch.inference_mode(mode=False),
        torch.enable_grad(),
    ):
        model.train(mode == "train")
        given = moved(example_input, model)
        trace = Trace(model, ignore=given)
        with trace:
            try:
                call(model, given)
            except FAILURES as error:
                raise InputError(refusal(trace.current, error)) from error
    return ModelSummary(
        tuple(_rows(model, trace)),
        mode,
        parameter_bytes=sum(storages(model.parameters()).values()),
        buffer_bytes=sum(storages(model.buffers()).values()),
        input_bytes=sum(storages(inputs).values()),
    )


def _rows(model: nn.Module, trace: Trace) -> Iterator[LayerSummary]:
    counted: set[int] = set()
    for name, module in in_order(model, {name: seen.first for name, seen in trace.seen.items()}):
        own = dict.fromkeys(module.parameters(recurse=False))
        new = [parameter for parameter in own if id(parameter) not in counted]
        counted.update(map(id, own))
        seen = trace.seen[name]
        yield LayerSummary(
            name,
            type(module).__name__,
            seen.inputs,
            seen.outputs,
            seen.calls,
            sum(p.numel() for p in new if p.requires_grad),
            sum(p.numel() for p in new if not p.requires_grad),
            len(new) < len(own),
            seen.multiply_adds,
            seen.activation_bytes,
        )
