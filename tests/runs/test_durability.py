"""Points and checkpoints: whatever dies whenever, a resumed run is as one never interrupted."""

from __future__ import annotations

import errno
import math
from contextlib import suppress
from itertools import count, cycle
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from mlcore.core import Step, StoreError
from mlcore.core.files import write_atomically
from mlcore.runs import Run, Status
from mlcore.runs.execution import patience, recorder
from mlcore.runs.execution.claims import ClaimLostError, flush, take
from mlcore.runs.execution.heartbeat import reap
from mlcore.runs.execution.recorder import execute
from mlcore.runs.store import artifacts
from mlcore.runs.store.artifacts import CHECKPOINT
from mlcore.runs.store.points import Point
from mlcore.runs.store.schema import artifacts as table
from mlcore.runs.store.schema import runs
from mlcore.runs.store.store import Store
from tests.runs.faults import (
    DEAD,
    Killed,
    KnownConfig,
    away,
    before_each_operation,
    carry_out_all,
    check_whole,
    kill_at,
    loss,
    recover,
    set_clock,
)

# how far apart the recorder's looks at the clock are, in s
ALWAYS = 2.0
"""Flushes and checkpoints between almost all steps."""
OFTEN = 0.15
"""Flushes of a step or two, and hardly a checkpoint."""
MEMBERS = 3


@pytest.fixture(autouse=True)
def together_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "pays", lambda _: True)
    monkeypatch.setattr(recorder, "CHECKPOINT_SHARE", 1.0)
    monkeypatch.setattr(recorder, "SLOWEST_FLUSH", 1)  # here the clock moves when it is looked at


def submit(store: Store, members: int, steps: int = 12) -> list[Run]:
    """Queue fresh runs that train as one program, or one that trains alone."""
    configs = [KnownConfig(seed=seed, steps=steps) for seed in range(members)]
    made = [store.submit(config, force=True) for config in configs]
    if members > 1:
        with store.writing() as connection:
            which = runs.c.id.in_([run.id for run in made])
            connection.execute(update(runs).where(which).values(ensemble=made[0].id))
    return made


def forget(made: list[Run]) -> None:
    """Make room for the next runs of these configs."""
    for run in made:
        run.delete()


def killed_everywhere(store: Store, members: int, steps: int) -> int:
    """Kill the process before each operation in turn and resume; give how many there were."""
    for number in count(1):
        made = submit(store, members, steps)
        try:
            with before_each_operation(store, kill_at(number)):
                carry_out_all(store)
            whole = True
        except Killed:
            whole = False
        over = [run.refresh().status == Status.FINISHED for run in made]
        recover(store)
        carry_out_all(store)
        for run, was_over in zip(made, over, strict=True):
            # the very last thing a process does is to remove the checkpoint's file
            check_whole(run.refresh(), tidy=whole or not was_over)
        forget(made)
        if whole:
            return number - 1
    raise AssertionError


