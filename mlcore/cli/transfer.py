"""``mlcore export``, ``mlcore import`` and ``mlcore follow``."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlcore.cli.commands import NUMBER, PATH, argument, command, flag, option
from mlcore.cli.console import counted
from mlcore.cli.run_lines import line_of, named_runs, takes_runs
from mlcore.cli.runs import asks_comparison, comparison
from mlcore.core import InputError

if TYPE_CHECKING:
    from mlcore.runs import Run

_TABLES: Final = (".csv", ".parquet", ".json", ".zip", ".html", ".onnx")


@command(
    "export runs with all their points",
    takes_runs,
    asks_comparison,
    option("--to", type=PATH, metavar="FILE", text="by its end: " + " ".join(_TABLES)),
    option(
        "--model",
        type=PATH,
        metavar="DIR",
        text="write the trained network of an MNIST run to this folder, as PyTorch code that runs "
        "without mlcore",
    ),
    option("--tensorboard", type=PATH, metavar="DIR", text="write event files to this folder"),
    option("--mlflow", metavar="URI", text="copy them to this MLflow server"),
)
def export(
    ids: tuple[str, ...],
    where: str | None,
    to: Path | None,
    model: Path | None,
    tensorboard: Path | None,
    mlflow: str | None,
    **asked: Any,
) -> int:
    """Write runs to files or to another tracker."""
    from mlcore.runs import open_store
    from mlcore.runs.export import to_mlflow, to_model_folder, to_tensorboard

    if not (to or model or tensorboard or mlflow):
        raise InputError(
            "Name a target: --to FILE, --model DIR, --tensorboard DIR or --mlflow URI."
        )
    if to is not None:
        _write(to, _content(to, ids, where, asked))
    if model is not None:
        print(to_model_folder(_one_run(ids, where, "--model"), model))
    if tensorboard is None and mlflow is None:
        return 0
    runs = named_runs(open_store(), ids, where)
    if tensorboard is not None:
        written = to_tensorboard(runs, tensorboard)
        print(f"{tensorboard}: {counted(len(written), 'run')}")
    if mlflow is not None:
        print(f"{mlflow}: {counted(len(to_mlflow(runs, mlflow)), 'run')}")
    return 0


@command(
    "import runs, read-only",
    argument(
        "path",
        "a zip, CSV, Parquet or JSON file of mlcore export, or TensorBoard's event files: one, "
        "their log folder, or a zip of it",
        type=PATH,
    ),
)
def import_(path: Path) -> int:
    """Import runs from a file or a folder."""
    from mlcore.runs import open_store
    from mlcore.runs.imports import import_path

    for run in import_path(open_store(), path, say=lambda told: print(told, file=sys.stderr)):
        print(line_of(run))
    return 0


@command(
    "follow a log folder of TensorBoard as live runs",
    argument("path", "the folder; each training in it becomes a run", type=PATH),
    flag("--once", text="look once, finish the runs and exit"),
    option("--idle", type=NUMBER, text="exit when nothing has grown for this many seconds"),
    option(
        "--quiet",
        type=NUMBER,
        text="a run is finished when its files have not grown for this many seconds (default 300)",
    ),
)
def follow(path: Path, once: bool, idle: float | None, quiet: float | None) -> int:
    """Bring what other programs log into the store while they log it, until Ctrl-C."""
    from mlcore.runs.imports import follow
    from mlcore.runs.imports.following import QUIET

    caught: list[int] = []
    try:
        with _as_interrupt(signal.SIGTERM, caught):
            runs = follow(
                path,
                once=once,
                idle=idle,
                quiet=QUIET if quiet is None else quiet,
                say=lambda told: print(told, file=sys.stderr, flush=True),
            )
    except KeyboardInterrupt:
        print("No longer following. The same command goes on.", file=sys.stderr)
        return 128 + (caught or [signal.SIGINT])[0]
    for run in runs:
        print(line_of(run))
    return 0


@contextmanager
def _as_interrupt(number: int, caught: list[int]) -> Iterator[None]:
    """Let a signal interrupt as Ctrl-C does; it is noted in ``caught``."""

    def interrupt(received: int, _frame: object) -> None:
        caught.append(received)
        raise KeyboardInterrupt

    try:
        before = signal.signal(number, interrupt)
    except ValueError:  # not the main thread, which alone receives signals
        yield
        return
    try:
        yield
    finally:
        signal.signal(number, before)


def _content(
    to: Path, ids: tuple[str, ...], where: str | None, asked: dict[str, Any]
) -> Iterable[bytes]:
    from mlcore.runs import open_store
    from mlcore.runs.export import to_json, to_onnx, to_parquet, to_zip
    from mlcore.runs.export.tables import csv_parts

    end = to.suffix.lower()
    if end not in _TABLES:
        raise InputError(f"--to is {str(to)!r}, but its end must be one of {' '.join(_TABLES)}.")
    if not to.absolute().parent.is_dir():
        raise InputError(f"There is no folder {to.absolute().parent}. Make it first.")
    if end == ".html":
        from mlcore.charts.report import report_html

        return [report_html(comparison(ids, where, **asked)).encode("utf-8")]
    if end == ".onnx":
        return [to_onnx(_one_run(ids, where, f"--to {to}"))]
    if end == ".csv":
        return csv_parts(named_runs(open_store(), ids, where))
    as_bytes: dict[str, Callable[[Sequence[Run]], bytes]] = {
        ".parquet": to_parquet,
        ".json": to_json,
        ".zip": to_zip,
    }
    return [as_bytes[end](named_runs(open_store(), ids, where))]


def _one_run(ids: tuple[str, ...], where: str | None, target: str) -> Run:
    from mlcore.runs import open_store

    runs = named_runs(open_store(), ids, where)
    if len(runs) > 1:
        raise InputError(f"{target} takes one run, but {len(runs)} are named: name one.")
    return runs[0]


def _write(to: Path, parts: Iterable[bytes]) -> None:
    from mlcore.core.files import write_parts_atomically

    print(f"{to}: {write_parts_atomically(to.absolute(), parts):,} bytes")
