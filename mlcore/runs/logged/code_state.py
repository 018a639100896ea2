"""What code made a run: script, command line, git commit, uncommitted changes, packages."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mlcore.runs.execution.claims import hold, writing_to
from mlcore.runs.execution.environment import add_facts
from mlcore.runs.store.artifacts import DIFF, PACKAGES, Content

if TYPE_CHECKING:
    from mlcore.runs.execution.claims import Claim

MOST_DIFF: Final = 2**20
"""Bytes that are kept of the uncommitted changes."""

_PATIENCE: Final = 10.0
_LONGEST_COMMAND: Final = 2_000
_SECRET: Final = ("password", "passwd", "token", "secret", "api-key", "apikey", "api_key")


@dataclass(frozen=True, slots=True)
class CodeState:
    """Where the code of a run stood.

    Attributes:
        facts: ``script``, ``command``, ``git commit``, ``git branch``, ``git changes``; those
            that are known.
        diff: The uncommitted changes of tracked files, as ``git diff HEAD`` shows them, at most
            ``MOST_DIFF`` bytes of them; empty if there are none.
    """

    facts: dict[str, str]
    diff: bytes


def code_state(script: Path | None = None, words: Sequence[str] | None = None) -> CodeState:
    """Look at the running script and its git repository; waits for git, some 20 ms.

    Args:
        script: By default that of this process; none in a notebook or at a prompt.
        words: The command line, by default that of this process.
    """
    script = _script() if script is None else script
    facts = {"command": command_line(sys.orig_argv if words is None else words)}
    if script is not None:
        facts["script"] = str(script)
    home = Path.cwd() if script is None else script.parent
    commit = _git(home, "rev-parse", "HEAD")
    if not commit:
        return CodeState(facts, b"")
    facts["git commit"] = commit.decode("ascii", "replace").strip()
    branch = _git(home, "rev-parse", "--abbrev-ref", "HEAD").decode("utf-8", "replace").strip()
    if branch and branch != "HEAD":
        facts["git branch"] = branch
    diff = _git(home, "diff", "--no-color", "--no-ext-diff", "HEAD")
    if diff:
        files = diff.count(b"\ndiff --git ") + diff.startswith(b"diff --git ")
        facts["git changes"] = f"{files} file{'s' * (files != 1)} not committed"
    if len(diff) > MOST_DIFF:
        cut = f"\n… {len(diff) - MOST_DIFF:,} bytes more were not kept\n"
        diff = diff[:MOST_DIFF] + cut.encode()
    return CodeState(facts, diff)


def command_line(words: Sequence[str]) -> str:
    """A command line as one would type it; what follows a word such as ``--token`` is left out."""
    shown: list[str] = []
    hide = False
    for word in words:
        name, equals, _ = word.partition("=")
        secret = name.startswith("-") and any(part in name.lower() for part in _SECRET)
        shown.append("***" if hide else f"{name}=***" if secret and equals else word)
        hide = secret and not equals
    return shlex.join(shown)[:_LONGEST_COMMAND]


def packages() -> bytes:
    """The installed packages as lines ``name==version``, sorted."""
    found = set()
    for place in sys.path:
        with suppress(OSError):
            for folder in os.scandir(place or "."):
                name, dot, kind = folder.name.rpartition(".")
                if dot and kind == "dist-info" and "-" in name:
                    found.add("==".join(name.split("-", 1)))
    return "".join(f"{line}\n" for line in sorted(found, key=str.lower)).encode()


def record_code(claim: Claim) -> None:
    """Store what code makes a run: facts with its environment, the rest as files.

    Raises:
        ClaimLostError: If this process no longer holds the run.
        StoreError: If it cannot be written.
        OSError: If its files cannot be written.
    """
    state, writer = code_state(), f"code{os.getpid():x}"
    texts = {PACKAGES: packages(), DIFF: state.diff}
    files = claim.run.artifacts
    new = [Content(name, 0, text, writer) for name, text in texts.items() if text]
    for content in new:
        files.write(content)
    with writing_to(claim) as connection:
        hold(connection, claim)
        add_facts(connection, claim, state.facts)
        for content in new:
            files.enter(connection, content)


def _script() -> Path | None:
    main = sys.modules.get("__main__")
    file = getattr(main, "__file__", None)
    return None if file is None else Path(file).resolve()


def _git(home: Path, *words: str) -> bytes:
    """What git prints; nothing where it fails, or is not installed."""
    try:
        done = subprocess.run(  # noqa: S603 - fixed words
            ["git", "-C", str(home), *words],  # noqa: S607 - the user's own git
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_PATIENCE,
            check=False,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"},
        )
    except (OSError, subprocess.SubprocessError):
        return b""
    return done.stdout if done.returncode == 0 else b""
