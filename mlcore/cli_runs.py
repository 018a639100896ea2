"""The verbs of the command line for recorded runs: find, compare, export, import."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlcore.cli_shared import add_runs, line_of, named_runs, one_line
from mlcore.core.files import write_atomically
from mlcore.experiments import EXPERIMENTS

if TYPE_CHECKING:
    from mlcore.runs import Comparison, Run

_TABLES: Final = (".csv", ".parquet", ".json", ".zip", ".html")


def add_verbs(verbs: Any) -> None:
    """Add the verbs to the parsers that ``argparse.ArgumentParser.add_subparsers`` gave."""
    ls = verbs.add_parser("ls", help="list runs, newest first")
    ls.add_argument("--experiment", choices=sorted(EXPERIMENTS))
    ls.add_argument("--status", help="only runs of this status")
    ls.add_argument(
        "--where",
        metavar="FILTER",
        help="such as 'lr < 0.05 and test_accuracy > 0.97 and tag:week3'",
    )
    ls.add_argument("--trash", action="store_true", help="the runs in the trash instead")
    ls.add_argument("-n", type=int, default=20, help="how many at most (default 20)")
    ls.set_defaults(act=_ls)
    compare = verbs.add_parser("compare", help="runs beside each other: is the difference luck?")
    add_runs(compare)
    _add_question(compare)
    compare.set_defaults(act=_compare)
    export = verbs.add_parser("export", help="take runs elsewhere, with all their points")
    add_runs(export)
    _add_question(export)
    export.add_argument("--to", metavar="FILE", type=Path, help="by its end: " + " ".join(_TABLES))
    export.add_argument("--tensorboard", metavar="DIR", type=Path, help="write event files there")
    export.add_argument("--mlflow", metavar="URI", help="copy them to this MLflow server")
    export.set_defaults(act=_export)
    bring = verbs.add_parser("import", help="bring in runs made elsewhere, read-only")
    bring.add_argument(
        "path", type=Path, help="a zip of mlcore export, or TensorBoard's event files"
    )
    bring.set_defaults(act=_import)


def _add_question(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--metric", default="test_accuracy", help="(default test_accuracy)")
    parser.add_argument("--goal", help="max or min (default by the metric's name)")
    parser.add_argument("--measure", default="last", help="last, best, area, or 'time to 0.97'")
    parser.add_argument("--axis", default="step", help="step, epoch, samples or time")
    parser.add_argument("--baseline", metavar="ID", help="compare the others with this run")


def _ls(given: argparse.Namespace) -> int:
    from mlcore.runs import open_store, run_table, tend
    from mlcore.runs.filters.parser import parse
    from mlcore.runs.status import Status

    if given.n < 1:
        raise ValueError(f"-n is {given.n}, but must be a whole number from 1 up.")
    if given.status is not None and given.status not in list(Status):
        raise ValueError(f"{given.status!r} is no status of a run; they are {', '.join(Status)}.")
    store = open_store()
    tend(store)
    table = run_table(store, deleted=given.trash)
    kept = parse(given.where or "").mask(table)
    if given.experiment is not None:
        kept &= table["experiment"] == given.experiment
    if given.status is not None:
        kept &= table["status"] == given.status
    ids = table["id"][kept].tolist()
    found = {run.id: run for run in store.get_many(ids[: given.n])}
    for run_id in ids[: given.n]:
        print(line_of(found[run_id]))
    if len(ids) > given.n:
        print(f"… and {len(ids) - given.n:,} more: -n {len(ids)} shows them.", file=sys.stderr)
    return 0


def _compare(given: argparse.Namespace) -> int:
    comparison = _comparison(given)
    print(f"{comparison.metric}, {comparison.measure} ({comparison.goal} is better)\n")
    for title, table in (
        ("Differing config", comparison.differing),
        ("Differing environment", comparison.environment),
    ):
        if len(table):
            print(f"{title}\n{table.T.to_string(max_colwidth=24)}\n")
    for group in comparison.groups:
        interval = (
            "" if group.n < 2 else f"  [{group.low:.5g}, {group.high:.5g}]  sd {group.sd:.3g}"
        )
        seeds = f"{group.n} seed{'s' * (group.n != 1)}"
        print(f"{group.letter}  {one_line(group.label)}: {group.mean:.5g}  ({seeds}){interval}")
        for run_id, why in group.left_out.items():
            print(f"   {run_id} does not count: {why}")
    for contrast in comparison.contrasts:
        print(contrast.sentence)
    return 0


def _export(given: argparse.Namespace) -> int:
    from mlcore.runs import open_store
    from mlcore.runs.export import to_mlflow, to_tensorboard

    if not (given.to or given.tensorboard or given.mlflow):
        raise ValueError("Say where to: --to FILE, --tensorboard DIR or --mlflow URI.")
    if given.to is not None:
        _write(given)
    if given.tensorboard is None and given.mlflow is None:
        return 0
    runs = named_runs(open_store(), given)
    if given.tensorboard is not None:
        written = to_tensorboard(runs, given.tensorboard)
        print(f"{given.tensorboard}: {_count(written, 'run')}")
    if given.mlflow is not None:
        print(f"{given.mlflow}: {_count(to_mlflow(runs, given.mlflow), 'run')}")
    return 0


def _write(given: argparse.Namespace) -> None:
    from mlcore.runs import open_store
    from mlcore.runs.export import to_csv, to_json, to_parquet, to_zip

    end = given.to.suffix.lower()
    if end not in _TABLES:
        raise ValueError(
            f"--to is {str(given.to)!r}, but its end must be one of {' '.join(_TABLES)}."
        )
    if not given.to.absolute().parent.is_dir():
        raise ValueError(f"There is no folder {given.to.absolute().parent}. Make it first.")
    if end == ".html":
        from mlcore.charts.report import report_html

        content = report_html(_comparison(given)).encode("utf-8")
    else:
        as_bytes: dict[str, Callable[[Sequence[Run]], bytes]] = {
            ".csv": to_csv,
            ".parquet": to_parquet,
            ".json": to_json,
            ".zip": to_zip,
        }
        content = as_bytes[end](named_runs(open_store(), given))
    write_atomically(given.to.absolute(), content)
    print(f"{given.to}: {len(content):,} bytes")


def _import(given: argparse.Namespace) -> int:
    from mlcore.runs import open_store
    from mlcore.runs.imports import import_tensorboard, import_zip

    store, path = open_store(), given.path
    runs = import_zip(store, path) if path.suffix == ".zip" else import_tensorboard(store, path)
    for run in runs:
        print(line_of(run))
    return 0


def _comparison(given: argparse.Namespace) -> Comparison:
    from mlcore.runs import compare, open_store

    store = open_store()
    return compare(
        named_runs(store, given),
        metric=given.metric,
        goal=given.goal,
        measure=given.measure,
        axis=given.axis,
        baseline=given.baseline,
        store=store,
    )


def _count(things: Sequence[object], what: str) -> str:
    return f"{len(things)} {what}{'s' * (len(things) != 1)}"
