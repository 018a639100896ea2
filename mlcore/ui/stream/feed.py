"""Reads the runs that open pages watch: once for all of them, in one thread."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from mlcore.runs import open_store
from mlcore.ui import live_data
from mlcore.ui.stream.tails import Have, Tail

LOOK_S: Final = 0.03
"""Seconds between two looks at the store while a page watches."""

REST_S: Final = 0.15
"""Seconds without a look after one that found news: the recorder flushes every 0.2 s."""

TEND_S: Final = 3.0
"""Seconds between two searches for dead runs: seldom, for one costs as much as 20 looks. A page
that shows a run that waits polls, and so has it tended more often."""

_log = logging.getLogger("mlcore.stream")


class Follower:
    """A page at the other end of a socket: the runs it watches, and what it has of each."""

    def __init__(self) -> None:
        self.news = asyncio.Event()
        self.failed = False
        self._have: dict[str, Have] = {}
        self._told: dict[str, Tail] = {}

    @property
    def runs(self) -> Collection[str]:
        """Ids of the runs it watches."""
        return self._have.keys()

    def watch(self, have: Mapping[str, Have]) -> None:
        """Watch these runs instead, of which the page has so much."""
        self._have, self._told = dict(have), {}
        self.news.set()

    def next_message(self, tails: Mapping[str, Tail]) -> str | None:
        """The next thing the page lacks; None if it has all."""
        for run_id, have in self._have.items():
            tail = tails.get(run_id)
            if tail is not None and self._told.get(run_id) is not tail:
                self._told[run_id], self._have[run_id] = tail, tail.have
                return tail.message(have)
        return None


class Feed:
    """Looks at the store while there are followers, and wakes those for whom there is news."""

    def __init__(self) -> None:
        self.tails: dict[str, Tail] = {}
        self._followers: set[Follower] = set()
        self._looking: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="mlcore.stream")
        self._tended = -TEND_S

    def join(self, follower: Follower) -> None:
        """Read for this follower as well."""
        self._followers.add(follower)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_on())

    def leave(self, follower: Follower) -> None:
        """Read no longer for it."""
        self._followers.discard(follower)

    async def _look_on(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._followers:
                wanted = {run_id for one in self._followers for run_id in one.runs}
                changed = await loop.run_in_executor(self._thread, self._look, wanted)
                for follower in self._followers:
                    if not changed.isdisjoint(follower.runs):
                        follower.news.set()
                await asyncio.sleep(REST_S if changed else LOOK_S)
        except Exception as error:  # noqa: BLE001 - pages poll then, and show what is wrong
            _log.warning("The live stream ended, pages poll instead: %s", error)
            for follower in self._followers:
                follower.failed = True
                follower.news.set()
        finally:
            self.tails.clear()

    def _look(self, wanted: set[str]) -> set[str]:
        """Read what changed of these runs; forget all others."""
        if not wanted:
            return set()
        if time.monotonic() - self._tended >= TEND_S:
            self._tended = time.monotonic()
            live_data.tend_runs()
        store = open_store()
        marks = store.marks(sorted(wanted))
        changed = {
            run_id
            for run_id in wanted
            if run_id not in self.tails or self.tails[run_id].mark != marks.get(run_id)
        }
        if changed:
            found = {run.id: run for run in store.get_many(sorted(changed))}
            for run_id in changed:
                self.tails[run_id] = Tail(found.get(run_id), run_id, marks.get(run_id))
        for run_id in self.tails.keys() - wanted:
            del self.tails[run_id]
        return changed
