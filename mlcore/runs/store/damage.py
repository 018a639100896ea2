"""Decodes text columns of a run's row; a damaged row becomes one clear error sentence."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TypeVar

from mlcore.core import StoreError
from mlcore.runs.status import Status

Plain = TypeVar("Plain", dict[str, Any], list[Any])

_SHOWN = 60
_ADVICE = (
    "It was not changed: restore a copy of the store, or repair that field with the database's "
    "own tools."
)


def json_of(text: str, kind: type[Plain], what: str, of: str) -> Plain:
    """The JSON object (``dict``) or array (``list``) of a column.

    Args:
        text: What the row holds.
        kind: What it must be.
        what: Name of the column, for the sentence.
        of: Whose row it is, such as ``run k3j9x2ab``.

    Raises:
        StoreError: If it is no JSON, or JSON of another kind.
    """
    try:
        found = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        found = None
    if isinstance(found, kind):
        return found
    word = "object" if kind is dict else "array"
    raise damaged(what, of, text, f"a JSON {word}")


def status_of(text: str, of: str) -> Status:
    """The status of a row.

    Raises:
        StoreError: If there is no such status.
    """
    return Status(word_of(text, list(Status), "status", of))


def word_of(text: str, allowed: Sequence[str], what: str, of: str) -> str:
    """One of a few words.

    Raises:
        StoreError: If it is none of them.
    """
    if text in allowed:
        return text
    raise damaged(what, of, text, f"one of {', '.join(allowed)}")


def damaged(what: str, of: str, found: object, must_be: str) -> StoreError:
    """The error of a damaged row.

    Args:
        what: Name of the column.
        of: Whose row it is, such as ``run k3j9x2ab``.
        found: What the row holds.
        must_be: What it must be.
    """
    return StoreError(
        f"The store is damaged: the {what} of {of} is {_short(found)}, but must be {must_be}. "
        f"{_ADVICE}"
    )


def _short(text: object) -> str:
    shown = repr(text)
    return shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "…"
