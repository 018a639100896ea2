"""Shared by the commands for runs: how runs are named on the command line and printed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from mlcore.cli.commands import argument, option
from mlcore.cli.console import moment, one_line, printable
from mlcore.core import InputError

if TYPE_CHECKING:
    from mlcore.core import Config
    from mlcore.runs import CrossValidation, Run, Store

RUN_ID = argument("run_id", "id of the run, or a prefix of it", metavar="ID")


def takes_runs(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a command take runs by id (``ids``), by a filter (``where``), or both."""
    ids = argument("ids", "ids of runs, or prefixes of them", nargs=-1, metavar="[ID]...")
    return ids(
        option("--where", metavar="FILTER", text="and all runs that match this filter")(function)
    )


def named_runs(store: Store, ids: Sequence[str], where: str | None) -> list[Run]:
    """The runs named by ids and filter, each once."""
    from mlcore.runs import run_table
    from mlcore.runs.filters.parser import parse

    wanted = [store.get(run_id).id for run_id in ids]
    if where is not None:
        table = run_table(store)
        wanted += table["id"][parse(where).mask(table)].tolist()
    if not wanted:
        raise InputError("No run is named. Give ids, as mlcore ls shows them, or --where FILTER.")
    found = {run.id: run for run in store.get_many(wanted)}
    return [found[run_id] for run_id in dict.fromkeys(wanted)]


def line_of(run: Run) -> str:
    """A run on one line: status, time, result, name, changed fields, tags."""
    from mlcore.runs.headline import headline

    found = headline(run.latest())
    shown = "" if found is None else f"{found[0]}={found[1]:.4f}"
    marks = ("★ " if run.starred else "") + ("(archived) " if run.archived else "")
    marks += f"(from {run.source}) " if run.imported else "(by a script) " * run.logged
    name = one_line(run.name) + "  " if run.name else ""
    tags = "".join(f"  #{one_line(tag)}" for tag in run.tags)
    line = (
        f"{run.id}  {run.experiment:10}  {run.status:8}  {run.progress:4.0%}  "
        f"{moment(run.created)}  {shown:20}  {marks}{name}{_changes(run)}{tags}"
    )
    return one_line(line, 10_000)


def print_run(run: Run) -> None:
    """Print a run's state, its result, and its error if it has one."""
    from mlcore.runs.headline import accuracy_words

    cached = "  (cached)" if run.cached else ""
    asked = f"  ({run.request} asked for)" if run.request else ""
    print(f"{run.id}  {run.experiment}  {run.status}  {run.progress:.0%}{cached}{asked}")
    for words in accuracy_words(run.latest()):
        print(f"  {words}")
    if run.error:
        print(f"  {printable(run.error)}")


def print_cross_validation(result: CrossValidation) -> None:
    """Print the score of each fold, and their mean."""
    for row in result.table().to_dict("records"):
        repeat = f"repeat {row['repeat']}  " if result.repeats > 1 else ""
        ended = row["status"] == "finished"
        score = f"{row['score']:.5g}" if ended else row["status"]
        print(f"{row['run']}  {repeat}fold {row['fold']}  {score}")
    print(result.sentence())


def line_of_python(config: Config, call: str) -> str:
    """A call on a config as one line, with imports other than ``import mlcore``."""
    imports = config.imports().splitlines()
    return call if len(imports) == 1 else "; ".join([*imports, call])


def _changes(run: Run) -> str:
    """The fields that differ from the config's defaults; all fields if the class is unknown."""
    try:
        fields = run.config.changes()
    except (ValueError, TypeError):
        fields = dict(run.config_fields)
        if not fields:
            return "no config" if run.source else "defaults"
    return " ".join(f"{name}={value}" for name, value in fields.items()) or "defaults"
