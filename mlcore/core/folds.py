"""The fields of cross-validation that experiments share: how many folds, and which one is held out.

The samples of a data set are divided into ``folds`` parts, the folds. A run with ``fold=f`` holds
out the f-th of them for validation and learns from all others; the ``folds`` runs together validate
on each sample once.
"""

from __future__ import annotations

from typing import Any, Final

from pydantic import Field, ValidationInfo

MOST_FOLDS: Final = 100
_ON: Final = {"folds": list(range(2, MOST_FOLDS + 1))}


def folds_field(group: str) -> Any:
    """The field ``folds`` of a config."""
    return Field(
        0,
        title="Folds",
        ge=0,
        le=MOST_FOLDS,
        description="Cross-validation: into how many parts to divide the training data. The run "
        "holds one of them out for validation; 0 for no folds.",
        json_schema_extra={"group": group, "later": True},
    )


def fold_field(group: str) -> Any:
    """The field ``fold`` of a config; it stands after ``folds``."""
    return Field(
        1,
        title="Fold",
        ge=1,
        le=MOST_FOLDS,
        description="Which of the folds, counted from 1, is held out.",
        json_schema_extra={"group": group, "later": True, "only_if": _ON},  # type: ignore[dict-item]  # lists of numbers are JSON
    )


def fold_seed_field(group: str) -> Any:
    """The field ``fold_seed`` of a config; it stands after ``folds``."""
    return Field(
        0,
        title="Fold seed",
        ge=0,
        le=2**31 - 1,
        description="Decides which sample is in which fold, whatever the seed: another one "
        "divides the same data anew.",
        json_schema_extra={"group": group, "later": True, "only_if": _ON},  # type: ignore[dict-item]  # as above
    )


def check_folds(folds: int, other: str, share: float) -> None:
    """Refuse folds that hold nothing out, or beside another validation part.

    Args:
        folds: How many.
        other: The field that would hold out a part of its own.
        share: Its value; 0 for none.

    Raises:
        ValueError: With a sentence.
    """
    if folds == 1:
        raise ValueError(
            "folds is 1, but then nothing is left to learn from: give 2 or more, or 0 for none."
        )
    if folds and share:
        raise ValueError(
            f"folds is {folds}, but {other} is {share:g}, and a run has one validation part: set "
            "one of the two to 0."
        )


def check_fold(fold: int, info: ValidationInfo) -> int:
    """Refuse a fold that there is not; the validator of the field ``fold``. Raises ValueError."""
    folds = info.data.get("folds")
    if folds is None:  # was refused itself
        return fold
    if folds and fold > folds:
        raise ValueError(f"fold is {fold}, but folds is {folds}: give 1 to {folds}.")
    if not folds and fold > 1:
        raise ValueError(f"fold is {fold}, but there are no folds: set folds to 2 or more.")
    return fold


def fold_size(samples: int, folds: int, fold: int) -> int:
    """How many samples a fold holds, from 1 on: all the same, or the first folds one more."""
    return len(range(fold - 1, samples, folds))
