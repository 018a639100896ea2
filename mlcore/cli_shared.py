"""What the verbs for recorded runs share: how they name runs and how they show one."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlcore.runs import Run, Store


def add_runs(parser: argparse.ArgumentParser) -> None:
    """Let a verb take runs by their ids, by a filter, or both."""
    parser.add_argument("ids", nargs="*", metavar="ID", help="ids of runs, or the beginnings")
    parser.add_argument("--where", metavar="FILTER", help="and all runs that this filter keeps")


def named_runs(store: Store, given: argparse.Namespace) -> list[Run]:
    """The runs that ids and filter name, each once."""
    from mlcore.runs import run_table
    from mlcore.runs.filters.parser import parse

    ids = [store.get(run_id).id for run_id in given.ids]
    if given.where is not None:
        table = run_table(store)
        ids += table["id"][parse(given.where).mask(table)].tolist()
    if not ids:
        raise ValueError("No run is named. Give ids, as mlcore ls shows them, or --where FILTER.")
    found = {run.id: run for run in store.get_many(ids)}
    return [found[run_id] for run_id in dict.fromkeys(ids)]


def line_of(run: Run) -> str:
    """A run on one line: state, when, result, name, what its config changes, tags."""
    accuracy = run.latest().get("test_accuracy")
    shown = "" if accuracy is None else f"test_accuracy={accuracy:.4f}"
    marks = ("★ " if run.starred else "") + ("(archived) " if run.archived else "")
    marks += f"(from {run.source}) " if run.source else ""
    name = one_line(run.name) + "  " if run.name else ""
    tags = "".join(f"  #{one_line(tag)}" for tag in run.tags)
    return (
        f"{run.id}  {run.experiment:10}  {run.status:8}  {run.progress:4.0%}  "
        f"{run.created:%Y-%m-%d %H:%M}  {shown:20}  {marks}{name}{_changes(run)}{tags}"
    )


def one_line(text: str, most: int = 60) -> str:
    """A text that cannot move the terminal's cursor or fill its screen."""
    plain = printable(text).replace("\n", " ")
    return plain if len(plain) <= most else plain[: most - 1] + "…"


def _changes(run: Run) -> str:
    """What the config changes from its defaults; all its fields where those are not known."""
    try:
        fields = run.config.changes()
    except (ValueError, TypeError):
        fields = dict(run.config_fields)
    return " ".join(f"{name}={value}" for name, value in fields.items()) or "defaults"


def printable(text: str) -> str:
    """A text without the characters that would steer the terminal; lines stay lines."""
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text)
