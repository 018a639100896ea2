"""Carries out several claimed runs as one program, each recorded as a run of its own."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from sqlalchemy.exc import IntegrityError

from mlcore.core import Snapshot, StoreError, Told
from mlcore.runs.execution.benchmark import pays
from mlcore.runs.execution.claims import Claim, ClaimLostError, flush, flush_in, release
from mlcore.runs.execution.environment import record_environment
from mlcore.runs.execution.notebook import (
    CHECKPOINT_EVERY,
    CHECKPOINT_SHARE,
    FLUSH_EVERY,
    FLUSH_POINTS,
    Notebook,
)
from mlcore.runs.execution.recorder import execute, heartbeat
from mlcore.runs.recorded_run import Run
from mlcore.runs.store.artifacts import CHECKPOINT

_log = logging.getLogger("mlcore.groups")


def execute_ensemble(
    claims: Sequence[Claim], interrupted: Callable[[], bool] = lambda: False
) -> list[Run]:
    """Run the claimed runs of an ensemble, as one program if that pays on this machine.

    Each keeps its own curve, files, status and requests; one that diverges or is stopped leaves
    the others to go on. Where the program would not be quicker, or a run has gone further than the
    others, runs are given back to wait for their own turn.

    Args:
        claims: Of runs of one ensemble, or of one run.
        interrupted: Asked now and then; True ends them all as stopped, their state kept.

    Returns:
        The runs that were carried out, as they ended; those given back are left out.
    """
    if len(claims) > 1:
        with heartbeat(claims):
            claims = _that_pay(claims)
    if len(claims) == 1:
        with suppress(ClaimLostError):
            return [execute(claims[0], interrupted)]
        return []
    saved = [claim.run.artifacts.load(CHECKPOINT) for claim in claims]
    claims, snapshots = _of_one_step(claims, saved)
    with heartbeat(claims):
        return _Group(claims, snapshots, interrupted).work()


class _Group:
    def __init__(
        self,
        claims: Sequence[Claim],
        snapshots: Sequence[Snapshot | None],
        interrupted: Callable[[], bool],
    ) -> None:
        self._open = {member: Notebook(claim) for member, claim in enumerate(claims)}
        self._configs = [claim.run.config for claim in claims]
        self._snapshots = snapshots
        self._store = claims[0].store
        self._interrupted = interrupted
        self._ended: list[Run] = []
        self._flushed = 0.0
        self._checkpoint_due = time.monotonic() + CHECKPOINT_EVERY

    def work(self) -> list[Run]:
        """Ask for rounds until they end or nobody is left."""
        try:
            for notebook in self._open.values():
                record_environment(notebook.claim)
            ensemble = type(self._configs[0]).train_together(self._configs, self._snapshots)
            for told in ensemble.rounds():
                for member in self._take_in(told):
                    ensemble.drop(member)
                if not self._open:
                    break
            self._flush()
            for member in list(self._open):
                self._end(member, Notebook.finish)
        except StoreError:
            raise  # there is nowhere to record it
        except Exception as error:  # noqa: BLE001 - whatever an experiment raises is their failure
            self._flush()
            for member in list(self._open):
                self._end(member, partial(Notebook.fail, error=error))
        return self._ended

    def _take_in(self, told: Sequence[Told]) -> list[int]:
        """Note a round and do what was asked; give the members that go on no more."""
        before = set(self._open)
        for one in told:
            if one.member in self._open and one.step is not None:
                self._open[one.member].note(one.step)
        failed = {one.member: one.error for one in told if one.error is not None}
        asked = self._flush_if_due(must=bool(failed))
        if self._interrupted():
            asked = dict.fromkeys(self._open, "stop") | asked
        for member, error in failed.items():
            self._end(member, partial(Notebook.fail, error=error))
        going = [m for m in asked if m in self._open and not self._over(m)]
        for member in going:
            self._open[member].checkpoint()
        if going:
            self._flush()
        for member in going:
            self._end(member, partial(Notebook.set_aside, request=asked[member]))
        self._checkpoint_if_due()
        return sorted(before - set(self._open))

    def _over(self, member: int) -> bool:
        last = self._open[member].last
        return last is not None and last.done >= last.total

    def _end(self, member: int, how: Callable[[Notebook], Run]) -> None:
        notebook = self._open.pop(member, None)
        if notebook is not None:
            with suppress(ClaimLostError):  # somebody else has it now, or it was deleted
                self._ended.append(how(notebook))

    def _flush_if_due(self, *, must: bool) -> dict[int, str]:
        waiting = max((notebook.waiting for notebook in self._open.values()), default=0)
        due = time.monotonic() - self._flushed >= FLUSH_EVERY or waiting >= FLUSH_POINTS
        return self._flush() if due or must else {}

    def _flush(self) -> dict[int, str]:
        """Write what all have to tell in one transaction, and let go of runs that were lost.

        Returns:
            What members were asked to do.
        """
        self._flushed = time.monotonic()
        news = {member: (n.claim, n.news()._asdict()) for member, n in self._open.items()}
        try:
            with self._store.writing(alone=False) as connection:
                return self._each(news, partial(flush_in, connection))
        except IntegrityError:  # one of them was lost and has a live twin: find out which
            return self._each(news, flush)

    def _each(
        self, news: Mapping[int, tuple[Claim, dict[str, Any]]], write: Callable[..., str | None]
    ) -> dict[int, str]:
        asked = {}
        for member, (claim, said) in news.items():
            try:
                request = write(claim, **said)
            except ClaimLostError:
                self._open.pop(member, None)
                continue
            if request is not None:
                asked[member] = request
        return asked

    def _checkpoint_if_due(self) -> None:
        if time.monotonic() < self._checkpoint_due:
            return
        before = time.monotonic()
        for notebook in self._open.values():
            notebook.checkpoint()
        cost = time.monotonic() - before
        self._checkpoint_due = time.monotonic() + max(CHECKPOINT_EVERY, cost / CHECKPOINT_SHARE)


def _that_pay(claims: Sequence[Claim]) -> Sequence[Claim]:
    """All of them if they are quicker together, else the first, the others given back."""
    if pays(claims):
        return claims
    _log.info("%d runs are no quicker as one program; one by one", len(claims))
    release(claims[1:], alone=True)
    return claims[:1]


def _of_one_step(
    claims: Sequence[Claim], saved: Sequence[Snapshot | None]
) -> tuple[list[Claim], list[Snapshot | None]]:
    """Those with a checkpoint of the step that most have; the others are given back."""
    steps = [_step_of(snapshot) for snapshot in saved]
    common = Counter(steps).most_common(1)[0][0]
    release([c for c, step in zip(claims, steps, strict=True) if step != common], alone=False)
    kept = [place for place, step in enumerate(steps) if step == common]
    return [claims[place] for place in kept], [saved[place] for place in kept]


def _step_of(snapshot: Snapshot | None) -> int:
    if snapshot is None:
        return -1  # not begun; step 0 was told already by one that has begun
    return int(snapshot.meta.get("index", snapshot.meta.get("step", 0)))
