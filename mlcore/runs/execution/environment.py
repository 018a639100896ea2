"""A run's environment: processor, device, precision, threads and data checksum."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select, update

from mlcore.core.cores import processor
from mlcore.runs.store.damage import json_of
from mlcore.runs.store.schema import runs

if TYPE_CHECKING:
    from mlcore.core import Config
    from mlcore.runs.execution.claims import Claim

Facts = dict[str, str | int]


def record_environment(claim: Claim) -> None:
    """Store what this process trains with, beside what was recorded at submission.

    Raises:
        ConfigError: If the config needs what this machine lacks.
    """
    found = environment_of(claim.run.config)
    with claim.store.writing() as connection:
        add_facts(connection, claim, found)


def add_facts(connection: Connection, claim: Claim, facts: Mapping[str, str | int]) -> None:
    """Add to a run's environment, within a transaction; what was known before stays."""
    mine = runs.c.key == claim.run.key
    text = connection.execute(select(runs.c.environment).where(mine)).scalar_one_or_none()
    before = json_of(text or "{}", dict, "environment", f"run {claim.run.id}")
    now = json.dumps({**before, **facts}, sort_keys=True, ensure_ascii=False)
    connection.execute(update(runs).where(mine).values(environment=now))


def environment_of(config: Config) -> Facts:
    """Platform, processor and cores of this machine, and what the config makes of them."""
    return {**machine(), **config.environment()}


@cache
def machine() -> Facts:
    """Platform, processor and cores of this machine."""
    facts: Facts = {
        "platform": f"{platform.system()} {platform.machine()}".strip(),
        "processor": processor(),
        "cores": os.cpu_count() or 1,
    }
    return {name: fact for name, fact in facts.items() if fact}
