"""``Step`` and ``Snapshot``: what an experiment yields, and the state to resume from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlcore.core.errors import RunStateError

if TYPE_CHECKING:
    import torch

MEASURED_METRICS = frozenset({"samples_per_second"})
"""Metrics that measure the machine and not the experiment: two equal runs differ in them."""


MODEL_PREFIX = "model."
"""Tensors of a snapshot under this prefix are the network's ``state_dict``."""

BEST_PREFIX = "best."
"""Before that prefix: the weights of the best epoch, where a run keeps those."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The whole state of a training, from which it resumes bit for bit.

    Attributes:
        tensors: Weights, optimizer state and random state, by dotted name.
        meta: What is not a tensor, as JSON values: the step index, counts, names.
    """

    tensors: Mapping[str, torch.Tensor]
    meta: Mapping[str, Any] = field(default_factory=dict)

    def state_dict(self) -> dict[str, torch.Tensor]:
        """The network's weights: of the best epoch where the run keeps those, else the newest.

        Raises:
            RunStateError: If the run keeps the best epoch, and none has ended yet.
        """
        best = BEST_PREFIX + MODEL_PREFIX
        kept = best if any(name.startswith(best) for name in self.tensors) else MODEL_PREFIX
        if self.meta.get("keep") == "best" and kept != best:
            raise RunStateError(
                "keep is best, but this run has not reached its first validation, at the end of "
                "its first epoch: resume it, or train with keep=last."
            )
        return {
            name.removeprefix(kept): tensor
            for name, tensor in self.tensors.items()
            if name.startswith(kept)
        }

    def weights_alone(self, step: int) -> Snapshot:
        """The weights of ``state_dict`` and nothing else, as they are stored with a run.

        Args:
            step: The step they are recorded at.

        Raises:
            RunStateError: As ``state_dict`` does.
        """
        weights = {MODEL_PREFIX + name: tensor for name, tensor in self.state_dict().items()}
        return Snapshot(weights, {"step": step})


@dataclass(frozen=True, slots=True)
class Step:
    """One item that a running experiment yields: index, progress, metrics and arrays.

    Attributes:
        index: Optimizer steps taken so far; 0 is the state before the first.
        done: Work done, in the unit of ``total`` (optimizer steps unless the experiment says so).
        total: Work in all; ``done / total`` is the progress.
        metrics: What was measured at this step, by name. Empty where the step only shows life.
            All but ``MEASURED_METRICS`` are the same bit for bit in two runs of one config.
        arrays: Tensors that belong to this step, such as a confusion matrix after an epoch.
        snapshot: Copies the whole state when called. Call it before taking the next step;
            it costs nothing if it is not called.

    Example:
        >>> import mlcore
        >>> step = list(mlcore.train(mlcore.RegressionConfig(steps=2)))[-1]
        >>> print(step.index, step.done / step.total, sorted(step.metrics))
        2 1.0 ['b', 'loss', 'w']
    """

    index: int
    done: float
    total: float
    metrics: Mapping[str, float] = field(default_factory=dict)
    arrays: Mapping[str, torch.Tensor] = field(default_factory=dict, compare=False)
    snapshot: Callable[[], Snapshot] | None = field(default=None, compare=False, repr=False)
