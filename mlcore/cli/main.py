"""Entry point of the command ``mlcore``: parses, runs a command, prints errors as one sentence.

Nothing heavy is imported before a command needs it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from mlcore import __version__
from mlcore.cli.commands import Group, require_command, store_option
from mlcore.cli.console import any_encoding, one_line

_USAGE_ERROR: Final = 2
_INTERRUPTED: Final = 130
_NOBODY_READS: Final = 141
_COMPLETE: Final = "_MLCORE_COMPLETE"
"""Variable with which the shell's script asks for completions: see ``mlcore completion``."""

_COMMANDS: Final = {
    "run": (
        "mlcore.cli.training:run",
        "train here, recorded, with a progress bar; at once when cached",
    ),
    "new": ("mlcore.cli.new:new", "write an experiment of your own to start from"),
    "submit": ("mlcore.cli.training:submit", "queue a run for the background workers"),
    "cv": (
        "mlcore.cli.training:cv",
        "cross-validate: train once for each fold (--folds, default 5)",
    ),
    "sweep": ("mlcore.cli.sweeps:sweep", "many runs: a grid, or a search"),
    "sweeps": ("mlcore.cli.sweeps:sweeps", "list sweeps, stop them, extend them"),
    "ls": ("mlcore.cli.runs:ls", "list runs, newest first"),
    "show": ("mlcore.cli.runs:show", "everything known of a run"),
    "stop": ("mlcore.cli.runs:stop", "stop a run and save its state"),
    "pause": ("mlcore.cli.runs:pause", "pause a run"),
    "examine": (
        "mlcore.cli.runs:examine",
        "open the sealed test set for a run, once",
    ),
    "resume": (
        "mlcore.cli.runs:resume",
        "resume a run in the background, from its last checkpoint",
    ),
    "compare": ("mlcore.cli.runs:compare", "compare runs: is the difference luck?"),
    "export": ("mlcore.cli.transfer:export", "export runs with all their points"),
    "predict": ("mlcore.cli.predict:predict", "predict pictures by a run's network, as CSV"),
    "import": ("mlcore.cli.transfer:import_", "import runs, read-only"),
    "follow": (
        "mlcore.cli.transfer:follow",
        "follow a log folder of TensorBoard as live runs",
    ),
    "tag": ("mlcore.cli.organize:tag", "add a tag to runs, or remove it"),
    "rename": ("mlcore.cli.organize:rename", "name a run; '' removes the name"),
    "note": ("mlcore.cli.organize:note", "write a note on a run"),
    "star": ("mlcore.cli.organize:star", "star runs"),
    "archive": ("mlcore.cli.organize:archive", "archive runs"),
    "rm": (
        "mlcore.cli.organize:remove",
        "move runs to the trash; `mlcore undo` restores them",
    ),
    "delete": ("mlcore.cli.organize:remove", "the same as rm"),
    "undo": ("mlcore.cli.organize:undo", "restore runs from the trash"),
    "worker": ("mlcore.cli.servers:worker", "execute queued runs in this terminal"),
    "dashboard": ("mlcore.cli.servers:dashboard", "open the dashboard in the browser"),
    "bench": (
        "mlcore.cli.bench:bench",
        "measure how fast this machine trains, beside a plain torch loop",
    ),
    "completion": (
        "mlcore.cli.completion:completion",
        "print the script that completes commands and flags in bash, zsh or fish",
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of the command ``mlcore``.

    Args:
        arguments: The words after ``mlcore``; those of this process if not given.

    Returns:
        0 when done, 1 if a run failed, 2 for words or values that are not allowed, 130 after
        Ctrl-C, 141 when the output's reader has gone.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    with any_encoding():
        try:
            return _carry_out(words)
        except click.ClickException as error:
            hint = ""
            if isinstance(error, click.UsageError) and error.ctx is not None:
                hint = f" See `{error.ctx.command_path} --help`."
            return _refuse(_ended(error.format_message()) + hint)
        except KeyboardInterrupt:
            print("Stopped; its state is saved. The same command resumes it.", file=sys.stderr)
            return _INTERRUPTED
        except BrokenPipeError:
            # what is left in the buffer would raise the same again when Python ends
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return _NOBODY_READS
        except Exception as error:
            if not isinstance(error, _told()):
                raise
            return _refuse(_sentence(error))


def _carry_out(words: list[str]) -> int:
    if os.environ.get(_COMPLETE):
        from click.shell_completion import shell_complete

        _look_here()
        return shell_complete(_root, {}, "mlcore", _COMPLETE, os.environ[_COMPLETE])
    try:
        with _root.make_context("mlcore", words) as ctx:
            code: int | None = _root.invoke(ctx)
    except click.exceptions.Exit as done:
        code = done.exit_code
    if sys.stdout is not None:
        sys.stdout.flush()
    return code or 0


def _refuse(sentence: str) -> int:
    print(f"mlcore: {sentence}", file=sys.stderr)
    return _USAGE_ERROR


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith((".", "?")) else f"{sentence}."


def _told() -> tuple[type[Exception], ...]:
    """The errors shown as a sentence: mlcore's, a missing extra, and unusable files."""
    from mlcore.core import MlcoreError

    return (MlcoreError, ImportError, OSError)


def _sentence(error: Exception) -> str:
    """An error on one line; of system errors the reason and the file."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}." if error.filename else f"{error.strerror}."
    return one_line(" ".join(str(error.args[0] if error.args else error).split()), 10_000)


def _look_here() -> None:
    """Find users' experiments in the current folder, as ``python -m`` does."""
    here = str(Path.cwd())
    if not sys.flags.safe_path and here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)


def _start() -> None:
    _look_here()
    require_command()


def _show_version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        print(f"mlcore {__version__}")
        ctx.exit()


_root = Group(
    "mlcore",
    help="Learn and try gradient descent: train, compare and sweep runs, or open the dashboard.",
    lazy=_COMMANDS,
    callback=_start,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    params=[
        click.Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_show_version,
            help="Show the version and exit.",
        ),
        store_option(),
    ],
)
