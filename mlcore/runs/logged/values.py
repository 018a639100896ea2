"""What a loop may log: numbers of any library, names that are any text, whole steps."""

from __future__ import annotations

import operator
from decimal import Decimal
from numbers import Real
from typing import Any, Final

from mlcore.core import InputError, InputTypeError

LONGEST_NAME: Final = 1000
"""Characters of a metric's name at most."""

_SHOWN: Final = 60


def number_of(name: str, value: Any) -> float:
    """A logged value as a float; NaN and infinities are values.

    Args:
        name: Of the metric, for the sentence.
        value: A number of Python or NumPy, or a tensor or array of one element.

    Raises:
        InputTypeError: If it is none, such as a text or None.
        InputError: If it has several elements, or is too large for 64 bits.

    Example:
        >>> import torch
        >>> from mlcore.runs.logged.values import number_of
        >>> number_of("loss", torch.tensor(0.5))
        0.5
    """
    given = value
    if not isinstance(value, (Real, Decimal)) and callable(item := getattr(value, "item", None)):
        try:
            value = item()
        except (ValueError, RuntimeError, TypeError):
            raise InputError(
                f"{brief(name)} has the shape {_shape(given)}, but a metric is one number. Log its "
                "mean, or each element under a name of its own."
            ) from None
    if isinstance(value, (Real, Decimal)):
        try:
            return float(value)
        except (OverflowError, ValueError):
            raise InputError(
                f"{brief(name)} is {brief(value)}, which is no number of 64 bits. Scale it down."
            ) from None
    hint = ""
    if isinstance(given, dict):
        hint = f" Write {brief(name)[1:-1]}/… for the names of what is in it."
    raise InputTypeError(
        f"{brief(name)} is {brief(given)}, but a metric is a number, or a tensor of one "
        f"element.{hint}"
    )


def name_of(name: Any) -> str:
    """A metric's name; any text that every store can hold.

    Raises:
        InputTypeError: If it is no text.
        InputError: If it is empty, too long, or holds NUL or half a character.
    """
    if not isinstance(name, str):
        raise InputTypeError(f"A metric is named {brief(name)}, but a name is a text.")
    if not 0 < len(name) <= LONGEST_NAME:
        raise InputError(
            f"The metric {brief(name)} has a name of {len(name):,} characters, but it must have "
            f"1 to {LONGEST_NAME:,}."
        )
    if "\0" in name or not _is_unicode(name):
        raise InputError(
            f"The metric {brief(name)} has NUL or half a character in its name. Take it out."
        )
    return str(name)


def step_of(step: Any) -> int:
    """A step: a whole number from 0, also one of NumPy or a tensor of one element.

    Raises:
        InputError: If it is none.
    """
    try:
        whole = operator.index(step)
    except (TypeError, ValueError, RuntimeError):
        whole = int(step) if isinstance(step, float) and step.is_integer() else -1
    if not 0 <= whole < 2**63:
        raise InputError(f"step is {brief(step)}, but must be a whole number from 0.")
    return whole


def brief(value: object) -> str:
    """A value as an error shows it, on one line and not too long."""
    try:
        text = " ".join(repr(value).split())
    except Exception:  # noqa: BLE001 - whatever a foreign object raises
        text = f"a {type(value).__name__}"
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _shape(value: Any) -> str:
    shape = getattr(value, "shape", None)
    return "?" if shape is None else str(tuple(shape))


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
