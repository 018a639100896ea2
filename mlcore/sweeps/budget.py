"""The budget of a sweep: a number of trials, or a number of minutes."""

from __future__ import annotations

from mlcore.core import InputError
from mlcore.sweeps.space import MOST_SETTINGS
from mlcore.sweeps.spec import DEFAULT_SETTINGS, SweepSpec

MOST_MINUTES = 60 * 24 * 30


def check_budget(n: int | None, minutes: float | None, *, both: bool = True) -> None:
    """Validate a sweep's budget.

    Raises:
        ValueError: If a part is not above 0 or too large, or, unless both may be left out, if
            none or both are given.
    """
    if not both and (n is None) == (minutes is None):
        raise InputError("Give either a number of trials or minutes, and not both.")
    whole = isinstance(n, int) and not isinstance(n, bool)
    if n is not None and not (whole and 1 <= n <= MOST_SETTINGS):
        raise InputError(f"n is {n!r}, but must be a whole number from 1 to {MOST_SETTINGS:,}.")
    if minutes is not None and not 0 < minutes <= MOST_MINUTES:
        raise InputError(f"minutes is {minutes!r}, but must be above 0 and up to {MOST_MINUTES:,}.")


def settings_for(spec: SweepSpec, n: int | None, minutes: float | None) -> int | None:
    """The number of trials to run, all different; None where only minutes limit it."""
    if spec.sampler == "grid":
        size = len(spec.space.grid(spec.config))
        return size if n is None else min(n, size)
    if n is None:
        if minutes is not None:
            return None
        n = DEFAULT_SETTINGS
    different = spec.space.size(spec.config)
    return n if different is None else min(n, different)
