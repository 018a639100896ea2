"""What the stream knows of each watched run: its curves so far, and its line in words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mlcore.charts.training_curves import Curve
from mlcore.runs import Run
from mlcore.ui import live_data, run_parts

_MOST_TEXTS: Final = 16


@dataclass(frozen=True, slots=True)
class Have:
    """What a page has of a run: a reading of its curves, and the points of each of them."""

    reading: str = ""
    points: Mapping[str, int] = field(default_factory=dict)


class Tail:
    """A run at one moment: its curves since the start, and its state in words.

    Args:
        run: As it was read just now; None if there is no such run.
        run_id: Its id.
        mark: What ``Store.marks`` said of it.
    """

    def __init__(self, run: Run | None, run_id: str, mark: object = None) -> None:
        self._id = run_id
        self.mark = mark
        self._state: dict[str, Any] = {"moment": moment(run)}
        self._reading, self._curves = "", dict[str, Curve]()
        if run is not None:
            self._reading, self._curves = live_data.curves_of(run)
            self._state |= {
                "total": run.total,
                "seconds": live_data.seconds(run),
                "progress": run.progress,
                "line": run_parts.progress_text(run),
                "short": run_parts.latest_text(run),
            }
        self._told: dict[tuple[object, ...], str] = {}

    @property
    def have(self) -> Have:
        """What a page has that was told everything."""
        return Have(self._reading, {name: len(one.step) for name, one in self._curves.items()})

    def message(self, have: Have) -> str:
        """What a page lacks, as JSON: the new points, or all if it has another reading.

        Pages that have the same share the text.
        """
        grown = have.reading == self._reading and all(
            count <= len(self._curves[name].step) if name in self._curves else count == 0
            for name, count in have.points.items()
        )
        since = have.points if grown else {}
        key = (grown, *sorted(since.items()))
        if key not in self._told:
            if len(self._told) >= _MOST_TEXTS:
                self._told.clear()
            curves = {
                name: _columns(curve, since.get(name, 0))
                for name, curve in self._curves.items()
                if since.get(name, 0) < len(curve.step)
            }
            told = {"run": self._id, "reading": self._reading, "whole": not grown}
            self._told[key] = json.dumps(
                {**told, "curves": curves, "state": self._state},
                allow_nan=False,
                separators=(",", ":"),
            )
        return self._told[key]


def moment(run: Run | None) -> str:
    """What of a run's state the page itself draws: when it changes, the page must rerun."""
    if run is None:
        return "gone"
    started = "with points" if run.total or run.last else "empty"
    return f"{run.status} {run.request or ''} {started}"


def _columns(curve: Curve, since: int) -> dict[str, list[float | None]]:
    columns = {"step": curve.step, "time": curve.time, "value": curve.value}
    if bool((curve.low[since:] != curve.high[since:]).any()):
        columns |= {"low": curve.low, "high": curve.high}
    if bool(curve.odd[since:].any()):
        columns["odd"] = curve.odd
    return {name: _listed(column[since:]) for name, column in columns.items()}


def _listed(column: NDArray[np.float64]) -> list[float | None]:
    return [value if value == value else None for value in column.tolist()]
