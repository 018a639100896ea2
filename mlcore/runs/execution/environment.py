"""What a run ran on, kept with it: two results can only be compared if that is known."""

from __future__ import annotations

import json
import os
import platform
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import select, update

from mlcore.core import Config
from mlcore.runs.store.damage import json_of
from mlcore.runs.store.schema import runs

if TYPE_CHECKING:
    from mlcore.runs.execution.claims import Claim

Facts = dict[str, str | int]


def record_environment(claim: Claim) -> None:
    """Write down, beside what is known since the submission, what this process trains with.

    Raises:
        ConfigError: If the config asks for what this machine lacks.
    """
    found = environment_of(claim.run.config)
    mine = runs.c.key == claim.run.key
    with claim.store.writing() as connection:
        text = connection.execute(select(runs.c.environment).where(mine)).scalar_one_or_none()
        before = json_of(text or "{}", dict, "environment", f"run {claim.run.id}")
        now = json.dumps({**before, **found}, sort_keys=True, ensure_ascii=False)
        connection.execute(update(runs).where(mine).values(environment=now))


def environment_of(config: Config) -> Facts:
    """Platform, processor and cores of this machine, and what the config makes of them."""
    return {**_machine(), **config.environment()}


@cache
def _machine() -> Facts:
    facts: Facts = {
        "platform": f"{platform.system()} {platform.machine()}".strip(),
        "processor": _processor(),
        "cores": os.cpu_count() or 1,
    }
    return {name: fact for name, fact in facts.items() if fact}


def _processor() -> str:
    """The processor's name; Linux tells it only in a file."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())
