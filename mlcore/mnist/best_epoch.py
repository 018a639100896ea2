"""Best epoch, early stopping and plateaus of a run, by what its validation part shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from mlcore.core import BEST_PREFIX, Snapshot

if TYPE_CHECKING:
    from torch import Tensor

    from mlcore.mnist.config import MNISTConfig

_META: Final = "best_epoch"
THRESHOLD: Final = 1e-4
"""The share of the best value by which an epoch must beat it to end a plateau, and"""
SMALLEST_DROP: Final = 1e-8
"""the smallest drop of a learning rate: both as ``ReduceLROnPlateau`` has them by default."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the validation of a run has shown so far.

    Attributes:
        epoch: The epoch with the best monitored metric, the first of equal ones; 0 before any.
        value: That metric there.
        accuracy: Validation accuracy there, 0 to 1.
        to_beat: What an epoch must beat by ``min_gain`` so that patience starts anew.
        waited: Epochs since one did.
        level: The monitored metric that an epoch must beat to end a plateau.
        flat: Epochs of the plateau so far.
        drops: How often a plateau has lowered the learning rate.
    """

    epoch: int = 0
    value: float | None = None
    accuracy: float = 0.0
    to_beat: float | None = None
    waited: int = 0
    level: float | None = None
    flat: int = 0
    drops: int = 0

    def after(self, config: MNISTConfig, epoch: int, metrics: Mapping[str, float]) -> Standing:
        """The standing after one more epoch.

        The rule of ``EarlyStopping`` in PyTorch Lightning: an epoch is a gain if it is better than
        ``to_beat`` by more than ``min_gain``. The best epoch needs no such gain, only to be better.
        Plateaus are counted as ``torch.optim.lr_scheduler.ReduceLROnPlateau`` counts them.
        """
        found = metrics[config.monitor]
        sign = 1.0 if config.monitor == "validation_loss" else -1.0
        now = replace(self, waited=self.waited + 1)
        if self.to_beat is None or sign * found + config.min_gain < sign * self.to_beat:
            now = replace(now, to_beat=found, waited=0)
        if self.value is None or sign * found < sign * self.value:
            accuracy = metrics["validation_accuracy"]
            now = replace(now, epoch=epoch, value=found, accuracy=accuracy)
        return _on_plateau(now, config, found, sign)


class BestEpoch:
    """Follows a run's epochs; it does nothing for a config without a validation part.

    Attributes:
        standing: What its validation has shown so far.
    """

    def __init__(self, config: MNISTConfig, snapshot: Snapshot | None) -> None:
        self._config = config
        meta: Mapping[str, Any] = {} if snapshot is None else snapshot.meta.get(_META, {})
        self.standing = Standing(**meta)
        self._weights: Mapping[str, Tensor] = (
            {}
            if snapshot is None
            else {n: value for n, value in snapshot.tensors.items() if n.startswith(BEST_PREFIX)}
        )

    @property
    def stops(self) -> bool:
        """Whether early stopping ends the run here."""
        return self._config.early_stopping and self.standing.waited >= self._config.patience

    def note(
        self,
        epoch: int,
        metrics: Mapping[str, float],
        weights: Callable[[], Mapping[str, Tensor]],
    ) -> dict[str, float]:
        """Take in the validation of an epoch, from 1; epoch 0 is no candidate.

        Args:
            epoch: Which.
            metrics: Of its end.
            weights: Copies the weights of its end, named as in a snapshot.

        Returns:
            With ``keep="best"``: ``best_epoch`` and ``best_validation_accuracy``, those of the
            weights that are kept.
        """
        if not epoch or not self._config.sealed():
            return {}
        before, self.standing = self.standing, self.standing.after(self._config, epoch, metrics)
        if self._config.keep != "best":
            return {}
        if self.standing.epoch != before.epoch:
            self._weights = {BEST_PREFIX + name: value for name, value in weights().items()}
        return {
            "best_epoch": float(self.standing.epoch),
            "best_validation_accuracy": self.standing.accuracy,
        }

    def tensors(self) -> Mapping[str, Tensor]:
        """The best epoch's weights as a snapshot holds them: ``best.model.<name>``."""
        return self._weights

    def meta(self) -> dict[str, Any]:
        """The standing as a snapshot holds it; empty without a validation part."""
        if not self._config.sealed():
            return {}
        return {_META: asdict(self.standing), "keep": self._config.keep}


def _on_plateau(now: Standing, config: MNISTConfig, found: float, sign: float) -> Standing:
    if now.level is None or sign * found < sign * now.level * (1 - sign * THRESHOLD):
        return replace(now, level=found, flat=0)
    if now.flat < config.plateau_patience:
        return replace(now, flat=now.flat + 1)
    lr = config.lr * config.drop_factor**now.drops
    drops = lr * (1 - config.drop_factor) > SMALLEST_DROP
    return replace(now, flat=0, drops=now.drops + drops)
