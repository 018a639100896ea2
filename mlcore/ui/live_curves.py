"""The curves of one run as growing arrays: read once, then by cursor, shared by all tabs."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Sequence
from threading import Lock
from typing import TYPE_CHECKING, Final

import numpy as np

from mlcore.charts.training_curves import Curve
from mlcore.runs import Run

if TYPE_CHECKING:
    import pandas as pd

MOST_METRICS: Final = 60
"""Metrics of a logged run that are read, those that were logged first."""

WHOLE_S: Final = 5.0
"""Seconds after which a logged run is read anew: a loop may log steps that lie behind others."""

WHOLE_SHARE: Final = 0.02
"""Share of the time that such readings may take."""

POINTS: Final = 400
"""Maximum number of points of a downsampled curve; a screen shows no more."""


class LiveCurves:
    """Reads some metrics of a run while it trains.

    The whole history is read thinned, by the store; what comes later is read by cursor and added
    as it is. When a curve has grown past ``POINTS`` the history is read anew, thinned to half of
    that, so the whole is read once for some hundreds of new points. A run that goes back to
    earlier steps is read anew each time.

    A run that a loop logs has metrics of any name, each with steps of its own: they are those that
    it has so far, each is read on from its own last step, and all are read anew now and then.

    Args:
        metrics: Their names; None for those of a logged run.
    """

    def __init__(self, metrics: Iterable[str] | None) -> None:
        self._logged = metrics is None
        self._metrics = tuple(metrics or ())
        self._whole_due = 0.0
        self._curves: dict[str, Curve] = {}
        self._read: tuple[int, float, bool] | None = None
        self._seen = -1
        self._name, self._readings = secrets.token_hex(4), 0
        self._lock = Lock()

    def curves(self, run: Run) -> dict[str, Curve]:
        """The curves up to the time of reading, without metrics that have no points.

        Args:
            run: The same run each time, read again.
        """
        return self.state(run)[1]

    def state(self, run: Run) -> tuple[str, dict[str, Curve]]:
        """The curves as ``curves`` gives them, and the name of the reading they grew from.

        While the name stays the same, curves only grow at their ends; when the history is read
        anew the name is another. No two readings of any two objects share a name.
        """
        with self._lock:
            moment = (run.step, run.elapsed if self._logged else run.done, run.status.moving)
            if self._logged:
                self._read_logged(run, moment)
            elif self._read is None or not run.status.moving:
                if self._read != moment:
                    self._read_all(run, POINTS)
            elif self._read != moment:
                if run.step < self._seen:
                    self._read_all(run, POINTS)
                else:
                    self._read_new(run)
                if any(len(curve.step) > POINTS for curve in self._curves.values()):
                    self._read_all(run, POINTS // 2)
            self._read = moment
            return f"{self._name}.{self._readings}", dict(self._curves)

    def _read_logged(self, run: Run, moment: tuple[int, float, bool]) -> None:
        if self._read == moment:
            return
        names, now = metrics_of(run), time.monotonic()
        known = names == self._metrics and all(name in self._curves for name in names)
        if known and run.status.moving and now < self._whole_due:
            for name in names:
                self._add(run.store.newer_points(run, [name], int(self._curves[name].step[-1])))
            if all(len(curve.step) <= 2 * POINTS for curve in self._curves.values()):
                return
        self._metrics = names
        self._read_all(run, POINTS)
        took = time.monotonic() - now
        self._whole_due = now + max(WHOLE_S, took / WHOLE_SHARE)

    def _read_all(self, run: Run, points: int) -> None:
        self._readings += 1
        frames = {name: run.store.curves([run.id], name, points) for name in self._metrics}
        self._curves = {name: _curve(frame) for name, frame in frames.items() if len(frame)}
        self._seen = max((int(curve.step[-1]) for curve in self._curves.values()), default=-1)

    def _read_new(self, run: Run) -> None:
        new = run.store.newer_points(run, self._metrics, self._seen)
        self._add(new)
        self._seen = new[-1][0] if new else self._seen

    def _add(self, new: Sequence[tuple[int, str, float, float]]) -> None:
        parts: dict[str, list[tuple[int, float, float]]] = {}
        for at, name, measured, seconds in new:
            parts.setdefault(name, []).append((at, seconds, measured))
        for name, rows in parts.items():
            step, time, value = np.array(rows, dtype=np.float64).T
            added = Curve(step, time, value, value, value)
            known = self._curves.get(name)
            self._curves[name] = added if known is None else known + added


def metrics_of(run: Run) -> tuple[str, ...]:
    """The metrics of a logged run that are drawn: ``MOST_METRICS`` at most."""
    return tuple(run.last)[:MOST_METRICS]


def _curve(frame: pd.DataFrame) -> Curve:
    return Curve(*(frame[name].to_numpy(np.float64) for name in Curve.columns()))
