"""``mlcore tag``, ``rename``, ``note``, ``star``, ``archive``, ``rm`` and ``undo``."""

from __future__ import annotations

from typing import Any

from mlcore.cli.commands import argument, command, flag
from mlcore.cli.run_lines import RUN_ID, line_of, named_runs, takes_runs
from mlcore.core import InputError


@command(
    "add a tag to runs, or remove it",
    argument("tag", "the tag, without a #"),
    takes_runs,
    flag("--remove", text="remove the tag"),
)
def tag(tag: str, ids: tuple[str, ...], where: str | None, remove: bool) -> int:
    """Change the tags of runs."""
    return _edit(ids, where, **{"remove_tags" if remove else "add_tags": [tag]})


@command("name a run; '' removes the name", RUN_ID, argument("text", "the name", metavar="NAME"))
def rename(run_id: str, text: str) -> int:
    """Change a run's name."""
    return _write(run_id, name=text)


@command(
    "write a note on a run", RUN_ID, argument("text", "the note; '' removes it", metavar="NOTE")
)
def note(run_id: str, text: str) -> int:
    """Change a run's note."""
    return _write(run_id, note=text)


@command("star runs", takes_runs, flag("--off", text="remove the star"))
def star(ids: tuple[str, ...], where: str | None, off: bool) -> int:
    """Star runs."""
    return _edit(ids, where, starred=not off)


@command("archive runs", takes_runs, flag("--off", text="unarchive them"))
def archive(ids: tuple[str, ...], where: str | None, off: bool) -> int:
    """Archive runs."""
    return _edit(ids, where, archived=not off)


@command(
    "move runs to the trash; `mlcore undo` restores them",
    takes_runs,
    flag("--forever", text="delete for good, with their points, at once"),
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
    "restore runs from the trash",
    argument("ids", "by default the last deleted ones", nargs=-1, metavar="[ID]..."),
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
            raise InputError("The trash is empty, so there is nothing to restore.")
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
