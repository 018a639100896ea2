"""The learning rate of each step, as a closed form of the step's number and the plateaus so far."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mlcore.mnist.config import MNISTConfig

START_DIVISOR: Final = 25.0
END_DIVISOR: Final = 250_000.0


def learning_rate(config: MNISTConfig, step: int, steps_per_epoch: int, drops: int = 0) -> float:
    """The learning rate of optimizer step ``step`` (from 0) of a run.

    With T steps in all, W = round(warmup · T) and t = ``step``:

    - warm-up, t < W: lr · (t + 1) / W (not for ``one_cycle``, which brings its own);
    - ``constant``: lr;
    - ``step``: lr · drop_factor ^ ⌊epoch / drop_every⌋;
    - ``plateau``: lr · drop_factor ^ ``drops``, see ``best_epoch.Standing``;
    - ``cosine``: lr · (1 + cos(π (t − W) / (T − W))) / 2;
    - ``one_cycle``: a cosine from lr / 25 up to lr after a fraction ``peak`` of the steps, another
      down to lr / 250,000 at the last. Source: Smith and Topin, "Super-Convergence", 2018, in the
      form of ``torch.optim.lr_scheduler.OneCycleLR``.
    """
    total = config.epochs * steps_per_epoch
    if config.schedule == "one_cycle":
        return _one_cycle(config.lr, config.peak, step, total)
    warm = round(config.warmup * total)
    if step < warm:
        return config.lr * (step + 1) / warm
    match config.schedule:
        case "constant":
            return config.lr
        case "step":
            return config.lr * config.drop_factor ** (step // steps_per_epoch // config.drop_every)
        case "plateau":
            return config.lr * config.drop_factor**drops
        case "cosine":
            return _between(config.lr, 0.0, (step - warm) / (total - warm))


def _one_cycle(lr: float, peak: float, step: int, total: int) -> float:
    if total == 1:
        return lr
    summit = max(peak * total - 1, 0.0)
    if step <= summit:
        return _between(lr / START_DIVISOR, lr, step / summit if summit else 1.0)
    return _between(lr, lr / END_DIVISOR, (step - summit) / (total - 1 - summit))


def _between(start: float, end: float, fraction: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * fraction)) / 2
