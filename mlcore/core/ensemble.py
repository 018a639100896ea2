"""The interface of an ensemble: several runs trained as one vectorized program."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from mlcore.core.steps import Step


@dataclass(frozen=True, slots=True)
class Told:
    """One member's step, or the error that ended it.

    Attributes:
        member: Its place among the configs, from 0.
        step: Its step, exactly as its own single run would yield it.
        error: Why it cannot go on, such as a divergence; the others do.
    """

    member: int
    step: Step | None = None
    error: Exception | None = None


class Ensemble(Protocol):
    """Several runs in training; iterate over ``rounds`` until they end."""

    def rounds(self) -> Iterator[list[Told]]:
        """Yield the members' updates, those of one step together."""
        ...

    def drop(self, member: int) -> None:
        """Remove a member, between two rounds; unknown members are ignored."""
        ...
