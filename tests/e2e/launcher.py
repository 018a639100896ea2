"""Forks dashboards off one process that has imported what others wrote.

Streamlit takes a second of processor time to import, and the first visit of a page waits for
PyTorch and Altair as long again. Nothing of ours is imported before the fork, so a forked
dashboard is as cold as one that a command started: no page was run, nothing is routed.

Reads a line of JSON for each dashboard, ``{"arguments": …, "env": …, "log": …}``, and answers with
a line of its process id. Ends when nobody can ask any more; the dashboards live on.
"""

import gc
import json
import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

import altair  # noqa: F401
import optuna  # noqa: F401
import sqlalchemy  # noqa: F401
import torch  # noqa: F401
import uvicorn  # noqa: F401
from streamlit.web import bootstrap, cli  # noqa: F401


def main() -> None:
    """Fork a dashboard for each line that is read."""
    sys.path[0] = str(Path.cwd())  # as under ``python -m streamlit``
    gc.freeze()
    signal.signal(signal.SIGCHLD, _reap)
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _become_dashboard(order["arguments"], order["env"], order["log"])
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


def _become_dashboard(arguments: list[str], env: dict[str, str], log: str) -> NoReturn:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    out = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.environ.update(env)
    sys.argv = ["streamlit", *arguments]
    cli.main()
    sys.exit()


def _reap(*_: object) -> None:
    """Let dashboards that ended go: who waits for one must not find its shell."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass  # none is left


if __name__ == "__main__":
    main()
