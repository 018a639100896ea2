"""Starts processes a second or two sooner than a command does (see ``fork_server.py``)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final

import psutil

ROOT: Final = Path(__file__).parents[1]


class ForkServer:
    """Forks ``python -m module`` off a process that has imported what others wrote."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    def start(
        self,
        module: str,
        arguments: Sequence[str],
        *,
        path: Sequence[str],
        env: Mapping[str, str],
        log: Path,
        cwd: Path = ROOT,
    ) -> psutil.Process:
        """A process that does what ``python -m module`` does with these arguments.

        Args:
            module: Its name.
            arguments: What follows the name.
            path: Folders that modules are looked for in first.
            env: All variables of its environment.
            log: The file that its output is appended to.
            cwd: Its working folder.
        """
        order = {
            "module": module,
            "arguments": list(arguments),
            "path": list(path),
            "env": dict(env),
            "log": str(log),
            "cwd": str(cwd),
        }
        with self._lock:
            if self._process is None:
                self._process = subprocess.Popen(
                    [sys.executable, str(Path(__file__).with_name("fork_server.py"))],
                    cwd=ROOT,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            return psutil.Process(int(self._process.stdout.readline()))

    def close(self) -> None:
        """Start no more; what was started lives on."""
        if self._process is not None:
            self._process.communicate()


class ForkedWorker:
    """Stands for the ``subprocess.Popen`` of a worker.

    Args:
        server: What forks it.
        words: The command line: the interpreter, ``-P -m``, a module and its arguments.
        env: All variables of its environment.
        stdout: The file that its output is appended to.
    """

    def __init__(
        self,
        server: ForkServer,
        words: Sequence[str],
        *,
        env: Mapping[str, str],
        stdout: IO[bytes],
        **_: Any,
    ) -> None:
        assert list(words[1:3]) == ["-P", "-m"], words
        path = env["PYTHONPATH"].split(os.pathsep)
        log = Path(stdout.name)
        self._process = server.start(words[3], words[4:], path=path, env=env, log=log)
        self.pid = self._process.pid

    def poll(self) -> int | None:
        """None while it lives."""
        return None if self._process.is_running() else 0
