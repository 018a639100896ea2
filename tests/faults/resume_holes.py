"""Kills workers and restarts servers at random moments; a run that was resumed must lack nothing.

    python tests/faults/resume_holes.py [--seed N] [--kills 500] [--restarts 20] [--outage 10]
                                        [--only sqlite,postgresql,ensemble,restarts,outage]

- sqlite, postgresql: real worker processes carry out runs of a fast generator and are killed with
  SIGKILL at random moments, half of them with a checkpoint a few times a second, half of them
  without one before the end. A run whose worker was killed is resumed until it is finished.
- ensemble: the same for runs that train as one program, on both back ends.
- restarts: a PostgreSQL server is restarted under a run, every other time without being told to
  end (SIGQUIT: it recovers from its log as after a crash). Nobody resumes anything.
- outage: the server is away for so many seconds and comes back while the run goes on.

Each finished run is compared point by point, array by array with what its config says. Prints the
seed, a line for each part, and ends with 1 if a single point is missing, is there twice over or
has another value.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import secrets
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from sqlalchemy import update

from mlcore.runs import Run, Status
from mlcore.runs.execution import recorder, worker
from mlcore.runs.execution.heartbeat import reap
from mlcore.runs.execution.process_setup import tell
from mlcore.runs.store.schema import runs
from mlcore.runs.store.store import Store, open_store
from tests.engines.server import PostgresServer, find_binaries
from tests.runs.faults import KnownConfig

STEPS = {"sqlite": 20_000, "postgresql": 4_000}
"""So many steps take a second or two, in which a kill falls."""
ARRAYS_EVERY = 1_000
MEMBERS = 4
PACES = {"with checkpoints": 0.1, "without": 1e9}
UNTIL_DONE_S = 180.0


@dataclass
class Tally:
    """What came of one part."""

    runs: int = 0
    kills: int = 0
    killed_runs: int = 0
    missing: int = 0
    wrong: int = 0
    unfinished: int = 0

    @property
    def holes(self) -> int:
        """Points that are missing or wrong, and runs that did not end."""
        return self.missing + self.wrong + self.unfinished

    def add(self, run: Run) -> None:
        """Compare a finished run with what its config says."""
        self.runs += 1
        if run.status != Status.FINISHED:
            self.unfinished += 1
            say(f"  run {run.id} is {run.status}: {run.error}")
            return
        config = run.config
        assert isinstance(config, KnownConfig)
        expected = {
            (step.index, name): value
            for step in config.train()
            for name, value in step.metrics.items()
        }
        frame = run.metrics()
        keys = zip(frame["step"].tolist(), frame["name"].tolist(), strict=True)
        found = dict(zip(keys, frame["value"].tolist(), strict=True))
        missing = expected.keys() - found.keys()
        wrong = {key for key, value in found.items() if expected.get(key) != value}
        arrays = {*range(0, config.steps + 1, config.arrays_every)} ^ {*run.array_steps()}
        if missing or wrong or arrays:
            say(
                f"  run {run.id} lacks {len(missing)} points {sorted(missing)[:3]}…, has "
                f"{len(wrong)} wrong ones, and the arrays of {len(arrays)} steps are amiss"
            )
        self.missing += len(missing)
        self.wrong += len(wrong) + len(arrays)

    def line(self, what: str) -> str:
        """The part in a line."""
        return (
            f"{what:36} {self.kills:4} kills in {self.killed_runs:3} of {self.runs:3} runs: "
            f"{self.missing} points missing, {self.wrong} wrong, {self.unfinished} unfinished"
        )


class Workers:
    """Starts real worker processes of a store, one at a time, quickly: torch is loaded before."""

    def __init__(self, url: str, checkpoint_every: float, log: Path) -> None:
        self._given = url, checkpoint_every, str(log)
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(
            ["torch", "mlcore.runs.execution.worker", "tests.runs.faults"]
        )
        self._process: BaseProcess | None = None

    def start(self) -> None:
        """Start one."""
        self._process = self._context.Process(target=work, args=self._given)
        self._process.start()

    def kill(self) -> None:
        """Kill it, and wait until it is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.join()


def work(url: str, checkpoint_every: float, log: str) -> None:
    """Be a worker of a store."""
    with Path(log).open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    recorder.CHECKPOINT_EVERY = checkpoint_every
    recorder.CHECKPOINT_SHARE = 1.0
    vars(recorder)["pays"] = lambda _: True  # together, whether quicker or not
    tell()
    worker.work(open_store(url), 600.0)


def submit(store: Store, members: int, config: KnownConfig) -> list[Run]:
    """Queue runs that train as one program, or one that trains alone."""
    made = [store.submit(config.replace(seed=config.seed + n)) for n in range(members)]
    if members > 1:
        with store.writing() as connection:
            which = runs.c.id.in_([run.id for run in made])
            connection.execute(update(runs).where(which).values(ensemble=made[0].id))
    return made


def killed(
    store: Store, workers: Workers, kills: int, members: int, chance: random.Random
) -> Tally:
    """Kill workers at random moments of their runs until there were so many kills."""
    tally, seed = Tally(), 0
    workers.start()
    while tally.kills < kills:
        steps = STEPS["postgresql" if store.server else "sqlite"] // members
        config = KnownConfig(seed=seed, steps=steps, arrays_every=ARRAYS_EVERY)
        made = submit(store, members, config)
        seed += members
        done = 0
        for _ in range(chance.choice([1, 1, 2, 3])):
            done += killed_once(store, workers, made, chance)
        until(lambda made=made: over(made), UNTIL_DONE_S)  # type: ignore[misc]
        tally.kills += done
        tally.killed_runs += members * (done > 0)
        for run in made:
            tally.add(run.refresh())
    workers.kill()
    return tally


