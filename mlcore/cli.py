"""The command line: ``mlcore run mnist --lr 0.1``. Its flags are the fields of the configs."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from mlcore import __version__, cli_organize, cli_runs, cli_sweeps
from mlcore.cli_shared import printable
from mlcore.core import (
    Config,
    ConfigError,
    DataUnavailableError,
    EngineError,
    FieldSpec,
    RunNotFoundError,
    RunStateError,
    StoreError,
    SweepNotFoundError,
    SweepStateError,
)
from mlcore.experiments import EXPERIMENTS, config_class

if TYPE_CHECKING:
    from mlcore.runs import Run

_USAGE_ERROR = 2
_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry of the command ``mlcore``.

    Args:
        arguments: The words after ``mlcore``; those of this process if not given.

    Returns:
        0 when done, 1 if a run failed, 2 for words or values that are not allowed, 130 after
        Ctrl-C.
    """
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.store:
        os.environ["MLCORE_STORE"] = given.store  # workers inherit it
    try:
        code: int = given.act(given)
    except KeyboardInterrupt:
        print("Stopped; its state is kept. The same command goes on.", file=sys.stderr)
        return _INTERRUPTED
    except (
        ConfigError,
        DataUnavailableError,
        EngineError,
        RunNotFoundError,
        RunStateError,
        StoreError,
        SweepNotFoundError,
        SweepStateError,
        ValueError,
        ImportError,  # an extra that is not installed
        OSError,  # a file that is not there or cannot be written
    ) as error:
        print(f"mlcore: {_sentence(error)}", file=sys.stderr)
        return _USAGE_ERROR
    return code


def _sentence(error: Exception) -> str:
    """An error in one line; those of the system tell their reason and the file."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}." if error.filename else f"{error.strerror}."
    return " ".join(str(error.args[0] if error.args else error).split())


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(_USAGE_ERROR, f"mlcore: {message}. See `{self.prog} --help`.\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="mlcore", description="A bench for gradient descent.")
    parser.add_argument("--version", action="version", version=f"mlcore {__version__}")
    parser.add_argument("--store", metavar="URL", help="the store of runs (else MLCORE_STORE)")
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    for verb, act, text in (
        ("run", _run, "train here, recorded, with a progress bar; at once when cached"),
        ("submit", _submit, "queue a run for the background workers"),
    ):
        experiments = verbs.add_parser(verb, help=text, description=text).add_subparsers(
            required=True, metavar="EXPERIMENT"
        )
        for name in EXPERIMENTS:
            _add_flags(experiments.add_parser(name, help=f"the experiment {name}"), name, act)
    cli_runs.add_verbs(verbs)
    cli_organize.add_verbs(verbs)
    cli_sweeps.add_verbs(verbs)
    for verb, act, text in (
        ("show", _show, "everything known of a run"),
        ("stop", _stop, "ask a run to end, keeping its state"),
        ("pause", _pause, "ask a run to step aside"),
        ("resume", _resume, "go on with a run in the background, from its last checkpoint"),
    ):
        one = verbs.add_parser(verb, help=text, description=text)
        one.add_argument("id", help="id of the run, or the beginning of it")
        one.set_defaults(act=act)
    worker = verbs.add_parser("worker", help="work on queued runs in this terminal")
    worker.add_argument("--idle", type=float, help="seconds without work after which it ends")
    worker.set_defaults(act=_worker)
    verbs.add_parser("dashboard", help="open the dashboard").set_defaults(act=_dashboard)
    return parser


def _add_flags(parser: argparse.ArgumentParser, experiment: str, act: object) -> None:
    cls = config_class(experiment)
    if cls.presets:
        parser.add_argument("--preset", choices=list(cls.presets), help="start from a named config")
    parser.add_argument("--force", action="store_true", help="start afresh even if cached")
    for spec in cls.specs():
        flag = "--" + spec.name.replace("_", "-")
        if spec.kind == "switch":
            parser.add_argument(
                flag,
                dest=f"field_{spec.name}",
                action=argparse.BooleanOptionalAction,
                help=_help(spec),
            )
        else:
            parser.add_argument(
                flag, dest=f"field_{spec.name}", metavar=spec.kind.upper(), help=_help(spec)
            )
    parser.set_defaults(act=act, experiment=experiment)


def _help(spec: FieldSpec) -> str:
    default = ",".join(map(str, spec.default)) if spec.kind == "integers" else spec.default
    text = f"{spec.help.rstrip('.')} — {spec.allowed()} (default {default})"
    return text.replace("%", "%%")


def _config(given: argparse.Namespace) -> Config:
    cls = config_class(given.experiment)
    start = cls.presets[given.preset] if getattr(given, "preset", None) else cls()
    fields = {
        spec.name: value if spec.kind == "switch" else spec.parse(value)
        for spec in cls.specs()
        if (value := getattr(given, f"field_{spec.name}")) is not None
    }
    return start.replace(**fields)


def _run(given: argparse.Namespace) -> int:
    from mlcore.runs import Status, run

    done = run(_config(given), force=given.force)
    _print_run(done)
    return 1 if done.status in (Status.FAILED, Status.LOST) else 0


def _submit(given: argparse.Namespace) -> int:
    from mlcore.runs import submit

    _print_run(submit(_config(given), force=given.force))
    return 0


def _show(given: argparse.Namespace) -> int:
    from mlcore.runs import get_run

    run = get_run(given.id)
    _print_run(run)
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
        "brought in": f"{run.source}, {run.origin.get('file', '')}" if run.source else "",
    }
    with suppress(ValueError, TypeError):  # an experiment that was made elsewhere
        facts |= {"python": run.config.as_python(), "command": run.config.as_command()}
    for label, fact in facts.items():
        if fact:
            print(f"  {label:12} {printable(fact)}")
    for name, value in sorted(run.latest().items()):
        print(f"  {name:20} {value:.6g}")
    if run.traceback:
        print(printable(run.traceback))
    return 0


def _stop(given: argparse.Namespace) -> int:
    from mlcore.runs import get_run

    _print_run(get_run(given.id).stop())
    return 0


def _pause(given: argparse.Namespace) -> int:
    from mlcore.runs import get_run

    _print_run(get_run(given.id).pause())
    return 0


def _resume(given: argparse.Namespace) -> int:
    from mlcore.runs import get_run

    _print_run(get_run(given.id).resume())
    return 0


def _worker(given: argparse.Namespace) -> int:
    from mlcore.runs import open_store
    from mlcore.runs.execution.worker import idle_for, tell, work

    tell()
    work(open_store(), idle_for() if given.idle is None else given.idle)
    return 0


def _dashboard(_given: argparse.Namespace) -> int:
    page = Path(__file__).parent.parent / "dashboard.py"
    if not page.exists():
        raise StoreError(
            f"The dashboard's pages are not beside the package (looked for {page}). Run it from "
            "a checkout: streamlit run dashboard.py"
        )
    # Streamlit reads .streamlit/config.toml from the folder it is started in
    return subprocess.call(  # noqa: S603 - our own page under our own interpreter
        [sys.executable, "-m", "streamlit", "run", str(page)], cwd=page.parent
    )


def _print_run(run: Run) -> None:
    cached = "  (cached)" if run.cached else ""
    asked = f"  ({run.request} asked for)" if run.request else ""
    print(f"{run.id}  {run.experiment}  {run.status}  {run.progress:.0%}{cached}{asked}")
    if accuracy := run.latest().get("test_accuracy"):
        print(f"  test accuracy {accuracy:.4f}")
    if run.error:
        print(f"  {run.error}")


if __name__ == "__main__":
    sys.exit(main())
