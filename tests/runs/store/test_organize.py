"""Organizing: edits are whole and do not undo each other, the trash gives back what it took."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import mlcore
from mlcore.core import RunNotFoundError, RunStateError
from mlcore.runs import Status
from mlcore.runs.execution.claims import ClaimLostError, beat, take
from mlcore.runs.execution.heartbeat import reap
from mlcore.runs.process_id import ProcessId
from mlcore.runs.store.organize import edit, purge, restore, trash
from mlcore.runs.store.store import Store
from tests.runs.hostile import HOSTILE
from tests.runs.toy import ToyConfig

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=50)


def test_an_edit_changes_what_is_given_and_nothing_else(store: Store) -> None:
    run = store.submit(ToyConfig())
    assert run.edit(name="first", note="why", tags=["a"]).edited == 1
    starred = run.edit(starred=True)
    assert (starred.name, starred.note, starred.tags) == ("first", "why", ("a",))
    assert (starred.starred, starred.archived, starred.edited) == (True, False, 2)
    assert run.edit(starred=True).edited == 2, "nothing changed, so nothing is counted"
    assert run.edit(name="", archived=True).name == ""


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=texts, note=texts, tags=st.lists(texts.filter(str.strip), max_size=4))
def test_texts_are_kept_as_they_are(store: Store, name: str, note: str, tags: list[str]) -> None:
    run = store.submit(ToyConfig()).edit(name=name, note=note, tags=tags)
    assert (run.name, run.note) == (name, note)
    assert run.tags == tuple(dict.fromkeys(tag.strip() for tag in tags))


def test_hostile_names_and_notes_are_text_like_any_other(store: Store) -> None:
    run = store.submit(ToyConfig()).edit(name=HOSTILE, note=HOSTILE, tags=["<i>", "a b"])
    assert (run.name, run.note, run.tags) == (HOSTILE, HOSTILE, ("<i>", "a b"))
    assert len(store.list()) == 1


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"name": "n" * 100_001},
            "The name has 100,001 characters, but at most 100,000 are allowed",
        ),
        ({"note": "a\0b"}, "holds the character NUL"),
        ({"note": "\ud83d"}, "half a character"),
        ({"add_tags": [" "]}, "A tag has 0 characters, but must have 1 to 200"),
    ],
)
def test_a_text_that_cannot_be_kept_is_refused(
    store: Store, change: dict[str, object], sentence: str
) -> None:
    run = store.submit(ToyConfig())
    with pytest.raises(ValueError, match=sentence):
        edit(store, [run.id], **change)  # type: ignore[arg-type]  # wrong on purpose
    assert run.refresh() == run


def test_editing_many_is_all_or_nothing(store: Store) -> None:
    runs = [store.submit(ToyConfig(seed=seed)) for seed in range(3)]
    with pytest.raises(RunNotFoundError, match="nope"):
        edit(store, [runs[0].id, "nope"], starred=True)
    assert not any(run.starred for run in store.list())
    changed = edit(store, [run.id for run in runs], starred=True, add_tags=["w"])
    assert [run.id for run in changed] == [run.id for run in runs]
    assert all(run.starred and run.tags == ("w",) for run in store.list())


def test_two_writers_at_once_lose_no_tag(store: Store) -> None:
    run = store.submit(ToyConfig())

    def tag(number: int) -> None:
        other = Store(store.url)
        edit(other, [run.id], add_tags=[f"t{number}"], note=f"from {number}")
        other.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(tag, range(12)))
    now = run.refresh()
    assert set(now.tags) == {f"t{number}" for number in range(12)}
    assert now.edited == 12


@pytest.mark.usefixtures("store")
def test_the_trash_gives_back_what_it_took() -> None:
    run = mlcore.run(ToyConfig())
    weights = run.model().state_dict()["weight"]
    points = run.metrics()
    deleted = run.delete()
    assert deleted.deleted is not None
    assert mlcore.search_runs().empty
    again = mlcore.run(ToyConfig())
    assert again.id != run.id, "what is in the trash answers for no config"
    back = run.restore()
    assert (back.deleted, back.status) == (None, Status.FINISHED)
    assert back.metrics().equals(points)
    assert back.model().state_dict()["weight"].equal(weights)


def test_a_purged_run_is_gone_with_its_files(store: Store) -> None:
    kept, gone = mlcore.run(ToyConfig()), mlcore.run(ToyConfig(seed=1))
    trash(store, [gone.id])
    assert purge(store, older_than_s=60) == []
    assert gone.artifacts.kept()
    assert purge(store) == [gone.id]
    assert not gone.artifacts.folder.exists()
    assert kept.artifacts.content("weights")
    with pytest.raises(RunNotFoundError):
        restore(store, [gone.id])
    with store.reading() as connection:
        left = connection.exec_driver_sql("SELECT DISTINCT run FROM points").all()
    assert left == [(kept.key,)]


def test_a_waiting_run_is_stopped_when_it_is_deleted(store: Store) -> None:
    run = store.submit(ToyConfig()).delete()
    assert run.status == Status.STOPPED
    assert take(store, ProcessId.of()) is None
    with pytest.raises(RunStateError, match="is in the trash"):
        run.resume()
    assert run.restore().status == Status.STOPPED


def test_a_running_run_is_not_deleted_nor_those_beside_it(store: Store) -> None:
    running, waiting = store.submit(ToyConfig()), store.submit(ToyConfig(seed=1))
    assert take(store, ProcessId.of(), running.id) is not None
    with pytest.raises(RunStateError, match=f"Run {running.id} is running"):
        trash(store, [waiting.id, running.id])
    assert len(store.list()) == 2


def test_a_lost_run_in_the_trash_is_not_revived_by_a_late_heartbeat(store: Store) -> None:
    run = store.submit(ToyConfig())
    claim = take(store, ProcessId(host="elsewhere", pid=1, started=0.0), run.id)
    assert claim is not None
    with store.writing() as connection:
        connection.exec_driver_sql("UPDATE runs SET heartbeat = heartbeat - 60")
    reap(store)
    run.delete()
    with pytest.raises(ClaimLostError):
        beat(claim)
    assert run.refresh().status == Status.LOST
