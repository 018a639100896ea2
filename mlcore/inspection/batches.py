"""Batches of any loader, and a model and a loss called on them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from mlcore.core import InputError, InputTypeError

Loss = Callable[[Any, Any], Tensor]
"""From a model's output and the target to a scalar."""


def pair(batch: object) -> tuple[Any, Any]:
    """Input and target of a batch.

    Raises:
        InputTypeError: If it is no pair.
    """
    if not isinstance(batch, (tuple, list)) or len(batch) != 2:
        what = f"{type(batch).__name__}" + (
            f" of {len(batch)}" if isinstance(batch, (tuple, list, dict)) else ""
        )
        raise InputTypeError(
            f"A batch is a {what}, but must be a pair (input, target). Map your batches to pairs: "
            "((input, target) for … in loader). An input may be a tuple or a dict of tensors."
        )
    return batch[0], batch[1]


def once(data: Iterable[object]) -> Iterator[tuple[Any, Any]]:
    """The batches of one pass.

    Raises:
        InputTypeError: If it cannot be iterated, or a batch is no pair.
        InputError: If there is none.
    """
    if isinstance(data, Tensor) or not isinstance(data, Iterable):
        raise InputTypeError(
            f"data is of type {type(data).__name__}, but must be an iterable of (input, target) "
            "batches, such as a DataLoader. A single batch goes into a list: [(x, y)]."
        )
    empty = True
    for batch in data:
        empty = False
        yield pair(batch)
    if empty:
        raise InputError("data holds no batch. Give at least one (input, target).")


def endless(data: Iterable[object]) -> Iterator[tuple[Any, Any]]:
    """The batches, again from the first when they end.

    Raises:
        InputTypeError: As ``once``.
        InputError: As ``once``, and if they can be read only once.
    """
    count = 0
    for batch in once(data):
        count += 1
        yield batch
    if iter(data) is data:
        raise InputError(
            f"data ended after {count:,} batches and cannot be read again. Give a list or a "
            f"DataLoader, or at most {count:,} steps."
        )
    while True:
        yield from once(data)


def generators(data: object) -> list[torch.Generator]:
    """The random generators of a DataLoader's own, and of its sampler."""
    owners = (data, getattr(data, "sampler", None), getattr(data, "batch_sampler", None))
    found = (getattr(owner, "generator", None) for owner in owners)
    return list({id(g): g for g in found if isinstance(g, torch.Generator)}.values())


def call(model: nn.Module, given: object) -> Any:
    """Call a model: a tuple or list by position, a dict by name, anything else alone."""
    if isinstance(given, (tuple, list)):
        return model(*given)
    if isinstance(given, Mapping):
        return model(**given)
    return model(given)


def moved(value: Any, model: nn.Module) -> Any:
    """The tensors of a nest on the model's device, if it is on one alone.

    Those made in inference mode are copied, as autograd refuses them.
    """
    devices = {parameter.device for parameter in model.parameters()}
    return _to(value, devices.pop() if len(devices) == 1 else None)


def _to(value: Any, device: torch.device | None) -> Any:
    match value:
        case Tensor():
            usual = value.clone() if value.is_inference() else value
            return usual if device is None else usual.to(device)
        case tuple() if hasattr(value, "_fields"):
            return type(value)(*(_to(item, device) for item in value))
        case tuple() | list():
            return type(value)(_to(item, device) for item in value)
        case dict():
            return {key: _to(item, device) for key, item in value.items()}
        case _:
            return value


def loss_of(model: nn.Module, loss: Loss, batch: tuple[Any, Any]) -> Tensor:
    """The loss of a model on a batch, a scalar with its graph.

    Raises:
        InputTypeError: If the loss returns no tensor.
        InputError: If it returns several numbers, or one that does not depend on the parameters.
    """
    given, target = moved(batch, model)
    value = loss(call(model, given), target)
    return scalar(value)


def scalar(value: object) -> Tensor:
    """What a loss returned, as a tensor of no dimension.

    Raises:
        InputTypeError: If it is no tensor.
        InputError: If it has several numbers, or does not depend on the parameters.
    """
    if not isinstance(value, Tensor):
        raise InputTypeError(
            f"The loss returned a {type(value).__name__}, but must return a tensor with one number."
        )
    if value.numel() != 1:
        raise InputError(
            f"The loss returned {value.numel():,} numbers of shape {tuple(value.shape)}, but must "
            "return one. Take their mean: loss(output, target).mean()."
        )
    if not value.requires_grad:
        raise InputError(
            "The loss does not depend on any parameter that requires a gradient. Look for frozen "
            "layers, .detach(), .item() or torch.no_grad() in the model or the loss."
        )
    return value.reshape(()) if value.ndim else value


def trainable(model: nn.Module) -> list[nn.Parameter]:
    """The parameters that require a gradient, each once.

    Raises:
        InputError: If there are none.
    """
    found = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if not found:
        raise InputError(
            "The model has no parameter that requires a gradient. Unfreeze a layer: "
            "layer.requires_grad_(True)."
        )
    return found
