"""Forks dashboards and workers off one process that has imported what others wrote.

Streamlit takes a second of processor time to import, PyTorch takes one and a half. Nothing of ours
is imported before the fork, so a forked process is as cold as one that a command started: no page
was run, nothing is routed.

Reads a line of JSON for each process, ``{"module": …, "arguments": …, "path": …, "env": …,
"log": …, "cwd": …}``, and answers with a line of its process id. Ends when nobody can ask any more;
its children live on.
"""

import gc
import json
import os
import runpy
import signal
import sys
from typing import NoReturn

import altair  # noqa: F401
import optuna  # noqa: F401
import safetensors.torch  # noqa: F401
import sqlalchemy  # noqa: F401
import torch  # noqa: F401
import uvicorn  # noqa: F401
from setproctitle import setproctitle
from streamlit.web import bootstrap, cli  # noqa: F401


def main() -> None:
    """Fork a process for each line that is read."""
    del sys.path[0]  # the folder of this file
    gc.freeze()
    signal.signal(signal.SIGCHLD, _reap)
    for line in sys.stdin:
        order = json.loads(line)
        told, tell = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(told)
            _become(**order, tell=tell)
        os.close(tell)
        os.read(told, 1)  # until it has its own command line: by that it is looked for
        os.close(told)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


def _become(
    module: str,
    arguments: list[str],
    path: list[str],
    env: dict[str, str],
    log: str,
    cwd: str,
    tell: int,
) -> NoReturn:
    """Be what ``python -m module arguments`` is, in a session of its own."""
    os.setsid()
    os.chdir(cwd)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    # as from a terminal: who runs the tests in the background may have them ignore it
    signal.signal(signal.SIGINT, signal.default_int_handler)
    out = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(out, 1)
    os.dup2(out, 2)
    setproctitle(" ".join(["python", "-m", module, *arguments]))  # needs the first environment
    os.close(tell)
    os.environ.clear()
    os.environ.update(env)
    sys.path[:0] = path
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
    sys.exit()


def _reap(*_: object) -> None:
    """Let children that ended go: who waits for one must not find its shell."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass  # none is left


if __name__ == "__main__":
    main()
