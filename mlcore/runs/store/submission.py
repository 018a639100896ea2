"""The row of a newly submitted run."""

from __future__ import annotations

import platform
import secrets
import shutil
import subprocess
import time
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from mlcore.core import Config, canonical_json
from mlcore.core.source_code import module_place
from mlcore.runs.recorded_run import CODE, FOLDER, MODULE
from mlcore.runs.status import Status

_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"  # no 0/o, 1/l/i: ids are read aloud in class


def new_id() -> str:
    """A new run id: eight letters and digits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(8))


def new_row(config: Config) -> dict[str, Any]:
    """The row of a new run of a config, queued now."""
    now = time.time()
    seed = getattr(config, "seed", None)
    checksum = config.data_checksum()
    code = config.code_hash()
    known = {"data": checksum} if checksum else {}
    return {
        "id": new_id(),
        "experiment": config.experiment,
        "version": config.version,
        "config": config.to_json(),
        "fingerprint": config.fingerprint(checksum),
        "status": Status.QUEUED,
        "seed": seed if isinstance(seed, int) else None,
        "created": now,
        "queued": now,
        "versions": canonical_json({**versions(), CODE: code} if code else versions()),
        "environment": canonical_json({**known, **(_place_of(config) if code else {})}),
    }


def _place_of(config: Config) -> dict[str, str]:
    """Where a worker finds the class of an experiment of one's own."""
    place = module_place(type(config))
    if place is None:
        return {}
    module, _, root = place
    return {MODULE: f"{module}:{type(config).__name__}", FOLDER: str(root)}


@cache
def versions() -> dict[str, str]:
    """Versions of Python, mlcore and torch, and the git commit of the working folder."""
    found = {"python": platform.python_version()}
    for package in ("mlcore", "torch"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue  # run from a checkout that was never installed
    if commit := _git_commit():
        found["git"] = commit
    return found


def _git_commit() -> str | None:
    """The commit of the working folder, with ``+`` if files have changed since."""
    git = shutil.which("git")
    if git is None:
        return None
    command = [git, "describe", "--always", "--dirty=+", "--abbrev=12", "--exclude=*"]
    try:
        done = subprocess.run(  # noqa: S603 - the arguments are our own
            command, capture_output=True, text=True, timeout=2, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None
