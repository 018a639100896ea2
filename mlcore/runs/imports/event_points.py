"""The points of a training that event files tell of, and which are new since it was read last."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mlcore.runs.imports.event_folders import PLACEHOLDER
from mlcore.runs.imports.event_times import Session, WorkClock, work_clock
from mlcore.runs.store.points import Point

if TYPE_CHECKING:
    from mlcore.runs.imports.event_files import EventFolder, Scalar
    from mlcore.runs.imports.event_folders import Part, Training

    _Session = tuple[EventFolder, int]


def points_of(parts: Iterable[Part], clock: WorkClock) -> Iterator[Point]:
    """The points of a training, in the order they were written."""
    for part in parts:
        exact = {(point.name, point.step) for point in part.folder.exact}
        for tag, step, value, wall_time, _ in part.folder.results:
            if (tag, step) not in exact:
                yield Point(step, part.names[tag], value, clock.work(wall_time))
        yield from part.folder.exact


def clock_of(folders: Iterable[EventFolder], facts: Mapping[str, Any]) -> WorkClock:
    """The clock by which the wall times of a training become seconds of work."""
    from datetime import datetime

    sessions = []
    for folder in folders:
        times: dict[int, list[float]] = {}
        for scalar in folder.results:
            times.setdefault(scalar.session, []).append(scalar.wall_time)
        sessions += [Session(found, number in folder.restarts) for number, found in times.items()]
    try:
        begin = datetime.fromisoformat(str(facts.get("started") or facts.get("created")))
        started: float | None = begin.timestamp()
    except (ValueError, OverflowError):
        started = None
    return work_clock(sessions, started) if sessions else WorkClock(started or 0.0)


class Growth:
    """Remembers how much of a training was read; ``newer`` and ``every`` give its points."""

    def __init__(self) -> None:
        self._done: dict[EventFolder, tuple[int, int]] = {}
        self._names: list[Mapping[str, str]] = []
        self._clock: WorkClock | None = None
        self._sessions: set[_Session] = set()

    def newer(self, training: Training) -> list[Point] | None:
        """The points since ``remember``; None if some were taken back, replaced or renamed."""
        if self._names_changed(training) or any(one.folder.exact for one in training.parts):
            return None
        if not self._done.keys() <= {part.folder for part in training.parts}:
            return None
        found: list[tuple[Part, Scalar]] = []
        for part in training.parts:
            taken_back, count = self._done.get(part.folder, (0, 0))
            if taken_back != part.folder.taken_back:
                return None
            found += [(part, scalar) for scalar in part.folder.scalars[count:]]
        if any(scalar.tag == PLACEHOLDER for _, scalar in found):
            return None
        clock = self._clock_of(training, {(part.folder, one.session) for part, one in found})
        return [
            Point(one.step, part.names[one.tag], one.value, clock.work(one.wall_time))
            for part, one in found
        ]

    def every(self, training: Training) -> dict[str, dict[int, Point]]:
        """All points, by name and step; of several of one step the last."""
        self._clock, self._sessions = None, set()
        sessions = {(one.folder, s.session) for one in training.parts for s in one.folder.scalars}
        found: dict[str, dict[int, Point]] = {}
        for point in points_of(training.parts, self._clock_of(training, sessions)):
            found.setdefault(point.name, {})[point.step] = point
        return found

    def remember(self, training: Training) -> None:
        """Its points so far are written."""
        self._names = [dict(part.names) for part in training.parts]
        self._done = {
            one.folder: (one.folder.taken_back, len(one.folder.scalars)) for one in training.parts
        }

    def _names_changed(self, training: Training) -> bool:
        if len(self._names) != len(training.parts):
            return True
        together = zip(self._names, training.parts, strict=True)
        return any(
            part.names.get(tag) != name for before, part in together for tag, name in before.items()
        )

    def _clock_of(self, training: Training, sessions: set[_Session]) -> WorkClock:
        """The clock; made anew when a further file has scalars, as a pause may lie before it."""
        if self._clock is None or not sessions <= self._sessions:
            facts = {k: v for one in training.parts for k, v in one.folder.facts.items()}
            self._clock = clock_of([one.folder for one in training.parts], facts)
            self._sessions |= sessions
        return self._clock
