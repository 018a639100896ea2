"""The last value of a metric, by one definition for the whole program.

It is the value at the highest step; where a step was measured again, the one written last. MLflow
and TensorBoard's charts mean the same. Steps need not come in order: a run may log its validation
late, or repeat the steps since a checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlcore.runs.store.points import Point


class Latest:
    """Tracks the last value of each metric while points arrive in any order."""

    def __init__(self, known: Mapping[str, tuple[int, float]] | None = None) -> None:
        """Begin with what is known.

        Args:
            known: Step and value of the last point of each metric.
        """
        self._known = dict(known or {})

    def note(self, step: int, name: str, value: float) -> None:
        """Add a point; of two at one step the later counts."""
        known = self._known.get(name)
        if known is None or step >= known[0]:
            self._known[name] = (step, value)

    def values(self) -> dict[str, float]:
        """The last value of each metric, by name."""
        return {name: value for name, (_, value) in self._known.items()}


def latest_of(found: Iterable[Point]) -> dict[str, float]:
    """The last value of each metric among some points, given in the order they were written."""
    latest = Latest()
    for point in found:
        latest.note(point.step, point.name, point.value)
    return latest.values()
