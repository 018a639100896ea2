"""Sends what a loop logs to the store, in a thread of its own that never stops the loop.

The rules are the recorder's (``mlcore.runs.execution.recorder``): points are sent in the order in
which they were logged, each flush in one transaction; what was sent stays in memory until that
transaction is over; only the process that holds the claim can write.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from mlcore.core import MlcoreError, StoreError
from mlcore.runs.execution.claims import (
    Claim,
    ClaimLostError,
    end_values,
    hold,
    progress_values,
    writing_to,
)
from mlcore.runs.execution.patience import FLUSH_EVERY, PATIENCE, RETRY_EVERY, may_pass
from mlcore.runs.execution.system_metrics import SAMPLE_EVERY, SystemRecorder
from mlcore.runs.process_id import HEARTBEAT_EVERY
from mlcore.runs.status import Status
from mlcore.runs.store.latest import Latest
from mlcore.runs.store.points import PointTable, append, rows_of
from mlcore.runs.store.rows import run_of
from mlcore.runs.store.schema import runs

if TYPE_CHECKING:
    from mlcore.runs.store.artifacts import Content
    from mlcore.runs.store.store import Store

Logged = tuple[int, str, float, float]
"""Step, name, value, seconds since the start: a ``Point`` without its class, which costs time."""

MOST_WAITING: Final = 400_000
"""Points that may wait in memory, about 70 MB; more is dropped while the store is away."""

_A_FLUSH: Final = 20_000
"""Points of one transaction at most: others write to the store, too."""

_log = logging.getLogger("mlcore.log")


class Writer:
    """The only one that writes to a run; see the module.

    Args:
        row: The run's row, with its claim, as ``mlcore.runs.logged.start`` makes it.
        store: Opens the store.
        total: Steps in all, 0 if that is not known.
        record_code: Stores what code makes the run; called once.
        save: Stores a file of the run.

    Attributes:
        points: What waits; the loop appends to it.
        media: Files that wait; the loop appends to it.
        row: The run's row, as this process last set it.
        request: What the run was asked to do by the dashboard, ``"stop"``, or None.
        failure: Why nothing more can be written; None as long as that is not so.
        watch: Called in the thread after each sending.
    """

    def __init__(
        self,
        row: Mapping[str, Any],
        store: Callable[[], Store],
        total: float,
        record_code: Callable[[Claim], None] = lambda _claim: None,
        save: Callable[[Claim, Content], None] = lambda _claim, _content: None,
    ) -> None:
        self.points: list[Logged] = []
        self.media: list[Content] = []
        self.request: str | None = None
        self.failure: Exception | None = None
        self.row, self._open, self._total = dict(row), store, total
        self._changes: dict[str, Any] = {}
        self._changing = threading.Lock()
        self.watch: Callable[[], None] = lambda: None
        self._claim: Claim | None = None
        self._names, self._keys = PointTable(), dict[str, int]()
        self._latest = Latest()
        self._step, self._done = 0, 0.0
        self._began = time.monotonic()
        self._beat_due = self._began
        self._sample_due = self._began + SAMPLE_EVERY
        self._away = False
        self._dropped = 0
        self._end: tuple[Status, dict[str, Any]] | None = None
        self._sending = threading.Lock()
        self._system: SystemRecorder | None = None
        self._save = save
        self._code: Callable[[Claim], None] | None = record_code
        self._wake, self._room = threading.Event(), threading.Event()
        name = f"log-{row['id']}"
        self._say: Callable[[str, Exception], None] = lambda _kind, _error: None
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)

    def start(self, say: Callable[[str, Exception], None]) -> None:
        """Enter the run in the store, or begin to try.

        Args:
            say: Called with a kind and an error when nothing more can be written.
        """
        self._say = say
        try:
            self.claim()
        except StoreError as error:
            self._wait_for_store(error)
        self._thread.start()

    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._began

    def claim(self) -> Claim:
        """The claim on the run, which is entered in the store by the first call.

        Raises:
            StoreError: If the store does not answer.
        """
        if self._claim is None:
            store = self._open()
            now = {"heartbeat": store.clock()}
            try:
                with store.writing(alone=False, patience=0) as connection:
                    made = insert(runs).values(self.row | now).returning(*runs.c)
                    row = connection.execute(made).one()
            except IntegrityError:  # the server had entered it without coming to say so
                with store.reading() as connection:
                    mine = runs.c.id == self.row["id"], runs.c.claim == self.row["claim"]
                    row = connection.execute(select(runs).where(*mine)).one()
            self._claim = Claim(run_of(row, store), self.row["claim"])
        return self._claim

    def make_room(self) -> bool:
        """Wait until points can wait again; False if the store is away, and a point is dropped."""
        while len(self.points) >= MOST_WAITING:
            if self._away or self.failure is not None or not self._thread.is_alive():
                self._dropped += 1
                return False
            self._room.clear()
            self._wake.set()
            self._room.wait(0.05)
        return True

    def change(self, columns: Mapping[str, Any]) -> None:
        """Let columns of the run's row be set with the next flush."""
        with self._changing:
            self.row = {**self.row, **columns}
            self._changes = {**self._changes, **columns}

    def transact(self, act: Callable[[Claim], None]) -> None:
        """Do something with the run while no flush does.

        Raises:
            ClaimLostError: If this process no longer holds it.
            StoreError: If the store does not answer.
        """
        with self._sending:
            act(self.claim())

    def end(self, status: Status, **details: Any) -> None:
        """Send what waits and end the run; what hinders it is said, and is ``failure``."""
        self._end = (status, details)
        self._wake.set()
        self.join()

    def join(self) -> None:
        """Wait until the run has ended in the store."""
        self._thread.join()

    # --- the thread --------------------------------------------------------------------------

    def _work(self) -> None:
        pause = FLUSH_EVERY
        while self.failure is None:
            self._wake.wait(pause)
            self._wake.clear()
            if self._end is not None:
                break
            pause = FLUSH_EVERY if self._tried(self._send) else RETRY_EVERY
            self._record_code()
            self._take_system_metrics()
            self.watch()
        self._record_code()
        deadline = time.monotonic() + PATIENCE
        while self.failure is None and not self._tried(self._finish):
            if time.monotonic() > deadline:
                self._give_up(
                    StoreError(
                        f"The store did not answer for {PATIENCE:.0f} s, so the end of run "
                        f"{self.row['id']} and its last {len(self.points):,} points are not in "
                        "it. It will be shown as lost."
                    )
                )
            time.sleep(RETRY_EVERY)
        if self._system is not None and self.failure is None:
            self._system.end()
        self._room.set()

    def _record_code(self) -> None:
        """Store what code this is, once, as soon as the run is in the store."""
        record, claim = self._code, self._claim
        if record is None or claim is None or self._away or self.failure is not None:
            return
        self._code = None
        try:
            with self._sending:
                record(claim)
        except (MlcoreError, OSError) as error:  # the points count more, and say what is wrong
            _log.debug("What code this is was not recorded: %s", error)

    def _take_system_metrics(self) -> None:
        now = time.monotonic()
        if now < self._sample_due or self._claim is None or self._away:
            return
        self._sample_due = now + SAMPLE_EVERY
        if self._system is None:
            self._system = SystemRecorder([self._claim])
        self._system.keep()

    def _tried(self, act: Callable[[], None]) -> bool:
        """Whether an action on the store was carried out; what hinders it is said."""
        try:
            with self._sending:
                act()
        except ClaimLostError as error:
            self._give_up(error)
        except StoreError as error:
            if may_pass(error):
                self._wait_for_store(error)
            else:
                self._give_up(error)
        except Exception as error:  # noqa: BLE001 - the loop goes on, whatever its logger meets
            self._give_up(error)
        else:
            if self._away:
                self._away = False
                _log.warning(
                    "The store answers again. %s", self._lost_words() or "Nothing is lost."
                )
            return True
        finally:
            self._room.set()
        return False

    def _wait_for_store(self, error: StoreError) -> None:
        if not self._away:
            self._away = True
            _log.warning("%s Points are kept in memory and sent again.", error)

    def _give_up(self, error: Exception) -> None:
        self.failure = error
        self.points.clear()
        self.media.clear()
        self._say("writer", error)

    def _send(self) -> None:
        """Send what waits, or a heartbeat if one is due."""
        self._send_media()
        if self.points or self._changes or time.monotonic() > self._beat_due:
            self._flush()
        while len(self.points) >= _A_FLUSH:  # what comes meanwhile waits for the next turn
            self._flush()

    def _send_media(self) -> None:
        while self.media:
            self._save(self.claim(), self.media[0])
            del self.media[0]

    def _flush(self) -> None:
        claim = self.claim()
        some = self.points[:_A_FLUSH]
        progress, changes = self._progress(some), self._changes
        values = {**progress, **changes, "edited": runs.c.edited + 1} if changes else progress
        try:
            with writing_to(claim) as connection:
                self.request = hold(connection, claim, values)
                names = {point[1] for point in some}
                if not names <= self._keys.keys():
                    self._keys |= self._names.keys(connection, names)
                append(connection, rows_of(claim.run.key, self._keys, some))
        except BaseException:
            self._names.forget_names()
            self._keys.clear()
            raise
        self._beat_due = time.monotonic() + HEARTBEAT_EVERY
        del self.points[: len(some)]  # the loop may have appended meanwhile
        if changes:
            with self._changing:
                newer = self._changes
                self._changes = {k: v for k, v in newer.items() if v is not changes.get(k)}
        self._room.set()

    def _progress(self, some: list[Logged]) -> dict[str, Any]:
        note = self._latest.note
        for step, name, value, _ in some:
            note(step, name, value)
        if some:
            self._step = max(self._step, max(some)[0])
            self._done = self._step + 1.0
        return progress_values(
            self._step, self._done, self._total, self.seconds(), self._latest.values()
        )

    def _finish(self) -> None:
        if self._end is None:
            raise RuntimeError("a run is finished that nobody ended")
        self._send_media()
        while self.points or self._changes:
            self._flush()
        status, details = self._end
        claim = self.claim()
        if self._dropped and "error" not in details:
            details = details | {"error": self._lost_words()}
        ended = self._progress([])
        if status == Status.FINISHED:
            ended["done"] = ended["total"] = self._done or 1.0
        ended |= end_values(claim, status, **details)
        try:
            with writing_to(claim, durable=True) as connection:
                hold(connection, claim, ended)
        except ClaimLostError:
            # the server may have ended it without coming to say so
            if claim.run.refresh().status != status:
                raise

    def _lost_words(self) -> str:
        if not self._dropped:
            return ""
        return (
            f"{self._dropped:,} points are missing: the store did not answer, and no more than "
            f"{MOST_WAITING:,} can wait for it."
        )
