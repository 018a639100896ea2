"""Several runs that train as one program, each with steps and an end of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from mlcore.core.steps import Step


@dataclass(frozen=True, slots=True)
class Told:
    """What one member of a ensemble has to tell.

    Attributes:
        member: Its place among the configs, from 0.
        step: Its step, exactly as its own single run would yield it.
        error: Why it cannot go on, such as a divergence; the others do.
    """

    member: int
    step: Step | None = None
    error: Exception | None = None


class Ensemble(Protocol):
    """A training of several members on its way; ask for rounds until there are none."""

    def rounds(self) -> Iterator[list[Told]]:
        """Yield what the members have to tell, those of one step together."""
        ...

    def drop(self, member: int) -> None:
        """Go on without a member: call it between two rounds; unknown ones are ignored."""
        ...