@pytest.mark.parametrize("pace", [ALWAYS, OFTEN])
def test_a_run_killed_at_any_moment_is_whole_after_it_is_resumed(
    store: Store, pace: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each commit and each change of a file is such a moment, before and after it."""
    set_clock(monkeypatch, lambda: pace)
    assert killed_everywhere(store, members=1, steps=4) > 10


@pytest.mark.slow_on_postgresql
def test_runs_of_one_program_killed_at_any_moment_are_whole_after_they_are_resumed(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_clock(monkeypatch, lambda: ALWAYS)
    assert killed_everywhere(store, members=MEMBERS, steps=1) > 10


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kills=st.lists(st.integers(1, 120), min_size=1, max_size=4),
    paces=st.lists(st.sampled_from([0.0, 0.1, 1.0, 6.0]), min_size=1, max_size=5),
    members=st.sampled_from([1, MEMBERS]),
    steps=st.integers(1, 25),
)
@pytest.mark.slow_on_postgresql
def test_runs_killed_again_and_again_are_whole_in_the_end(
    store: Store, kills: list[int], paces: list[float], members: int, steps: int
) -> None:
    """Before any statement, with any rhythm of flushes and checkpoints."""
    made = submit(store, members, steps)
    with pytest.MonkeyPatch.context() as patch:
        rhythm = cycle(paces)
        set_clock(patch, lambda: next(rhythm))
        for number in kills:
            with (
                suppress(Killed),
                before_each_operation(store, kill_at(number), statements=True),
            ):
                carry_out_all(store)
            seen = {run.id: run.metrics() for run in made}
            recover(store)
            for run in made:
                assert run.metrics().equals(seen[run.id]), "nothing that was seen is lost"
        carry_out_all(store)
    for run in made:
        check_whole(run.refresh(), tidy=False)
    forget(made)


# --- a store that is away -------------------------------------------------------------------------


@pytest.mark.parametrize("members", [1, MEMBERS])
@pytest.mark.parametrize("long", [1, 6])
def test_what_could_not_be_written_is_kept_and_written_again(
    store: Store, members: int, long: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whenever the store goes away: the run goes on and needs no resuming."""
    set_clock(monkeypatch, lambda: ALWAYS)
    for first in range(2, 40, 5):  # whoever takes runs tries that again by itself
        made = submit(store, members, steps=4)
        with before_each_operation(store, away(first, first + long - 1)):
            carry_out_all(store)
        for run in made:
            check_whole(run.refresh())
        forget(made)


def test_a_commit_that_is_carried_out_but_not_confirmed_changes_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the server goes away in the moment in which it answers."""
    set_clock(monkeypatch, lambda: ALWAYS)
    commit = store.engine.dialect.do_commit
    for number in range(1, 24):
        run = submit(store, 1, steps=4)[0]
        claim = take(store, DEAD, run.id)
        assert claim is not None
        numbers = count(1)

        def silent(connection: object, number: int = number, numbers: count[int] = numbers) -> None:
            commit(connection)  # type: ignore[arg-type]  # whatever the driver's is
            if next(numbers) == number:
                raise store.engine.dialect.loaded_dbapi.OperationalError("no answer")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(store.engine.dialect, "do_commit", silent)
            execute(claim)
        check_whole(run.refresh(), tidy=False)
        run.delete()


def test_a_store_that_never_comes_back_ends_the_run_with_what_memory_is_meant_for(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "MOST_POINTS", 40)
    clock = set_clock(monkeypatch, lambda: 0.01)
    run = submit(store, 1, steps=1000)[0]
    claim = take(store, DEAD, run.id)
    assert claim is not None
    seen: list[int] = []
    with (
        before_each_operation(store, away(6, math.inf)),
        pytest.raises(StoreError, match=r"did not answer|cannot be written"),
    ):
        execute(claim, watch=lambda step: seen.append(step.index))
    points = len(run.metrics())
    assert 0 < points < len(seen) < 100, "it went on for a while and then waited"
    assert clock.now > patience.PATIENCE
    recover(store)
    carry_out_all(store)
    check_whole(run.refresh())


@pytest.mark.sqlite
def test_a_full_disk_delays_files_and_loses_none(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Arrays, checkpoints and weights in turn."""
    set_clock(monkeypatch, lambda: ALWAYS)
    write = write_atomically
    for first in range(1, 12):
        tries = count(1)

        def full(path: Path, data: bytes, tries: count[int] = tries, first: int = first) -> None:
            if first <= next(tries) < first + 3:
                raise OSError(errno.ENOSPC, "No space left on device", str(path))
            write(path, data)

        run = submit(store, 1, steps=8)[0]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(artifacts, "write_atomically", full)
            carry_out_all(store)
        check_whole(run.refresh())
        run.delete()


# --- who may write, and what remains --------------------------------------------------------------


def test_a_run_that_is_stopped_before_it_is_where_it_once_was_has_nothing_beyond(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Points, arrays and the last values are those of the step at which it stopped."""
    set_clock(monkeypatch, lambda: ALWAYS)
    run = submit(store, 1, steps=20)[0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recorder, "CHECKPOINT_EVERY", math.inf)
        carry_out_until(store, run, step=17)
    recover(store)
    assert run.metrics()["step"].max() == 16
    claim = take(store, DEAD, run.id)
    assert claim is not None
    seen: list[int] = []
    stopped = execute(
        claim, interrupted=lambda: seen[-1] == 7, watch=lambda step: seen.append(step.index)
    )
    assert (stopped.status, stopped.step) == (Status.STOPPED, 7)
    assert stopped.metrics()["step"].max() == 7
    assert stopped.array_steps() == [0, 4]
    assert stopped.latest() == {"loss": loss(0, 7), "test_loss": sum(loss(0, s) for s in range(7))}
    recover(store)
    carry_out_all(store)
    check_whole(run.refresh())


def test_points_of_an_earlier_line_give_way_flush_by_flush(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Code that was edited in between may measure other things: none of the old remain."""
    set_clock(monkeypatch, lambda: ALWAYS)
    run = submit(store, 1, steps=20)[0]
    carry_out_until(store, run, step=9)
    begun = run.artifacts.load_with_step(CHECKPOINT)
    assert begun is not None
    assert 0 < begun[0] < 9
    with store.writing() as connection:
        points = [Point(step, "old", 1.0, 0.0) for step in range(21)]
        store.point_table.write(connection, run.key, points)
    recover(store)
    carry_out_all(store)
    old = run.metrics(["old"])
    assert list(old["step"]) == list(range(begun[0] + 1)), "up to the checkpoint it is one line"


def test_a_process_that_was_given_up_writes_no_checkpoint(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else its successor would go on from a step whose points it does not have."""
    set_clock(monkeypatch, lambda: ALWAYS)
    run = submit(store, 1, steps=20)[0]
    claim = take(store, DEAD, run.id)
    assert claim is not None

    def lose(step: Step) -> None:
        if step.index == 9:
            recover(store)
            successor = take(store, DEAD, run.id)
            assert successor is not None
            execute(successor)

    with pytest.raises(ClaimLostError):
        execute(claim, watch=lose)
    check_whole(run.refresh(), tidy=False)


def test_a_flush_brings_a_lost_run_back_without_the_words_of_its_loss(store: Store) -> None:
    run = submit(store, 1)[0]
    claim = take(store, DEAD, run.id)
    assert claim is not None
    reap(store)
    assert run.refresh().error is not None
    flush(claim, [], step=1, done=1, total=2, elapsed=0.0, latest={})
    back = run.refresh()
    assert (back.status, back.error, back.finished) == (Status.RUNNING, None, None)


def test_a_damaged_checkpoint_of_one_member_ends_that_one_alone(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_clock(monkeypatch, lambda: ALWAYS)
    made = submit(store, MEMBERS, steps=6)
    with pytest.raises(Killed), before_each_operation(store, kill_at(30)):
        carry_out_all(store)
    assert all(run.artifacts.load(CHECKPOINT) is not None for run in made)
    with store.writing() as connection:
        mine = (table.c.run == made[1].key) & (table.c.name == CHECKPOINT)
        connection.execute(update(table).where(mine).values(sha256="0" * 64))
    recover(store)
    carry_out_all(store)
    check_whole(made[0].refresh())
    check_whole(made[2].refresh())
    failed = made[1].refresh()
    assert failed.status == Status.FAILED
    assert "damaged" in (failed.error or "")


def carry_out_until(store: Store, run: Run, step: int) -> None:
    """Carry out a run by a process that is killed when it takes a step."""
    claim = take(store, DEAD, run.id)
    assert claim is not None

    def watch(now: Step) -> None:
        if now.index == step:
            raise Killed

    with pytest.raises(Killed):
        execute(claim, watch=watch)
