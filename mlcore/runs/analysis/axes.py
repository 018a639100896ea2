"""The horizontal axes of curves: optimizer steps, epochs, samples seen, or seconds of work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from mlcore.core import InputError

if TYPE_CHECKING:
    import pandas as pd

    from mlcore.runs.recorded_run import Run

Axis = Literal["step", "epoch", "samples", "time"]

AXES: Final[tuple[Axis, ...]] = get_args(Axis)

_COUNTED: Final[tuple[Axis, ...]] = ("epoch", "samples")

Floats = NDArray[np.float64]


def check_axis(axis: str) -> Axis:
    """The axis of this name. Raises ValueError if there is none."""
    for known in AXES:
        if axis == known:
            return known
    raise InputError(f"axis is {axis!r}, but must be one of {', '.join(AXES)}.")


@dataclass(frozen=True, slots=True)
class Pace:
    """Converts a run's optimizer steps to epochs and samples.

    Attributes:
        steps_per_epoch: Optimizer steps of one epoch; None where there are no epochs.
        samples_per_epoch: Samples one epoch sees; None where that is not known.
        batch_size: Samples of one step; None where that is not known. The last batch of an epoch
            may be smaller.
    """

    steps_per_epoch: int | None
    samples_per_epoch: int | None
    batch_size: int | None

    def along(self, axis: Axis, steps: Floats, time: Floats) -> Floats | None:
        """Steps converted to an axis; None if the run has no values for it.

        Args:
            axis: The name of the axis.
            steps: Optimizer steps, shape (n,).
            time: Seconds of work at those steps, shape (n,).
        """
        match axis:
            case "step":
                return steps
            case "time":
                return time
            case "epoch":
                return None if self.steps_per_epoch is None else steps / self.steps_per_epoch
            case "samples":
                return self._samples(steps)

    def _samples(self, steps: Floats) -> Floats | None:
        if self.batch_size is None:
            return None
        if self.steps_per_epoch is None or self.samples_per_epoch is None:
            return steps * self.batch_size
        epochs, rest = np.divmod(steps, self.steps_per_epoch)
        begun = np.minimum(rest * self.batch_size, self.samples_per_epoch)
        return np.asarray(epochs * self.samples_per_epoch + begun, dtype=np.float64)


def pace_of(run: Run) -> Pace:
    """The pace of a run; where its config class is missing, from the stored fields."""
    batch = run.config_fields.get("batch_size")
    batch_size = batch if isinstance(batch, int) and batch > 0 else None
    try:
        config = run.config
        return Pace(config.steps_per_epoch(), config.samples_per_epoch(), batch_size)
    except (ValueError, TypeError, FileNotFoundError):  # its data may be elsewhere, too
        return Pace(None, None, batch_size)


def with_axes(table: pd.DataFrame, run: Run) -> pd.DataFrame:
    """A table of a run's points (step, time, …) with the columns epoch and samples added."""
    pace = pace_of(run)
    steps, time = (table[name].to_numpy("float64") for name in ("step", "time"))
    columns = {axis: pace.along(axis, steps, time) for axis in _COUNTED}
    unknown = np.full(len(table), np.nan)
    return table.assign(**{k: unknown if v is None else v for k, v in columns.items()})
