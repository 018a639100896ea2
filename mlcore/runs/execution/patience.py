"""How long a store that does not answer is waited for, and how a failure is put in a sentence."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeVar

from sqlalchemy.exc import DataError, NotSupportedError, ProgrammingError

from mlcore.core import DivergenceError, SnapshotError, StoreError

FLUSH_EVERY = 0.2
"""Seconds between two flushes: how late a point reaches the store, and so an open page, at most."""

RETRY_EVERY = 0.5
"""Seconds between two tries to reach a store that does not answer; more where a try is slow."""

PATIENCE = 60.0
"""Seconds for which the store is waited for when nothing more can wait, or all steps are taken."""

_NEVER: Final = (DataError, NotSupportedError, ProgrammingError)
"""What the store refuses now it will refuse again."""

Given = TypeVar("Given")


def insist(act: Callable[[], Given]) -> Given:
    """Repeat an idempotent action on the store until the store answers.

    Raises:
        StoreError: If it did not answer for ``PATIENCE`` seconds, or never will.
    """
    began = time.monotonic()
    while True:
        try:
            return act()
        except StoreError as error:
            if not may_pass(error) or time.monotonic() - began > PATIENCE:
                raise
        time.sleep(RETRY_EVERY)


def may_pass(error: StoreError) -> bool:
    """Whether a retry may help: a store that is away, busy or full, not one that refuses."""
    return not isinstance(error.__cause__, _NEVER)


def failure_sentence(error: BaseException) -> str:
    """Why a run failed, in one line: errors that are sentences by themselves stand alone."""
    known = (DivergenceError, SnapshotError, ValueError, OSError)
    text = str(error).strip() or "no reason given"
    return text if isinstance(error, known) else f"{type(error).__name__}: {text}"
