"""``mlcore tag``, ``rename``, ``note``, ``star``, ``archive``, ``rm`` and ``undo``."""

from __future__ import annotations

from typing import Any

from mlcore.cli.commands import argument, command, flag
from mlcore.cli.run_lines import RUN_ID, line_of, named_runs, takes_runs
from mlcore.core import InputError


@command(
    "give runs a tag, or take it away",
    argument("tag", "the tag, without a #"),
    takes_runs,
    flag("--remove", text="take the tag away"),
)
def tag(tag: str, ids: tuple[str, ...], where: str | None, remove: bool) -> int:
    """Change the tags of runs."""
    return _edit(ids, where, **{"remove_tags" if remove else "add_tags": [tag]})


@command(
    "give a run a name; '' takes it away", RUN_ID, argument("text", "the name", metavar="NAME")
)
def rename(run_id: str, text: str) -> int:
    """Change a run's name."""
    return _write(run_id, name=text)


@command(
    "write a note on a run", RUN_ID, argument("text", "the note; '' takes it away", metavar="NOTE")
)
def note(run_id: str, text: str) -> int:
    """Change a run's note."""
    return _write(run_id, note=text)


@command("mark runs", takes_runs, flag("--off", text="undo it"))
def star(ids: tuple[str, ...], where: str | None, off: bool) -> int:
    """Star runs."""
    return _edit(ids, where, starred=not off)


@command("put runs aside", takes_runs, flag("--off", text="undo it"))
def archive(ids: tuple[str, ...], where: str | None, off: bool) -> int:
    """Archive runs."""
    return _edit(ids, where, archived=not off)


@command(
    "put runs in the trash; `mlcore undo` takes them out",
    takes_runs,
    flag("--forever", text="with their points, and at once"),
)
def remove(ids: tuple[str, ...], where: str | None, forever: bool) -> int:
    """Delete runs."""
    from mlcore.runs import open_store
    from mlcore.runs.store.organize import purge_runs, trash

    store = open_store()
    gone = trash(store, [run.id for run in named_runs(store, ids, where)])
    if forever:
        purge_runs(store, [run.id for run in gone])
    for run in gone:
        print(f"{run.id}  deleted" + " forever" * forever)
    return 0


@command(
    "take runs out of the trash",
    argument("ids", "by default those deleted last", nargs=-1, metavar="[ID]..."),
)
def undo(ids: tuple[str, ...]) -> int:
    """Restore deleted runs."""
    from mlcore.runs import open_store
    from mlcore.runs.store.organize import restore

    store = open_store()
    wanted = list(ids)
    if not wanted:
        trashed = store.list(deleted=True)
        last = max((run.deleted for run in trashed if run.deleted is not None), default=None)
        wanted = [run.id for run in trashed if run.deleted == last]
        if not wanted:
            raise InputError("The trash is empty, so there is nothing to take out.")
    for run in restore(store, wanted):
        print(line_of(run))
    return 0


def _write(run_id: str, **changes: Any) -> int:
    from mlcore.runs import get_run

    print(line_of(get_run(run_id).edit(**changes)))
    return 0


def _edit(ids: tuple[str, ...], where: str | None, **changes: Any) -> int:
    from mlcore.runs import open_store
    from mlcore.runs.store.organize import edit

    store = open_store()
    for run in edit(store, [run.id for run in named_runs(store, ids, where)], **changes):
        print(line_of(run))
    return 0
