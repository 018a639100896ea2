"""What one microbatch adds to its batch's optimizer step."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class MicrobatchResult:
    """The gradients and metrics of one microbatch.

    Attributes:
        gradients: The microbatch's part of the gradient: a tensor a parameter, or one for all.
        loss: Its part of the batch's mean loss, a scalar; None if not requested.
        right: How many images have their largest output at their label; None if not requested.
    """

    gradients: tuple[Tensor, ...]
    loss: Tensor | None
    right: Tensor | None
