"""The verbs of the command line that say something of runs: tag, note, star, trash, undo."""

from __future__ import annotations

import argparse
from typing import Any

from mlcore.cli_shared import add_runs, line_of, named_runs


def add_verbs(verbs: Any) -> None:
    """Add the verbs to the parsers that ``argparse.ArgumentParser.add_subparsers`` gave."""
    tag = verbs.add_parser("tag", help="give runs a tag, or take it away")
    tag.add_argument("tag")
    add_runs(tag)
    tag.add_argument("--remove", action="store_true", help="take the tag away")
    tag.set_defaults(act=_tag)
    for verb, field, text in (
        ("rename", "name", "give a run a name; '' takes it away"),
        ("note", "note", "write a note on a run"),
    ):
        one = verbs.add_parser(verb, help=text, description=text)
        one.add_argument("id", help="id of the run, or the beginning of it")
        one.add_argument("text", metavar=field.upper())
        one.set_defaults(act=_say, field=field)
    for verb, field, text in (
        ("star", "starred", "mark runs"),
        ("archive", "archived", "put runs aside"),
    ):
        many = verbs.add_parser(verb, help=text, description=text)
        add_runs(many)
        many.add_argument("--off", action="store_true", help="undo it")
        many.set_defaults(act=_mark, field=field)
    for verb in ("rm", "delete"):
        gone = verbs.add_parser(verb, help="put runs in the trash; `mlcore undo` takes them out")
        add_runs(gone)
        gone.add_argument("--forever", action="store_true", help="with their points, and at once")
        gone.set_defaults(act=_remove)
    undo = verbs.add_parser("undo", help="take runs out of the trash")
    undo.add_argument("ids", nargs="*", metavar="ID", help="by default those deleted last")
    undo.set_defaults(act=_undo)


def _tag(given: argparse.Namespace) -> int:
    return _edit(given, **{"remove_tags" if given.remove else "add_tags": [given.tag]})


def _mark(given: argparse.Namespace) -> int:
    return _edit(given, **{given.field: not given.off})


def _say(given: argparse.Namespace) -> int:
    from mlcore.runs import get_run

    print(line_of(get_run(given.id).edit(**{given.field: given.text})))
    return 0


def _edit(given: argparse.Namespace, **changes: Any) -> int:
    from mlcore.runs import open_store
    from mlcore.runs.store.organize import edit

    store = open_store()
    for run in edit(store, [run.id for run in named_runs(store, given)], **changes):
        print(line_of(run))
    return 0


def _remove(given: argparse.Namespace) -> int:
    from mlcore.runs import open_store
    from mlcore.runs.store.organize import purge_runs, trash

    store = open_store()
    ids = [run.id for run in named_runs(store, given)]
    gone = trash(store, ids)
    if given.forever:
        purge_runs(store, [run.id for run in gone])
    for run in gone:
        print(f"{run.id}  deleted" + " forever" * given.forever)
    return 0


def _undo(given: argparse.Namespace) -> int:
    from mlcore.runs import open_store
    from mlcore.runs.store.organize import restore

    store = open_store()
    ids = given.ids
    if not ids:
        trashed = store.list(deleted=True)
        last = max((run.deleted for run in trashed if run.deleted is not None), default=None)
        ids = [run.id for run in trashed if run.deleted == last]
        if not ids:
            raise ValueError("The trash is empty, so there is nothing to take out.")
    for run in restore(store, ids):
        print(line_of(run))
    return 0
