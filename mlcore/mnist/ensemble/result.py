"""What one batch gives the members of an ensemble."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from mlcore.mnist.batches import Batches, Microbatch
from mlcore.mnist.ensemble.key import DrawKey


@dataclass(frozen=True, slots=True, eq=False)
class MembersResult:
    """The metrics of one batch, before the weights moved.

    Attributes:
        losses: The mean loss of each member, ``[K]``.
        right: How many images each has its largest output at the label of, int64 ``[K]``.
    """

    losses: Tensor
    right: Tensor


class Gradient(Protocol):
    """A way to compute the gradients of K networks."""

    def compute(
        self,
        batches: Mapping[DrawKey, Batches],
        microbatches: Mapping[DrawKey, Sequence[Microbatch]],
        *,
        tell: bool,
    ) -> tuple[Sequence[Tensor], MembersResult | None]:
        """Compute those of one batch.

        Args:
            batches: The images of each seed and fold.
            microbatches: Of each seed and fold, of the whole batch.
            tell: Whether the metrics are needed.

        Returns:
            For each parameter a stack ``[K, …]``, which the next batch may overwrite, and the
            metrics.
        """
        ...
