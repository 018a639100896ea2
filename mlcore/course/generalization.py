"""Tasks of the chapter on generalization."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mlcore.course.task import Task

if TYPE_CHECKING:
    from mlcore.generalization import DoubleDescent, ErrorCurve

_FLATTERED: Final = 0.1


@dataclass(frozen=True, slots=True)
class State:
    """What one of the views shows; the others' attributes keep their defaults.

    Attributes:
        kind: The penalty: ``none``, ``ridge`` or ``lasso``.
        degree: The polynomial's degree.
        curve: Errors of every degree under the penalty.
        plain: Errors of every degree without one.
        widths: Errors against the width of random features.
        width: The chosen width.
        better: Remedies that are better than none beyond luck.
        leak: The leak of a cross-validation: ``none``, ``normalization`` or ``copies``.
        flattered: Its estimate less the accuracy on images in no fold.
    """

    kind: str = "none"
    degree: int = 0
    curve: ErrorCurve | None = None
    plain: ErrorCurve | None = None
    widths: DoubleDescent | None = None
    width: int = 0
    better: frozenset[str] = frozenset()
    leak: str = "none"
    flattered: float = 0.0


def _best(state: State) -> bool:
    return state.kind == "none" and state.curve is not None and state.degree == state.curve.best


def _ridge(state: State) -> bool:
    if state.kind != "ridge" or state.curve is None or state.plain is None or state.degree != 15:
        return False
    return bool(state.curve.validation[-1] * 100 <= state.plain.validation[-1])


def _peak(state: State) -> bool:
    found = state.widths
    if found is None or state.width != found.peak:
        return False
    place = found.widths.index(state.width)
    return bool(found.test[place] >= 40 * found.ridge_test[place])


def _remedy(state: State) -> bool:
    return bool(state.better)


def _leak(state: State) -> bool:
    return state.leak != "none" and state.flattered >= _FLATTERED


TASKS: Final = (
    Task(
        "best",
        "Choose the degree whose least-squares fit has the smallest validation error.",
        "The training error falls with every degree; only unseen points show where to stop.",
        _best,
        hint="Look for the diamond on the error curve.",
    ),
    Task(
        "ridge",
        "At degree 15, let ridge divide the validation error of least squares by 100.",
        "A penalty on the weights keeps a flexible model from following the noise.",
        _ridge,
    ),
    Task(
        "peak",
        "In Double descent, go to the peak, and make ridge's error there 40 times smaller.",
        "At width = n only one, wild solution interpolates; ridge need not interpolate.",
        _peak,
    ),
    Task(
        "remedy",
        "In Few images, find a remedy that is better than none beyond luck.",
        "One change at a time, on the same seeds and the same split, shows what it does.",
        _remedy,
        hint="More seeds make smaller differences visible.",
    ),
    Task(
        "leak",
        "In Folds, let a leak lift the estimate 10 points above the accuracy on new images.",
        "Whoever augments before dividing judges a model by pictures that it has learned.",
        _leak,
        hint="The fewer images and the more copies of each, the more a leak tells.",
    ),
)
