"""``mlcore worker`` and ``mlcore dashboard``: processes that run until stopped."""

from __future__ import annotations

import os
from pathlib import Path

import click

from mlcore.cli.commands import NUMBER, Whole, argument, command, option


@command(
    "execute queued runs in this terminal",
    option("--idle", type=NUMBER, text="exit after this many seconds without work"),
)
def worker(idle: float | None) -> int:
    """Execute queued runs until none has come for a while."""
    from mlcore.runs import open_store
    from mlcore.runs.execution.process_setup import idle_for, tell
    from mlcore.runs.execution.worker import work

    tell()
    work(open_store(), idle_for() if idle is None else idle)
    return 0


@command(
    "open the dashboard in the browser",
    option("--port", type=Whole(1, 65_535), text="port of the server (default 8501)"),
    argument(
        "streamlit",
        "after --, Streamlit's own options: -- --server.address 0.0.0.0",
        nargs=-1,
        metavar="[-- OPTIONS]",
    ),
)
def dashboard(port: int | None, streamlit: tuple[str, ...]) -> int:
    """Serve the dashboard in this process until Ctrl-C; runs in the background go on."""
    if streamlit and not streamlit[0].startswith("-"):
        words = " ".join(streamlit)
        raise click.UsageError(f"unrecognized arguments: {words}", click.get_current_context())
    from streamlit.web import cli

    from mlcore.core import StoreError
    from mlcore.ui.location import ROOT

    page = ROOT / "dashboard.py"
    if not page.is_file():
        raise StoreError(
            f"The dashboard's pages are missing (looked for {page}). Reinstall mlcore."
        )
    # the workers that the pages start find experiments in this folder, as this process does
    homes = [str(Path.cwd()), os.environ.get("PYTHONPATH")]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, homes))
    # Streamlit reads .streamlit/config.toml beside the page, and lets these options overrule it
    arguments = ["run", str(page), *(["--server.port", str(port)] if port else []), *streamlit]
    code: int | None = cli.main(arguments, prog_name="streamlit", standalone_mode=False)
    return code or 0
