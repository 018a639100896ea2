"""The recorder: trains claimed runs and writes their points, arrays and checkpoints.

A run that trains alone and several that train as one program are recorded by the same class.

**What is durable when.** Three rules make a resumed run have exactly the points of one that was
never interrupted, whenever its process or the store's server is killed:

1. Points are sent in the order in which they were measured, each flush in one transaction. What
   was sent stays in memory until that transaction is known to be over, and is sent again if it
   failed; a point that arrives twice is one row. So the store always has all points up to some
   step, and of that step all or none that one ``Step`` held.
2. A checkpoint is written only when no point and no array of its run waits in memory. So all up to
   a checkpoint's step is in the store before the checkpoint is. The file with the state is written
   first, under a name of its own, then entered in one transaction; the checkpoint before it is
   removed last. On a server all of it is one transaction.
3. A resumed run starts at the checkpoint. What was recorded after it is measured again, and flush
   by flush the new points and arrays take the place of the old ones of the same steps. Nothing
   vanishes that was once seen, and at whatever step the run ends, nothing remains behind it.

Only the process that holds the claim can write, so a process that was wrongly taken for dead cannot
put its checkpoint among the points of its successor.
"""

from __future__ import annotations

import logging
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from mlcore.core import Snapshot, Step, StoreError, Told
from mlcore.core.snapshots import pack_snapshot
from mlcore.runs.execution.benchmark import pays
from mlcore.runs.execution.claims import (
    Claim,
    ClaimLostError,
    end_values,
    hold,
    lost,
    progress_values,
    release,
    writing_to,
)
from mlcore.runs.execution.environment import record_environment
from mlcore.runs.execution.heartbeat import heartbeat
from mlcore.runs.execution.own_code import load_config
from mlcore.runs.execution.patience import (
    FLUSH_EVERY,
    PATIENCE,
    RETRY_EVERY,
    failure_sentence,
    insist,
    may_pass,
)
from mlcore.runs.recorded_run import Run
from mlcore.runs.status import Status
from mlcore.runs.store import points as point_queries
from mlcore.runs.store.artifacts import CHECKPOINT, WEIGHTS, Content, arrays_name
from mlcore.runs.store.latest import Latest
from mlcore.runs.store.points import Point

if TYPE_CHECKING:
    from mlcore.core.ensemble import Ensemble

FLUSH_SHARE = 0.1
"""Share of the time that flushes may take: many members are flushed less often."""

SLOWEST_FLUSH = 5
"""Times ``FLUSH_EVERY`` between two flushes at most."""

FLUSH_POINTS = 500
"""Points after which a flush does not wait for the clock."""

CHECKPOINT_EVERY = 5.0
"""Seconds of work between two checkpoints; more where writing one is slow."""

CHECKPOINT_SHARE = 0.02
"""Share of the time that checkpoints may take."""

MOST_POINTS = 100_000
MOST_BYTES = 256 * 2**20
"""What may wait in memory for a store that does not answer; then the training waits as well."""

_SLOWEST_RETRY: Final = 30.0
_SET_ASIDE: Final = {"pause": Status.PAUSED, "prune": Status.PRUNED}
_log = logging.getLogger("mlcore.recorder")


def execute(
    claim: Claim,
    interrupted: Callable[[], bool] = lambda: False,
    watch: Callable[[Step], None] = lambda _step: None,
) -> Run:
    """Run a claimed run to its end.

    Args:
        claim: The run, held by this process.
        interrupted: Asked after each step; True ends the run as stopped, its state kept.
        watch: Called with each step, for a progress bar.

    Returns:
        The run as it ended: finished, stopped, paused, or failed with its traceback recorded.

    Raises:
        ClaimLostError: If another process took the run over meanwhile.
        StoreError: If the store does not answer for long. What it has is kept; the run can be
            resumed from its last checkpoint.
    """
    with heartbeat([claim]):
        ended = _Recorder([claim], interrupted, watch).work()
    if not ended:
        raise lost(claim)
    return ended[0]


