"""The optimizers, and their state as named tensors.

They are torch's own, less the doors to torch's compiler that its decorators open: the first
optimizer of a process imports ``torch._dynamo``, which takes more than a second and is used for
nothing here. tests/bench/first_step.py measures it.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor, nn, optim
from torch.optim import Optimizer

if TYPE_CHECKING:
    from mlcore.mnist.config import MNISTConfig

STATE_PREFIX: Final = "optimizer."


class _Uncompiled(Optimizer):
    add_param_group = inspect.unwrap(Optimizer.add_param_group)
    state_dict = inspect.unwrap(Optimizer.state_dict)
    load_state_dict = inspect.unwrap(Optimizer.load_state_dict)


class SGD(_Uncompiled, optim.SGD):
    """``torch.optim.SGD``."""

    step = torch.no_grad()(inspect.unwrap(optim.SGD.step))


class Adam(_Uncompiled, optim.Adam):
    """``torch.optim.Adam``."""

    step = torch.no_grad()(inspect.unwrap(optim.Adam.step))


class AdamW(_Uncompiled, optim.AdamW):
    """``torch.optim.AdamW``."""

    step = torch.no_grad()(inspect.unwrap(optim.AdamW.step))


class RMSprop(_Uncompiled, optim.RMSprop):
    """``torch.optim.RMSprop``."""

    step = torch.no_grad()(inspect.unwrap(optim.RMSprop.step))


def build_optimizer(config: MNISTConfig, model: nn.Module) -> Optimizer:
    """The optimizer of a config over all of a network's parameters.

    Where torch has one kernel that updates all parameters at once, that one is used.
    """
    parameters = list(model.parameters())
    match config.optimizer:
        case "sgd":
            return SGD(
                parameters,
                lr=config.lr,
                momentum=config.momentum,
                nesterov=config.nesterov,
                weight_decay=config.weight_decay,
                fused=True,
            )
        case "adam" | "adamw":
            return (Adam if config.optimizer == "adam" else AdamW)(
                parameters,
                lr=config.lr,
                betas=(config.beta1, config.beta2),
                weight_decay=config.weight_decay,
                fused=True,
            )
        case "rmsprop":
            return RMSprop(
                parameters,
                lr=config.lr,
                momentum=config.momentum,
                weight_decay=config.weight_decay,
                foreach=True,
            )


def set_learning_rate(optimizer: Optimizer, lr: float) -> None:
    """Use this learning rate from the next step on."""
    for group in optimizer.param_groups:
        group["lr"] = lr


def optimizer_tensors(optimizer: Optimizer) -> dict[str, Tensor]:
    """The optimizer's state by name, ``optimizer.<number of the parameter>.<what>``; no copies."""
    return {
        f"{STATE_PREFIX}{number}.{key}": value
        for number, state in optimizer.state_dict()["state"].items()
        for key, value in state.items()
        if isinstance(value, Tensor)
    }


def put_optimizer_tensors(optimizer: Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """The inverse of ``optimizer_tensors``; other names are left alone."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if not name.startswith(STATE_PREFIX):
            continue
        number, key = name.removeprefix(STATE_PREFIX).split(".", maxsplit=1)
        parameter = parameters[int(number)]
        if value.shape == parameter.shape:  # in the parameter's own memory layout
            value = torch.empty_like(parameter, requires_grad=False).copy_(value)
        state.setdefault(int(number), {})[key] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
