"""The tasks of the course that a learner has solved, stored with the runs."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING

from sqlalchemy import insert, select

from mlcore.core import InputError
from mlcore.runs.store.people import LOCAL_PERSON, LONGEST
from mlcore.runs.store.schema import progress

if TYPE_CHECKING:
    from mlcore.runs.store.store import Store


def solved_tasks(store: Store, person: str = LOCAL_PERSON) -> dict[str, frozenset[str]]:
    """The keys of solved tasks by chapter; chapters without any are left out.

    Raises:
        StoreError: If the store does not answer.
    """
    found: defaultdict[str, set[str]] = defaultdict(set)
    query = select(progress.c.chapter, progress.c.task).where(progress.c.person == person)
    with store.reading() as connection:
        for chapter, task in connection.execute(query):
            found[chapter].add(task)
    return {chapter: frozenset(tasks) for chapter, tasks in found.items()}


def remember_solved(
    store: Store, chapter: str, tasks: Iterable[str], person: str = LOCAL_PERSON
) -> frozenset[str]:
    """Store tasks as solved; one that was solved before keeps its time.

    Returns:
        Those that were not solved before.

    Raises:
        ValueError: If a name is empty or longer than ``LONGEST``.
        StoreError: If the store does not answer.
    """
    wanted = dict.fromkeys(tasks)
    for name in (person, chapter, *wanted):
        if not 0 < len(name) <= LONGEST:
            raise InputError(
                f"The name {name[:20]!r} of a person, chapter or task has {len(name)} characters; "
                f"give 1 to {LONGEST}."
            )
    mine = (progress.c.person == person) & (progress.c.chapter == chapter)
    with store.writing() as connection:
        known = set(connection.execute(select(progress.c.task).where(mine)).scalars())
        new = [task for task in wanted if task not in known]
        if new:
            now = time.time()
            connection.execute(
                insert(progress),
                [
                    {"person": person, "chapter": chapter, "task": task, "solved": now}
                    for task in new
                ],
            )
    return frozenset(new)