def execute_ensemble(
    claims: Sequence[Claim], interrupted: Callable[[], bool] = lambda: False
) -> list[Run]:
    """Run the claimed runs of an ensemble, as one program if that is faster on this machine.

    Each keeps its own curve, files, status and requests; one that diverges or is stopped leaves
    the others to go on. Where the program would not be quicker, or a run has gone further than the
    others, runs are given back to wait for their own turn.

    Args:
        claims: Of runs of one ensemble, or of one run.
        interrupted: Asked now and then; True ends them all as stopped, their state kept.

    Returns:
        The runs that were carried out, as they ended; those given back are left out.

    Raises:
        StoreError: As ``execute`` does.
    """
    with heartbeat(claims):
        if len(claims) > 1 and not pays(claims):
            _log.info("%d runs are no quicker as one program; one by one", len(claims))
            release(claims[1:], alone=True)
            claims = claims[:1]
        return _Recorder(claims, interrupted).work()


class _Recorder:
    """Takes the steps of one program and records them for each of its members."""

    def __init__(
        self,
        claims: Sequence[Claim],
        interrupted: Callable[[], bool],
        watch: Callable[[Step], None] = lambda _step: None,
    ) -> None:
        self._open = {place: _Member(claim) for place, claim in enumerate(claims)}
        self._store = claims[0].store
        self._interrupted = interrupted
        self._watch = watch
        self._ended: list[Run] = []
        now = time.monotonic()
        self._flush_due = now
        self._checkpoint_due = now + CHECKPOINT_EVERY
        self._failing = False  # whether the store did not answer the last flush

    def work(self) -> list[Run]:
        """Take steps until they end or no member is left; return the runs that ended."""
        try:
            program = self._begin()
            if program is not None:
                self._record(program)
            self._flush(insist=True)
            self._end_all(_Member.finish)
        except StoreError:
            raise  # there is nowhere to record it
        except Exception as error:  # noqa: BLE001 - whatever an experiment raises is their failure
            self._flush(insist=True)
            self._end_all(partial(_Member.fail, error=error))
        return self._ended

    # --- the steps ---------------------------------------------------------------------------

    def _begin(self) -> Ensemble | None:
        """Find the step each run resumes from, and build the program of those at the same step."""
        snapshots: dict[int, Snapshot | None] = {}
        for place, member in list(self._open.items()):
            try:
                load_config(member.claim.run)
                insist(partial(record_environment, member.claim))
                snapshots[place] = insist(member.resume)
            except StoreError:
                raise
            except Exception as error:  # noqa: BLE001 - a damaged checkpoint is this run's alone
                self._end(place, partial(_Member.fail, error=error))
        if not self._open:
            return None
        common = Counter(member.begun for member in self._open.values()).most_common(1)[0][0]
        ahead = [place for place, member in self._open.items() if member.begun != common]
        release([self._open.pop(place).claim for place in ahead], alone=False)
        places = list(self._open)
        configs = [self._open[place].claim.run.config for place in places]
        states = [snapshots[place] for place in places]
        self._open = dict(enumerate(self._open.values()))
        if len(configs) == 1:
            return _Alone(configs[0].train(states[0]))
        return type(configs[0]).train_together(configs, states)

    def _record(self, program: Ensemble) -> None:
        rounds = program.rounds()
        try:
            for told in rounds:
                before = set(self._open)
                self._take_in(told)
                for member in sorted(before - set(self._open)):
                    program.drop(member)
                if not self._open:
                    return
        finally:
            _close(rounds)

    def _take_in(self, told: Sequence[Told]) -> None:
        """Record one round of steps, and do what is due or requested."""
        for one in told:
            if one.member in self._open and one.step is not None:
                self._open[one.member].note(one.step)
                self._watch(one.step)
        failed = {one.member: one.error for one in told if one.error is not None}
        asked = self._flush(insist=True) if failed else self._flush_if_due()
        if self._interrupted():
            asked = dict.fromkeys(self._open, "stop") | asked
        for place, error in failed.items():
            self._end(place, partial(_Member.fail, error=error))
        self._set_aside({p: what for p, what in asked.items() if not self._over(p)})
        self._finish_early()
        self._checkpoint_if_due()

    def _over(self, place: int) -> bool:
        """Whether a member has taken all its steps or has left; requests no longer apply to it."""
        return place not in self._open or self._open[place].over

    def _set_aside(self, asked: dict[int, str]) -> None:
        if asked:
            self._flush(insist=True)
        for place, what in asked.items():
            if place in self._open:
                self._checkpoint(place)
                self._end(place, partial(_Member.set_aside, request=what))

    def _finish_early(self) -> None:
        """Finish members that took all their steps, as early stopping counts them, before others.

        The last ones are finished when the program ends.
        """
        over = [place for place, member in self._open.items() if member.over]
        if over and len(over) < len(self._open):
            self._flush(insist=True)
            for place in over:
                self._end(place, _Member.finish)

    def _end_all(self, how: Callable[[_Member], Run]) -> None:
        for place in list(self._open):
            self._end(place, how)

    def _end(self, place: int, how: Callable[[_Member], Run]) -> None:
        member = self._open.get(place)
        if member is not None:
            with suppress(ClaimLostError):  # another process has it now, or it was deleted
                self._ended.append(how(member))
            self._open.pop(place)

    # --- flushes -----------------------------------------------------------------------------

    def _flush_if_due(self) -> dict[int, str]:
        now = time.monotonic()
        waiting = max((member.waiting for member in self._open.values()), default=0)
        over = any(member.over for member in self._open.values())
        soon = waiting >= FLUSH_POINTS or over or now >= self._checkpoint_due
        if now >= self._flush_due or (self._full() if self._failing else soon):
            return self._flush()
        return {}

    def _flush(self, *, insist: bool = False) -> dict[int, str]:
        """Write the waiting points of all members, and drop members whose claim is lost.

        A store that does not answer is no reason to stop: all is kept and sent again, unless more
        waits than memory is meant for, or ``insist`` is said: then it is waited for.

        Returns:
            What members are asked to do.

        Raises:
            StoreError: If the store did not answer for ``PATIENCE`` seconds, or never will.
        """
        began = time.monotonic()
        while True:
            tried = time.monotonic()
            try:
                asked = self._flush_once()
            except StoreError as error:
                now = time.monotonic()
                waits = insist or self._full()
                if not may_pass(error) or (waits and now - began > PATIENCE):
                    raise
                if not self._failing:
                    _log.warning("%s Points are kept in memory and sent again.", error)
                self._failing = True
                pause = min(max(RETRY_EVERY, now - tried), _SLOWEST_RETRY)
                if not waits:
                    self._flush_due = now + pause
                    return {}
                time.sleep(pause)
            else:
                if self._failing:
                    _log.warning("The store answers again; all points were sent.")
                self._failing = False
                now = time.monotonic()
                slow = min((now - tried) / FLUSH_SHARE, SLOWEST_FLUSH * FLUSH_EVERY)
                self._flush_due = now + max(FLUSH_EVERY, slow)
                return asked

    def _flush_once(self) -> dict[int, str]:
        for member in self._open.values():
            member.write_arrays()
        if len(self._open) > 1:
            with suppress(IntegrityError):  # one was lost and has a live twin: find out which
                return self._flush_together()
        asked = {}
        for place, member in list(self._open.items()):
            try:
                with writing_to(member.claim) as connection:
                    asked[place] = member.flush_in(connection)
            except ClaimLostError:
                self._open.pop(place)
            else:
                member.sent()
        return {place: what for place, what in asked.items() if what is not None}

    def _flush_together(self) -> dict[int, str]:
        """Flush all members in one transaction, as each transaction costs a wait for the disk."""
        asked, gone = {}, []
        with self._store.writing(alone=False, patience=0) as connection:
            for place, member in self._open.items():
                try:
                    asked[place] = member.flush_in(connection)
                except ClaimLostError:
                    gone.append(place)
        for place in gone:
            self._open.pop(place)
        for member in self._open.values():
            member.sent()
        return {place: what for place, what in asked.items() if what is not None}

    def _full(self) -> bool:
        members = self._open.values()
        return (
            sum(member.waiting for member in members) >= MOST_POINTS
            or sum(member.waiting_bytes for member in members) >= MOST_BYTES
        )

    # --- checkpoints -------------------------------------------------------------------------

    def _checkpoint_if_due(self) -> None:
        before = time.monotonic()
        waits = any(member.waiting or member.waiting_bytes for member in self._open.values())
        if before < self._checkpoint_due or waits:
            return
        for place in list(self._open):
            if not self._over(place):
                self._checkpoint(place)
        now = time.monotonic()
        self._checkpoint_due = now + max(CHECKPOINT_EVERY, (now - before) / CHECKPOINT_SHARE)

    def _checkpoint(self, place: int) -> None:
        """Write a member's checkpoint; if that fails, the one before stays valid."""
        try:
            self._open[place].checkpoint()
        except ClaimLostError:
            self._open.pop(place)
        except StoreError as error:
            if not may_pass(error):
                raise
            _log.warning("%s The checkpoint before this one is kept.", error)


