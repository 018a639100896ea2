"""The statuses of a run."""

from enum import StrEnum


class Status(StrEnum):
    """The status of a run.

    ``queued → running → finished``, or one of the other ends. Only one run of a fingerprint is
    *live* at a time; a *resumable* one can go on from its last checkpoint.
    """

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    """Paused by the user; its worker is free for others, and no second run of its config starts."""
    FINISHED = "finished"
    FAILED = "failed"
    STOPPED = "stopped"
    LOST = "lost"
    """Its worker died; every flushed point stays."""
    PRUNED = "pruned"
    """Ended early by a sweep, at a fixed rung."""

    @property
    def live(self) -> bool:
        """Whether the run is queued, running or paused: more points may come by themselves."""
        return self in LIVE

    @property
    def moving(self) -> bool:
        """Whether the run is queued or running now."""
        return self in (Status.QUEUED, Status.RUNNING)

    @property
    def resumable(self) -> bool:
        """Whether the run can be resumed."""
        return self in RESUMABLE


LIVE = (Status.QUEUED, Status.RUNNING, Status.PAUSED)
RESUMABLE = (Status.PAUSED, Status.STOPPED, Status.LOST)
