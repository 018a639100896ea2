"""Norms of the gradients and weights of a model, taken while it trains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mlcore.core import InputError, InputTypeError
from mlcore.runs.logged.values import brief

if TYPE_CHECKING:
    import torch
    from torch import nn

MOST_WATCHED: Final = 300
"""Parameters of one model at most: each has two curves."""


class Watch:
    """Takes the norms of a model's parameters and of their gradients after backward passes.

    A gradient is taken when ``backward`` has added to ``.grad``: where ``.grad`` is not set to
    zero between passes, it is that of their sum. A hook stands on each parameter that needs a
    gradient; in between it costs an addition.

    Args:
        model: The model.
        every: Take every so many backward passes, the first included.
        prefix: Before each name.

    Attributes:
        model: The model.

    Raises:
        InputTypeError: If it is no module, or ``every`` no whole number.
        InputError: If ``every`` is below 1, or the model has no parameter that needs a gradient,
            or more than ``MOST_WATCHED``.
    """

    def __init__(self, model: nn.Module, every: int = 100, prefix: str = "") -> None:
        from torch import nn

        if not isinstance(model, nn.Module):
            raise InputTypeError(f"model is {brief(model)}, but must be a torch.nn.Module.")
        if type(every) is not int or every < 1:
            raise InputError(
                f"every is {brief(every)}, but must be a whole number of backward passes from 1."
            )
        watched = {name: p for name, p in model.named_parameters() if p.requires_grad}
        if not 0 < len(watched) <= MOST_WATCHED:
            raise InputError(
                f"The model has {len(watched):,} parameters that need a gradient, but 1 to "
                f"{MOST_WATCHED} can be watched. Watch a part of it, such as model.layer4."
            )
        self.model = model
        self._every, self._prefix = every, prefix
        self._taken: dict[str, torch.Tensor] = {}
        self._handles = [
            parameter.register_post_accumulate_grad_hook(_Hook(self, name))  # type: ignore[no-untyped-call]
            for name, parameter in watched.items()
        ]

    def take(self) -> dict[str, torch.Tensor]:
        """The norms that were taken since the last call, by name; scalars."""
        taken, self._taken = self._taken, {}
        return taken

    def note(self, name: str, parameter: torch.Tensor) -> None:
        """Take the norms of one parameter and its gradient."""
        if parameter.grad is not None:
            gradient = parameter.grad.detach()
            self._taken[f"{self._prefix}gradient_norm/{name}"] = gradient.norm()
        self._taken[f"{self._prefix}weight_norm/{name}"] = parameter.detach().norm()

    @property
    def every(self) -> int:
        """Backward passes from one taking to the next."""
        return self._every

    def close(self) -> None:
        """Remove the hooks."""
        for handle in self._handles:
            handle.remove()


class _Hook:
    """The hook of one parameter, which counts backward passes."""

    def __init__(self, watch: Watch, name: str) -> None:
        self._watch, self._name, self._passes = watch, name, 0

    def __call__(self, parameter: torch.Tensor) -> None:
        if self._passes % self._watch.every == 0:
            self._watch.note(self._name, parameter)
        self._passes += 1
