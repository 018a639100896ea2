"""Norms and histograms of the gradients and weights of a model, taken while it trains."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from mlcore.core import InputError, InputTypeError
from mlcore.runs.logged.media import MOST_MEDIA, Histogram
from mlcore.runs.logged.values import brief

if TYPE_CHECKING:
    import torch
    from torch import nn

MOST_WATCHED: Final = 300
"""Parameters of one model at most: each has two curves."""

MOST_HISTOGRAMS: Final = 600
"""Histograms of all watched models of a run, of the 1,000 files that are kept of it."""

FEWEST_MOMENTS: Final = 4
"""At which histograms are to be taken at least, or else they tell little."""

_BLOCKS: Final = 8


class Watch:
    """Takes norms, and histograms if wanted, of a model's parameters and of their gradients.

    A gradient is taken when ``backward`` has added to ``.grad``: where ``.grad`` is not set to
    zero between passes, it is that of their sum. A hook stands on each parameter that needs a
    gradient; in between it costs an addition.

    Args:
        model: The model.
        every: Take norms every so many backward passes, the first included.
        prefix: Before each name.
        histograms: Take histograms every so many backward passes at first, the first included; 0
            takes none. See ``moments``.
        room: How many histograms it may take.

    Attributes:
        model: The model.
        histograms: How many it will take at most.

    Raises:
        InputTypeError: If it is no module, or a number of passes no whole number.
        InputError: If ``every`` is below 1 or ``histograms`` below 0, the model has no parameter
            that needs a gradient or more than ``MOST_WATCHED``, or there is no room for
            histograms of all of them.
    """

    def __init__(
        self,
        model: nn.Module,
        every: int = 100,
        prefix: str = "",
        histograms: int = 0,
        room: int = MOST_HISTOGRAMS,
    ) -> None:
        from torch import nn

        if not isinstance(model, nn.Module):
            raise InputTypeError(f"model is {brief(model)}, but must be a torch.nn.Module.")
        if type(every) is not int or every < 1:
            raise InputError(
                f"every is {brief(every)}, but must be a whole number of backward passes from 1."
            )
        if type(histograms) is not int or histograms < 0:
            raise InputError(
                f"histograms is {brief(histograms)}, but must be a whole number of backward passes "
                "from 1, or 0 for none."
            )
        watched = {name: p for name, p in model.named_parameters() if p.requires_grad}
        if not 0 < len(watched) <= MOST_WATCHED:
            raise InputError(
                f"The model has {len(watched):,} parameters that need a gradient, but 1 to "
                f"{MOST_WATCHED} can be watched. Watch a part of it, such as model.layer4."
            )
        self.model = model
        count = room // (2 * len(watched)) if histograms else 0
        if histograms and count < FEWEST_MOMENTS:
            raise InputError(
                f"The model has {len(watched):,} parameters that need a gradient, but there is "
                f"room for the histograms of {room // (2 * FEWEST_MOMENTS)}: {MOST_HISTOGRAMS} of "
                f"the {MOST_MEDIA:,} files of a run. Watch a part of it, such as model.layer4."
            )
        self.histograms = 2 * len(watched) * count
        self._every, self._prefix = every, prefix
        self._taken: dict[str, Any] = {}
        self._handles = [
            parameter.register_post_accumulate_grad_hook(  # type: ignore[no-untyped-call]
                _Hook(self, name, moments(histograms, count))
            )
            for name, parameter in watched.items()
        ]

    def take(self) -> dict[str, Any]:
        """What was taken since the last call, by name: scalars and histograms."""
        taken, self._taken = self._taken, {}
        return taken

    def note(self, name: str, parameter: torch.Tensor) -> None:
        """Take the norms of one parameter and its gradient."""
        for kind, tensor in _tensors(parameter):
            self._taken[f"{self._prefix}{kind}_norm/{name}"] = tensor.norm()

    def count(self, name: str, parameter: torch.Tensor) -> None:
        """Take the histograms of one parameter and its gradient."""
        for kind, tensor in _tensors(parameter):
            if tensor.numel():
                self._taken[f"{self._prefix}{kind}/{name}"] = Histogram(tensor)

    @property
    def every(self) -> int:
        """Backward passes from one taking of norms to the next."""
        return self._every

    def close(self) -> None:
        """Remove the hooks."""
        for handle in self._handles:
            handle.remove()


def moments(every: int, count: int) -> Iterator[int]:
    """The backward passes, from 0, after which histograms are taken.

    At first each ``every`` passes; after each eighth of them the distance doubles. So a run of any
    length has at most ``count``, and they are closest where most changes, at its begin.

    Example:
        >>> from mlcore.runs.logged.watching import moments
        >>> list(moments(10, 16))[:7]
        [0, 10, 20, 40, 60, 100, 140]
    """
    block = max(1, count // _BLOCKS)
    for moment in range(count):
        doublings, place = divmod(moment, block)
        yield every * (block * (2**doublings - 1) + place * 2**doublings)


def _tensors(parameter: torch.Tensor) -> Iterator[tuple[str, torch.Tensor]]:
    if parameter.grad is not None:
        yield "gradient", parameter.grad.detach()
    yield "weight", parameter.detach()


class _Hook:
    """The hook of one parameter, which counts backward passes."""

    def __init__(self, watch: Watch, name: str, due: Iterator[int]) -> None:
        self._watch, self._name, self._passes = watch, name, 0
        self._due = due
        self._next = next(due, -1)

    def __call__(self, parameter: torch.Tensor) -> None:
        if self._passes % self._watch.every == 0:
            self._watch.note(self._name, parameter)
        if self._passes == self._next:
            self._watch.count(self._name, parameter)
            self._next = next(self._due, -1)
        self._passes += 1
