"""Optimizer steps over stacked parameters, each member with its own settings.

The same formulas as the classes of ``torch.optim`` that ``mlcore.mnist.optimizers`` builds, and a
member's state goes by the same names, so that it can go on as a single run.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor

from mlcore.mnist.optimizers import STATE_PREFIX

if TYPE_CHECKING:
    from mlcore.mnist.config import MNISTConfig

ADAM_EPS: Final = 1e-8
RMSPROP_EPS: Final = 1e-8
RMSPROP_ALPHA: Final = 0.99
_OfMember = tuple[list[Tensor], list[Tensor], dict[str, list[Tensor]]]

KERNEL_EACH: Final = ("cpu",)
"""Devices where a kernel call a member costs less than going over the memory more often."""


class StackedOptimizer:
    """One optimizer step for K members at once.

    Args:
        configs: Of the members; ``optimizer`` and ``nesterov`` are the same in all.
        parameters: Stacks ``[K, …]``, changed in place.
        states: What each member's optimizer holds, by the names of ``optimizer_tensors``; empty
            at the start.
        steps: Steps taken before.
    """

    def __init__(
        self,
        configs: Sequence[MNISTConfig],
        parameters: Sequence[Tensor],
        states: Sequence[Mapping[str, Tensor]],
        steps: int,
    ) -> None:
        self._configs = list(configs)
        self._rule = configs[0].optimizer
        self._nesterov = configs[0].nesterov
        self._flat = [_flat(stack) for stack in parameters]
        self._shapes = [stack.shape[1:] for stack in parameters]
        self._steps = steps
        self._momentum = self._column([config.momentum for config in configs])
        self._decay = self._column([config.weight_decay for config in configs])
        self._betas = [
            self._column([getattr(config, name) for config in configs])
            for name in ("beta1", "beta2")
        ]
        self._moving = any(config.momentum for config in configs)
        self._decaying = any(config.weight_decay for config in configs)
        self._memory = {
            key: [
                torch.stack(
                    [
                        _flat_one(state.get(f"{STATE_PREFIX}{number}.{key}"), flat[member])
                        for member, state in enumerate(states)
                    ]
                )
                for number, flat in enumerate(self._flat)
            ]
            for key in self._keys()
        }
        self._seen: Sequence[Tensor] | None = None
        self._of_members: list[_OfMember] = []

    def step(self, gradients: Sequence[Tensor], rates: Sequence[float]) -> None:
        """Take a step.

        Args:
            gradients: Stacks like the parameters; they may be overwritten. The same list each
                time is quicker.
            rates: The learning rate of each member.
        """
        self._steps += 1
        if self._rule != "rmsprop" and self._flat[0].device.type in KERNEL_EACH:
            self._each(gradients, rates)
            return
        lr = self._column(rates)
        with torch.no_grad():
            for number, (flat, gradient) in enumerate(zip(self._flat, gradients, strict=True)):
                g = gradient.reshape(len(gradient), -1)
                memory = {key: values[number] for key, values in self._memory.items()}
                match self._rule:
                    case "sgd":
                        self._sgd(flat, g, memory, lr)
                    case "rmsprop":
                        self._rmsprop(flat, g, memory, lr)
                    case _:
                        self._adam(flat, g, memory, lr, decoupled=self._rule == "adamw")

    def state(self, member: int) -> dict[str, Tensor]:
        """One member's state by the names of ``mlcore.mnist.optimizers.optimizer_tensors``."""
        config = self._configs[member]
        named: dict[str, Tensor] = {}
        for number, shape in enumerate(self._shapes):
            if self._rule != "sgd":
                named[f"{STATE_PREFIX}{number}.step"] = torch.tensor(float(self._steps))
            for key, values in self._memory.items():
                if key != "momentum_buffer" or config.momentum:
                    named[f"{STATE_PREFIX}{number}.{key}"] = values[number][member].view(shape)
        return named if self._steps else {}

    def keep(self, members: Sequence[int], parameters: Sequence[Tensor]) -> None:
        """Reduce to these members, whose parameters are these stacks."""
        chosen = torch.tensor(members, device=self._flat[0].device)
        self._configs = [self._configs[member] for member in members]
        self._flat = [_flat(stack) for stack in parameters]
        self._momentum, self._decay = self._momentum[chosen], self._decay[chosen]
        self._betas = [column[chosen] for column in self._betas]
        self._memory = {
            key: [value[chosen] for value in values] for key, values in self._memory.items()
        }
        self._seen = None

    def _keys(self) -> tuple[str, ...]:
        momentum = ("momentum_buffer",) if self._moving else ()
        return {"sgd": momentum, "rmsprop": ("square_avg", *momentum)}.get(
            self._rule, ("exp_avg", "exp_avg_sq")
        )

    def _column(self, values: Sequence[float]) -> Tensor:
        first = self._flat[0]
        return torch.tensor(values, dtype=first.dtype, device=first.device)[:, None]

    def _sgd(self, w: Tensor, g: Tensor, memory: Mapping[str, Tensor], lr: Tensor) -> None:
        """``torch.optim.SGD``: v ← μ v + g, w ← w − η v, or η (g + μ v) with Nesterov's."""
        if self._decaying:
            g = g.addcmul_(w, self._decay)
        if self._moving:
            v = memory["momentum_buffer"].mul_(self._momentum).add_(g)
            g = g.addcmul_(v, self._momentum) if self._nesterov else v
        w.addcmul_(g, lr, value=-1)

    def _rmsprop(self, w: Tensor, g: Tensor, memory: Mapping[str, Tensor], lr: Tensor) -> None:
        """``torch.optim.RMSprop``: s ← α s + (1 − α) g², v ← μ v + g / (√s + ε), w ← w − η v."""
        if self._decaying:
            g = g.addcmul_(w, self._decay)
        square = memory["square_avg"].mul_(RMSPROP_ALPHA).addcmul_(g, g, value=1 - RMSPROP_ALPHA)
        g = g.div_(square.sqrt().add_(RMSPROP_EPS))
        if self._moving:
            g = memory["momentum_buffer"].mul_(self._momentum).add_(g)
        w.addcmul_(g, lr, value=-1)

    def _each(self, gradients: Sequence[Tensor], rates: Sequence[float]) -> None:
        """The kernels of ``SGD``, ``Adam`` and ``AdamW`` as torch.optim calls them, by member.

        They go over the memory once where the formulas go three to eleven times.
        """
        if gradients is not self._seen:
            self._seen = gradients
            self._of_members = self._views(gradients)
        step = []
        if self._rule != "sgd":
            step = [torch.tensor(float(self._steps))] * len(self._flat)
        with torch.no_grad():
            for config, lr, (w, g, memory) in zip(
                self._configs, rates, self._of_members, strict=True
            ):
                if self._rule == "sgd":
                    torch._fused_sgd_(
                        w,
                        g,
                        memory["momentum_buffer"] if config.momentum else [],
                        weight_decay=config.weight_decay,
                        momentum=config.momentum,
                        lr=lr,
                        dampening=0.0,
                        nesterov=self._nesterov,
                        maximize=False,
                        is_first_step=False,
                    )
                    continue
                kernel = torch._fused_adam_ if self._rule == "adam" else torch._fused_adamw_
                kernel(
                    w,
                    g,
                    memory["exp_avg"],
                    memory["exp_avg_sq"],
                    [],
                    step,
                    lr=lr,
                    beta1=config.beta1,
                    beta2=config.beta2,
                    weight_decay=config.weight_decay,
                    eps=ADAM_EPS,
                    amsgrad=False,
                    maximize=False,
                )

    def _views(self, gradients: Sequence[Tensor]) -> list[_OfMember]:
        """For each member its part of the parameters, of their gradients and of the memory."""
        flat = [gradient.reshape(len(gradient), -1) for gradient in gradients]
        memory = {key: _by_member(values) for key, values in self._memory.items()}
        return [
            (list(w), list(g), {key: list(values[member]) for key, values in memory.items()})
            for member, (w, g) in enumerate(
                zip(_by_member(self._flat), _by_member(flat), strict=True)
            )
        ]

    def _adam(
        self, w: Tensor, g: Tensor, memory: Mapping[str, Tensor], lr: Tensor, *, decoupled: bool
    ) -> None:
        """``torch.optim.Adam``, or ``AdamW``, whose weight decay leaves the gradient alone."""
        beta1, beta2 = self._betas
        if self._decaying and decoupled:
            w.mul_(1 - lr * self._decay)
        elif self._decaying:
            g = g.addcmul_(w, self._decay)
        mean = memory["exp_avg"].lerp_(g, 1 - beta1)
        square = memory["exp_avg_sq"].mul_(beta2).addcmul_(g.mul_(g), 1 - beta2)
        steps = self._steps
        unbiased = torch.tensor(
            [math.sqrt(1 - config.beta2**steps) for config in self._configs],
            dtype=w.dtype,
            device=w.device,
        )[:, None]
        rate = torch.tensor(
            [1 / (1 - config.beta1**steps) for config in self._configs],
            dtype=w.dtype,
            device=w.device,
        )[:, None]
        root = square.sqrt().div_(unbiased).add_(ADAM_EPS)
        w.addcmul_(root.reciprocal_().mul_(mean), lr * rate, value=-1)


def _by_member(stacks: Sequence[Tensor]) -> list[tuple[Tensor, ...]]:
    """For each member its slice of each stack."""
    return list(zip(*(stack.unbind() for stack in stacks), strict=True))


def _flat(stack: Tensor) -> Tensor:
    return stack.detach().view(len(stack), -1)


def _flat_one(saved: Tensor | None, like: Tensor) -> Tensor:
    if saved is None:
        return torch.zeros_like(like)
    return saved.to(like).reshape(-1)
