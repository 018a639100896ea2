"""``follow``: a log folder of TensorBoard as live runs, while other processes write to it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from mlcore.core import InputError, RunNotFoundError, RunStateError, StoreError
from mlcore.runs.execution.claims import ClaimLostError
from mlcore.runs.execution.patience import insist
from mlcore.runs.export.missing import extra
from mlcore.runs.imports.event_files import EventFolder
from mlcore.runs.imports.event_folders import Training
from mlcore.runs.imports.followed_run import FollowedRun
from mlcore.runs.imports.foreign import ImportRefusedError, Say
from mlcore.runs.imports.growing_logs import GrowingLogs
from mlcore.runs.process_id import HEARTBEAT_EVERY
from mlcore.runs.store.store import Store, open_store

if TYPE_CHECKING:
    from mlcore.runs.recorded_run import Run

QUIET: Final = 300.0
"""Seconds without growth after which a run counts as finished, unless another number is given."""

_SHARE: Final = 5.0  # pauses are so many times as long as it takes to list the files


def follow(
    path: str | Path,
    *,
    store: Store | None = None,
    once: bool = False,
    idle: float | None = None,
    quiet: float = QUIET,
    every: float = 1.0,
    stop: Callable[[], bool] = lambda: False,
    say: Say = lambda _: None,
) -> list[Run]:
    """Follow a log folder of TensorBoard: each training in it is a run that grows with its files.

    What is a training, and what of it is read, is as in ``import_tensorboard``; a training that is
    restarted in its folder goes on with its run, and steps that it takes back are taken back; where
    all of its files were replaced by others, another run begins. The runs are marked as imported. A
    run whose files have not grown for a while is finished, and runs again when they do. A later
    call for the same folder goes on with the same runs, as for those that were imported from it. It
    waits where the folder holds no event files yet. It keeps what it read in memory, some 250 bytes
    for each scalar.

    Args:
        path: The folder.
        store: Where the runs are; by default ``mlcore.runs.open_store()``.
        once: Look once, finish the runs and return.
        idle: Return when nothing has grown for so many seconds; by default never.
        quiet: Seconds without growth after which a run is finished.
        every: Seconds between two looks.
        stop: Asked at each look; return when it says so.
        say: Called with a sentence when a run begins or ends, and for what cannot be read.

    Returns:
        The runs, in order of their folders' names.

    Raises:
        FileNotFoundError: If there is no such folder.
        InputError: If a number of seconds is none.
        KeyboardInterrupt: After Ctrl-C; runs whose files grew of late are stopped before.
        MissingExtraError: If tensorboard is not installed.
        RunStateError: If another process follows all that is there.
        StoreError: If the store does not answer for a minute; a later call goes on.

    Example:
        >>> import mlcore, pathlib, tempfile
        >>> run = mlcore.run(mlcore.RegressionConfig(steps=20), progress=False)
        >>> with tempfile.TemporaryDirectory() as name:
        ...     _ = mlcore.runs.export.to_tensorboard([run], pathlib.Path(name))
        ...     (followed,) = mlcore.runs.imports.follow(name, once=True)
        >>> print(followed.source, followed.status, sorted(followed.latest()))
        tensorboard finished ['b', 'loss', 'w']
    """
    for what, seconds in {"idle": idle, "quiet": quiet, "every": every}.items():
        if seconds is not None and not 0 <= seconds < 1e9:
            raise InputError(f"{what} is {seconds}, but must be a number of seconds from 0.")
    extra("tensorboard", "Reading event files", "tensorboard")
    folder = Path(path)
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no folder {folder}. Make it first, or check the path.")
    follower = _Follower(store or open_store(), folder.resolve(), quiet, say)
    over = once or idle is not None
    try:
        grown = time.monotonic()
        while True:
            if follower.look():
                grown = time.monotonic()
            if once or (idle is not None and time.monotonic() - grown > idle):
                break
            if stop():
                over = False
                break
            follower.pause(every)
    except StoreError:  # it cannot be told how they ended
        follower.let_go()
        raise
    except BaseException:
        follower.end(over=False)
        raise
    follower.end(over=over)
    return follower.runs()


class _Follower:
    def __init__(self, store: Store, path: Path, quiet: float, say: Say) -> None:
        self._store, self._quiet, self._say = store, quiet, say
        self._logs = GrowingLogs(path, say, self._beat)
        self._followed: dict[PurePosixPath, FollowedRun] = {}
        self._held: dict[PurePosixPath, RunStateError] = {}  # those of other processes
        self._homes: dict[PurePosixPath, set[PurePosixPath]] = {}
        self._beaten = time.monotonic()

    def look(self) -> bool:
        """Bring what is new into the store; whether there was anything."""
        new = self._logs.look()
        found = {training.home: training for training in self._logs.trainings}
        homes = {home: set(self._logs.homes_of(one)) for home, one in found.items()}
        self._settle_moves(homes)
        changed = {
            home
            for home, members in homes.items()
            if members & new or members != self._homes.get(home)
        }
        for home in sorted(changed):
            if any(_has_results(part.folder) for part in found[home].parts):
                self._sync(found[home])
                self._beat()
        self._homes = homes
        if self._held and self._held.keys() == self._followed.keys():
            raise next(iter(self._held.values()))
        self._finish_quiet_ones()
        self._beat()
        return bool(new)

    def pause(self, seconds: float) -> None:
        """Wait for so many seconds, longer where it takes long to list the files."""
        over = time.monotonic() + max(seconds, _SHARE * self._logs.listing)
        while (left := over - time.monotonic()) > 0:
            time.sleep(min(left, 1.0))
            self._beat()

    def runs(self) -> list[Run]:
        """The runs, in order of their folders, without those that were deleted meanwhile."""
        found = []
        for home in sorted(self._followed):
            if (run := self._followed[home].run) is not None:
                with suppress(RunNotFoundError):
                    found.append(insist(run.refresh))
        return found

    def end(self, *, over: bool) -> None:
        """End the runs that have not ended."""
        for home, followed in self._followed.items():
            if followed.open:
                self._end(home, followed, over=over or self._is_quiet(home))

    def let_go(self) -> None:
        """Write no more; who looks at the runs finds them lost when this process ends."""
        for followed in self._followed.values():
            followed.lose()

    def _sync(self, training: Training) -> None:
        home, name = training.home, self._logs.name_of(training)
        files = self._logs.files_of(training)
        followed = self._followed.get(home)
        if followed is not None and not followed.reads(files):
            self._say(f"{name} holds other event files than before, so another run begins.")
            self._end(home, followed, over=True)
            followed = None
        if followed is None:
            followed = FollowedRun(self._store, self._logs.path / home)
            self._followed[home] = followed
        open_before = followed.open
        try:
            followed.sync(training, name, files)
        except (ImportRefusedError, RunStateError, ClaimLostError) as error:
            followed.lose()
            if isinstance(error, RunStateError):
                self._held[home] = error
            self._say(f"{name} is not followed. {error}")
            return
        if followed.open and not open_before and followed.run is not None:
            self._say(f"{name} is run {followed.run.id}.")

    def _settle_moves(self, homes: dict[PurePosixPath, set[PurePosixPath]]) -> None:
        """Give the run of a folder that is no training any more to the training it became."""
        for home in [one for one in self._followed if one not in homes]:
            followed = self._followed.pop(home)
            self._held.pop(home, None)
            members = self._homes.get(home, {home})
            heirs = [heir for heir, mine in homes.items() if mine & members]
            free = [heir for heir in heirs if heir not in self._followed]
            if free:
                followed.move(self._logs.path / free[0])
                self._followed[free[0]] = followed
            elif heirs:
                followed.discard()
            else:
                self._end(home, followed, over=True)

    def _finish_quiet_ones(self) -> None:
        for home, followed in self._followed.items():
            if followed.open and (followed.stopped or self._is_quiet(home)):
                self._end(home, followed, over=not followed.stopped)

    def _is_quiet(self, home: PurePosixPath) -> bool:
        members = self._homes.get(home, set())
        grew = max((self._logs.folders[one].grew for one in members), default=0.0)
        return time.time() - grew > self._quiet

    def _end(self, home: PurePosixPath, followed: FollowedRun, *, over: bool) -> None:
        if not followed.open:
            return
        try:
            followed.end(over=over)
        except ClaimLostError as error:
            followed.lose()
            self._say(f"{self._named(home)} is no longer followed. {error}")
            return
        if followed.run is not None:
            self._say(f"Run {followed.run.id} is {followed.run.status}.")

    def _beat(self) -> None:
        if time.monotonic() - self._beaten < HEARTBEAT_EVERY:
            return
        self._beaten = time.monotonic()
        for home, followed in self._followed.items():
            if followed.open:
                try:
                    followed.beat()
                except ClaimLostError as error:
                    followed.lose()
                    self._say(f"{self._named(home)} is no longer followed. {error}")

    def _named(self, home: PurePosixPath) -> str:
        return str(PurePosixPath(self._logs.path.name) / home)


def _has_results(folder: EventFolder) -> bool:
    least = 1 if folder.holds_placeholder else 0
    return len(folder.scalars) > least or bool(folder.exact)
