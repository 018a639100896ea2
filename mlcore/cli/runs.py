"""``mlcore ls``, ``show``, ``compare``, and ``stop``, ``pause`` and ``resume``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from mlcore.cli.commands import WHOLE, OneOf, command, flag, option
from mlcore.cli.console import counted, one_line, printable
from mlcore.cli.run_lines import RUN_ID, line_of, line_of_python, named_runs, print_run, takes_runs
from mlcore.core import InputError

if TYPE_CHECKING:
    from mlcore.runs import Comparison


def _experiments() -> Iterable[str]:
    from mlcore.experiments import EXPERIMENTS, own

    return [*sorted(EXPERIMENTS), *own()]


def _statuses() -> Iterable[str]:
    from mlcore.runs.status import Status

    return list(Status)


@command(
    "list runs, newest first",
    option(
        "--experiment",
        type=OneOf(_experiments, strict=False),
        metavar="EXPERIMENT",
        text="only runs of this experiment",
    ),
    option(
        "--status",
        type=OneOf(_statuses, strict=False),
        metavar="STATUS",
        text="only runs of this status",
    ),
    option(
        "--where",
        metavar="FILTER",
        text="such as 'lr < 0.05 and test_accuracy > 0.97 and tag:week3'; times are UTC",
    ),
    flag("--trash", text="the runs in the trash instead"),
    option("-n", "n", type=WHOLE, default=20, text="how many at most (default 20)"),
)
def ls(experiment: str | None, status: str | None, where: str | None, trash: bool, n: int) -> int:
    """Print one line per run."""
    from mlcore.runs import open_store, run_table, tend
    from mlcore.runs.filters.parser import parse
    from mlcore.runs.status import Status
    from mlcore.runs.store.run_table import DAMAGED

    if n < 1:
        raise InputError(f"-n is {n}, but must be a whole number from 1 up.")
    if status is not None and status not in list(Status):
        raise InputError(f"{status!r} is no status of a run; they are {', '.join(Status)}.")
    store = open_store()
    tend(store)
    table = run_table(store, deleted=trash)
    for sentence in table.attrs[DAMAGED]:
        print(f"mlcore: {printable(sentence)}", file=sys.stderr)
    if experiment is not None and not (table["experiment"] == experiment).any():
        _check_experiment(experiment)
    kept = parse(where or "").mask(table)
    if experiment is not None:
        kept &= table["experiment"] == experiment
    if status is not None:
        kept &= table["status"] == status
    ids = table["id"][kept].tolist()
    found = {run.id: run for run in store.get_many(ids[:n])}
    for run_id in ids[:n]:
        print(line_of(found[run_id]))
    if len(ids) > n:
        print(f"… and {len(ids) - n:,} more: -n {len(ids)} shows them.", file=sys.stderr)
    return 0


def _check_experiment(name: str) -> None:
    if name not in _experiments() and ":" not in name:
        raise InputError(
            f"--experiment is {name!r}, but must be one of {', '.join(_experiments())}, "
            "module:Class for one of your own, or what a script called its runs."
        )


@command("everything known of a run", RUN_ID)
def show(run_id: str) -> int:
    """Print the details of a run."""
    from mlcore.runs import get_run

    run = get_run(run_id)
    print_run(run)
    facts = {
        "created": f"{run.created:%Y-%m-%d %H:%M:%S} UTC",
        "seconds": "" if run.duration is None else f"{run.duration:.2f}",
        "step": str(run.step),
        "host": run.host or "",
        "versions": ", ".join(f"{k} {v}" for k, v in run.versions.items()),
        "name": run.name,
        "tags": ", ".join(run.tags),
        "note": run.note,
        "fingerprint": run.fingerprint,
        "imported": f"{run.source}, {run.origin.get('file', '')}" if run.imported else "",
    }
    with suppress(ValueError, TypeError):  # an experiment that was made elsewhere
        config = run.config
        facts |= {
            "python": line_of_python(config, config.as_python()),
            "command": config.as_command(),
        }
    for label, fact in facts.items():
        if fact:
            print(f"  {label:12} {printable(fact)}")
    for name, value in sorted(run.latest().items()):
        print(f"  {one_line(name):20} {value:.6g}")
    if run.traceback:
        print(printable(run.traceback))
    return 0


@command("stop a run and save its state", RUN_ID)
def stop(run_id: str) -> int:
    """Stop a run."""
    from mlcore.runs import get_run

    print_run(get_run(run_id).stop())
    return 0


@command("pause a run", RUN_ID)
def pause(run_id: str) -> int:
    """Pause a run."""
    from mlcore.runs import get_run

    print_run(get_run(run_id).pause())
    return 0


@command("resume a run in the background, from its last checkpoint", RUN_ID)
def resume(run_id: str) -> int:
    """Resume a run."""
    from mlcore.runs import get_run

    print_run(get_run(run_id).resume())
    return 0


@command("open the sealed test set for a run, once", RUN_ID)
def examine(run_id: str) -> int:
    """Examine a run on the test set."""
    from mlcore.runs import get_run

    print(get_run(run_id).examine().sentence())
    return 0


def asks_comparison(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a comparison to a command; ``comparison`` reads them."""
    for decorator in reversed(
        (
            option("--metric", text="(default test_accuracy, else validation_accuracy)"),
            option("--goal", text="max or min (default by the metric's name)"),
            option("--measure", default="last", text="last, best, area, or 'time to 0.97'"),
            option("--axis", default="step", text="step, epoch, samples or time"),
            option("--baseline", metavar="ID", text="compare the others with this run"),
        )
    ):
        function = decorator(function)
    return function


def comparison(ids: tuple[str, ...], where: str | None, **asked: Any) -> Comparison:
    """The comparison of the named runs with the options of ``asks_comparison``."""
    from mlcore.runs import compare, open_store

    store = open_store()
    return compare(named_runs(store, ids, where), store=store, **asked)


@command("compare runs: is the difference luck?", takes_runs, asks_comparison)
def compare(ids: tuple[str, ...], where: str | None, **asked: Any) -> int:
    """Print what differs, each group's result, and whether the differences are luck."""
    found = comparison(ids, where, **asked)
    print(f"{one_line(found.metric)}, {found.measure} ({found.goal} is better)\n")
    for title, table in (
        ("Differing config", found.differing),
        ("Differing environment", found.environment),
    ):
        if len(table):
            print(f"{title}\n{printable(table.T.to_string(max_colwidth=24))}\n")
    for group in found.groups:
        interval = (
            "" if group.n < 2 else f"  [{group.low:.5g}, {group.high:.5g}]  sd {group.sd:.3g}"
        )
        seeds = counted(group.n, "seed")
        print(f"{group.letter}  {one_line(group.label)}: {group.mean:.5g}  ({seeds}){interval}")
        for run_id, why in group.left_out.items():
            print(f"   {run_id} does not count: {printable(why)}")
    for pair in found.fold_comparisons:
        print(printable(pair.sentence))
    for contrast in () if found.only_folds else found.contrasts:
        print(printable(contrast.sentence))
    return 0