class _Member:
    """One run of a program, with the points and arrays that are not stored yet.

    Attributes:
        claim: The run, held by this process.
        last: The last step noted, or None.
        begun: The step of the checkpoint that it goes on from; -1 without one.
    """

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self.last: Step | None = None
        self.begun = -1
        self._files = claim.run.artifacts
        self._writer = claim.token[:8]
        self._points: list[Point] = []
        self._arrays: dict[int, Content] = {}
        self._written: set[str] = set()  # arrays whose files are there, not yet entered
        self._replaced: set[str] = set()  # files to be removed once a transaction is over
        self._latest = Latest()
        self._old_until = -1  # the last step recorded by an earlier process
        self._new_until = -1  # the last step that was flushed by this one
        self._elapsed_before = claim.run.elapsed
        self._began = time.monotonic()
        self._final: Snapshot | None = None

    def resume(self) -> Snapshot | None:
        """Load the state to continue from; None if there is none and the run starts anew.

        Raises:
            SnapshotError: If the checkpoint is gone or damaged.
        """
        saved = self._files.load_with_step(CHECKPOINT)
        self.begun = self._new_until = -1 if saved is None else saved[0]
        key = self.claim.run.key
        with writing_to(self.claim) as connection:
            hold(connection, self.claim)
            last = point_queries.last_step(connection, key)
            self._latest = Latest(point_queries.latest_at(connection, key, self.begun))
            self._remove(self._files.strays(connection))
        self._old_until = max([-1 if last is None else last, *self._files.array_steps()])
        return None if saved is None else saved[1]

    @property
    def waiting(self) -> int:
        """Points that are not stored yet."""
        return len(self._points)

    @property
    def waiting_bytes(self) -> int:
        """Bytes of the arrays that are not stored yet."""
        return sum(len(arrays.content) for arrays in self._arrays.values())

    @property
    def over(self) -> bool:
        """Whether all steps are taken."""
        return self.last is not None and self.last.done >= self.last.total

    def note(self, step: Step) -> None:
        """Record a step; the last one's weights are stored with the run."""
        self.last = step
        at = self._elapsed()
        for name, value in step.metrics.items():
            self._points.append(Point(step.index, name, float(value), at))
            self._latest.note(step.index, name, float(value))
        if step.arrays:
            content = pack_snapshot(Snapshot(step.arrays))
            self._arrays[step.index] = self._content(arrays_name(step.index), content)
        if self.over and step.snapshot is not None:
            self._final = step.snapshot()

    def write_arrays(self) -> None:
        """Write the files of waiting arrays; ``flush_in`` enters them in the store."""
        for arrays in self._arrays.values():
            if arrays.file not in self._written:
                self._write(arrays)
                self._written.add(arrays.file)

    def flush_in(self, connection: Connection) -> str | None:
        """Write all that waits, in a transaction; call ``sent`` when it has been committed.

        Returns:
            The run's request.

        Raises:
            ClaimLostError: If this process no longer holds the run.
            IntegrityError: If it was lost and has a live twin.
        """
        request = hold(connection, self.claim, self._progress())
        self._replaced = set()
        if self.last is not None:
            self._discard(connection, self.last.index)
        self.claim.store.point_table.write(connection, self.claim.run.key, self._points)
        for arrays in self._arrays.values():
            self._replaced.update(self._files.enter(connection, arrays))
        self._replaced -= self._written
        return request

    def sent(self) -> None:
        """Drop what was written; call after the transaction of ``flush_in``."""
        self._points, self._arrays, self._written = [], {}, set()
        if self.last is not None:
            self._new_until = max(self._new_until, self.last.index)
        self._remove(self._replaced)

    def checkpoint(self) -> None:
        """Save the whole state at the last step, if that step can be resumed from.

        Nothing may wait: flush first.

        Raises:
            ClaimLostError: If this process no longer holds the run.
            StoreError: If the file cannot be written, or the store does not answer.
        """
        if self._points or self._arrays:
            raise RuntimeError("a checkpoint of a step whose points are not in the store")
        if self.last is None or self.last.snapshot is None:
            return
        state = self._content(CHECKPOINT, pack_snapshot(self.last.snapshot()))
        self._write(state)
        with writing_to(self.claim, durable=True) as connection:
            hold(connection, self.claim)
            replaced = self._files.enter(connection, state)
        self._remove(replaced)

    def finish(self) -> Run:
        """Store the final weights and end the run; flush first."""
        weights: Content | None = None
        if self.last is not None and self._final is not None:
            final = self._final.weights_alone(self.last.index)
            weights = self._content(WEIGHTS, pack_snapshot(final))
        return self._end(Status.FINISHED, weights)

    def set_aside(self, request: str) -> Run:
        """End the run as requested (stop, pause or prune); checkpoint and flush first."""
        return self._end(_SET_ASIDE.get(request, Status.STOPPED))

    def fail(self, error: Exception) -> Run:
        """End the run as failed, with the reason and the traceback; flush first."""
        return self._end(
            Status.FAILED,
            error=failure_sentence(error),
            error_type=type(error).__name__,
            traceback="".join(traceback.format_exception(error)),
        )

    def _end(self, status: Status, weights: Content | None = None, **details: str) -> Run:
        """Write a run's final status and its weights in one transaction."""
        tried = False

        def write() -> None:
            nonlocal tried
            again, tried = tried, True
            if weights is not None:
                self._write(weights)
            try:
                with writing_to(self.claim, durable=True) as connection:
                    hold(connection, self.claim, end_values(self.claim, status, **details))
                    self._replaced = set()
                    if self.last is not None:
                        self._discard(connection, None)
                    if weights is not None:
                        self._replaced.update(self._files.enter(connection, weights))
                    if status == Status.FINISHED:
                        self._replaced.update(self._files.forget(connection, CHECKPOINT))
            except ClaimLostError:
                # the server may have carried out a transaction without coming to say so
                if not again or self.claim.run.refresh().status != status:
                    raise

        insist(write)
        with suppress(StoreError):  # they do no harm
            with self.claim.store.reading() as connection:
                strays = self._files.strays(connection)
            self._remove(file for file in strays if self._writer in file)
        self._remove(self._replaced)
        return insist(self.claim.run.refresh)

    def _discard(self, connection: Connection, up_to: int | None) -> None:
        """Remove points of an earlier process after the steps that this one has flushed."""
        after = self._new_until
        if after < self._old_until:
            point_queries.discard(connection, self.claim.run.key, after, up_to)
            self._replaced.update(self._files.forget_arrays(connection, after, up_to))

    def _content(self, name: str, content: bytes) -> Content:
        step = 0 if self.last is None else self.last.index
        return Content(name, step, content, self._writer)

    def _write(self, content: Content) -> None:
        """Write a file. Raises StoreError if that fails."""
        try:
            self._files.write(content)
        except OSError as error:
            raise StoreError(
                f"A file of run {self.claim.run.id} cannot be written: {error}. What was written "
                "before stays; check the disk and the permissions."
            ) from error

    def _remove(self, replaced: Iterable[str]) -> None:
        with suppress(OSError):  # what stays is removed with the strays
            self._files.remove(replaced)

    def _progress(self) -> dict[str, Any]:
        if self.last is None:
            return {}
        step = self.last
        return progress_values(
            step.index, step.done, step.total, self._elapsed(), self._latest.values()
        )

    def _elapsed(self) -> float:
        return self._elapsed_before + time.monotonic() - self._began


class _Alone:
    """The steps of one run, as an ensemble of one."""

    def __init__(self, steps: Iterator[Step]) -> None:
        self._steps = steps

    def rounds(self) -> Iterator[list[Told]]:
        """Yield each step."""
        try:
            for step in self._steps:
                yield [Told(0, step)]
        finally:
            _close(self._steps)

    def drop(self, _member: int) -> None:
        """Does nothing: the run ends when no more steps are taken."""


def _close(steps: Iterator[object]) -> None:
    """Close a generator, which ends its threads; other iterators need no closing."""
    close = getattr(steps, "close", None)
    if close is not None:
        close()