def killed_once(store: Store, workers: Workers, made: list[Run], chance: random.Random) -> bool:
    """Kill the worker some time after it took the runs; False if it was through before."""
    until(lambda: over(made) or any(is_(run, Status.RUNNING) for run in made), UNTIL_DONE_S)
    time.sleep(chance.uniform(0.0, 1.0))
    if over(made):
        return False
    workers.kill()
    until(lambda: bool(reap(store)) or over(made), 2.0)
    for run in made:
        if is_(run, Status.LOST):
            store.requeue(run.refresh())
    workers.start()
    return True


def restarted(
    server: PostgresServer, restarts: int, outage: float, chance: random.Random, log: Path
) -> Tally:
    """Restart the server under a run that lives on; nobody resumes it."""
    url = server.new_store()
    store, workers, tally = Store(url), Workers(url, 1.0, log), Tally()
    steps = int(100 * (restarts * (2.0 + outage) + 5.0))  # so that it lasts about that long
    config = KnownConfig(steps=steps, arrays_every=100, pause=0.01)
    (run,) = submit(store, 1, config)
    workers.start()
    until(lambda: store.last_step(run.id) > 10, UNTIL_DONE_S)
    for number in range(restarts):
        time.sleep(chance.uniform(0.2, 2.0))
        server.stop(crash=number % 2 == 1)
        time.sleep(outage or chance.uniform(0.0, 1.0))
        server.start()
        tally.kills += 1
    until(lambda: over([run]), steps * 0.1 + UNTIL_DONE_S)
    workers.kill()
    tally.killed_runs = 1
    tally.add(run.refresh())
    store.close()
    return tally


def until(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait for a condition; False if it does not come true."""
    ends = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > ends:
            return False
        time.sleep(0.01)
    return True


def is_(run: Run, status: Status) -> bool:
    """Whether a run has this status now."""
    return run.refresh().status == status


def over(made: list[Run]) -> bool:
    """Whether nothing comes of these runs any more by itself."""
    return all(not run.refresh().status.moving for run in made)


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


class Parts:
    """What is measured, each by its name."""

    def __init__(self, given: argparse.Namespace, folder: Path) -> None:
        self._given = given
        self._folder = folder
        self._chance = random.Random(given.seed)
        self._log = folder / "workers.log"
        self.holes = 0

    def report(self, what: str, tally: Tally) -> None:
        """Say what came of a part."""
        self.holes += tally.holes
        say(tally.line(what))

    def kills(self, back_end: str, server: PostgresServer | None, members: int) -> None:
        """Kill the workers of one back end."""
        for number, (pace, seconds) in enumerate(PACES.items()):
            url = str(self._folder / f"{members}-{number}.db")
            if server is not None:
                url = server.new_store()
            store, workers = Store(url), Workers(url, seconds, self._log)
            count = (self._given.kills + 1 - number) // 2
            tally = killed(store, workers, count, members, self._chance)
            store.close()
            alone = "alone" if members == 1 else f"{members} as one"
            self.report(f"{back_end}, {alone}, {pace}", tally)

    def restarts(self, server: PostgresServer) -> None:
        """Restart the server."""
        tally = restarted(server, self._given.restarts, 0.0, self._chance, self._log)
        self.report("restarts of the server", tally)

    def outage(self, server: PostgresServer) -> None:
        """Leave the runs without a server for long."""
        seconds = self._given.outage
        tally = restarted(server, 1, seconds, self._chance, self._log)
        self.report(f"{seconds:g} s without a server", tally)

    def all(self, only: set[str], server: PostgresServer | None) -> None:
        """Measure the parts that are asked for."""
        if "sqlite" in only:
            self.kills("sqlite", None, 1)
        if "ensemble" in only:
            self.kills("sqlite", None, MEMBERS)
        if server is None:
            say("PostgreSQL is not installed: its parts are left out")
            return
        if "postgresql" in only:
            self.kills("postgresql", server, 1)
        if "ensemble" in only:
            self.kills("postgresql", server, MEMBERS)
        if "restarts" in only:
            self.restarts(server)
        if "outage" in only:
            self.outage(server)


def main() -> int:
    """Carry out the parts that are asked for; 1 if there is a hole."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--kills", type=int, default=500, help="of each part with kills")
    parser.add_argument("--restarts", type=int, default=20)
    parser.add_argument("--outage", type=float, default=10.0, help="in seconds")
    parser.add_argument("--only", default="sqlite,postgresql,ensemble,restarts,outage")
    given = parser.parse_args()
    say(f"seed {given.seed}")
    binaries = find_binaries()
    server = None if binaries is None else PostgresServer(binaries)
    with tempfile.TemporaryDirectory(prefix="mlcore-holes-") as name:
        os.environ["MLCORE_FILES"] = str(Path(name) / "files")
        parts = Parts(given, Path(name))
        try:
            if server is not None:
                server.start()
            parts.all(set(given.only.split(",")), server)
        finally:
            if server is not None:
                server.remove()
    say(f"{parts.holes} holes (seed {given.seed})")
    return int(parts.holes > 0)


if __name__ == "__main__":
    sys.exit(main())
