"""The type of a task of the course."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

State = TypeVar("State")


@dataclass(frozen=True, slots=True)
class Task(Generic[State]):
    """One task of a chapter.

    Attributes:
        key: Its name within the chapter, as stored.
        goal: What to reach, in one sentence.
        shows: What it shows, in one sentence, for a learner who has solved it.
        check: Whether a state of the page solves it. Never raises for a state of its type.
        hint: A nudge that does not give the answer away; ``""`` for none.
    """

    key: str
    goal: str
    shows: str
    check: Callable[[State], bool]
    hint: str = ""
