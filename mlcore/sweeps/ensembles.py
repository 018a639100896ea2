"""The ensembles of a sweep, and the speedup each gave."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from mlcore.runs.execution.benchmark import WORTH_IT
from mlcore.runs.store.schema import ensembles
from mlcore.runs.store.store import Store


@dataclass(frozen=True, slots=True)
class EnsembleResult:
    """An ensemble: runs that differ only in fields a tensor can hold, trained as one program.

    Attributes:
        id: Its name.
        members: How many runs.
        gain: How many times as fast as one by one, measured before they began; None before that.
        used: Whether they trained as one program; None before that was decided.
        host: The machine that measured it.
    """

    id: str
    members: int
    gain: float | None
    used: bool | None
    host: str | None

    def sentence(self) -> str:
        """The result in words, such as ``32 members as one program: 3.4× measured``."""
        if self.used is None:
            return f"{self.members} members wait for a benchmark as one program"
        if self.gain is None:
            return f"{self.members} members one by one: too short to measure as one program"
        if self.used:
            return f"{self.members} members as one program: {self.gain:.1f}× measured"
        if self.gain >= WORTH_IT:
            return (
                f"{self.members} members one by one, by several workers: as one program only "
                f"{self.gain:.1f}× one worker measured"
            )
        return f"{self.members} members one by one: as one program only {self.gain:.1f}× measured"


def ensembles_of(store: Store, sweep_id: str) -> list[EnsembleResult]:
    """The ensembles of a sweep, in the order of their ids."""
    c = ensembles.c
    query = select(c.id, c.members, c.gain, c.used, c.host).where(c.sweep == sweep_id)
    with store.reading() as connection:
        return [EnsembleResult(*row) for row in connection.execute(query.order_by(c.id))]
