"""Five tasks of the regression chapter, each checked on the learner's own run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mlcore.regression.closed_form import Fit
from mlcore.regression.config import RegressionConfig
from mlcore.regression.descent import Path
from mlcore.regression.theory import Verdict


@dataclass(frozen=True, slots=True, eq=False)
class Attempt:
    """The learner's current settings and run.

    Attributes:
        config: The settings.
        path: The descent they gave, of one rate.
        verdict: What the theory said of it.
        fit: The least-squares fit in the same units.
        untouched: Whether the points are those that the config names, none added or removed.
        true_slope: For made points the slope they were made with, in the units of x, else None.
        slope: The fitted slope in the raw units of x (standardizing undone).
    """

    config: RegressionConfig
    path: Path
    verdict: Verdict
    fit: Fit
    untouched: bool
    true_slope: float | None
    slope: float


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether a task is solved, and a sentence with the learner's own numbers."""

    solved: bool
    text: str


@dataclass(frozen=True, slots=True)
class Task:
    """One task.

    Attributes:
        key: Short name.
        goal: What to reach, in a sentence.
        hint: A nudge that does not give the answer away.
        check: Looks at an attempt.
    """

    key: str
    goal: str
    hint: str
    check: Callable[[Attempt], Answer]


def _course(attempt: Attempt) -> str:
    """Why this attempt does not use the course's data with plain settings; empty if it does."""
    if attempt.config.data != "hours_scores" or not attempt.untouched:
        return "Use the hours and scores, without added or removed points."
    if attempt.config.model != "line" or attempt.config.loss != "squared":
        return "Use the model y = wx + b and the squared loss."
    return ""


def _quick(attempt: Attempt) -> Answer:
    if reason := _course(attempt) or ("Do not standardize x." * attempt.config.standardize):
        return Answer(False, reason)
    if attempt.config.steps > 10:
        return Answer(False, f"Your run takes {attempt.config.steps:,} steps; give it 10.")
    step = attempt.path.steps_to(120.0)[0]
    if step is None:
        return Answer(False, f"Your run ends at {float(attempt.path.loss[-1]):.4g}.")
    return Answer(step <= 10, f"Your run first falls to 120 at step {step}.")


def _largest(attempt: Attempt) -> Answer:
    if attempt.verdict.divergent is None:
        return Answer(
            False, "The largest stable rate is not known here; use gradient descent on all points."
        )
    if attempt.config.steps < 50:
        return Answer(False, "Run at least 50 steps, so that a divergent rate has time to show.")
    part = attempt.config.lr / attempt.verdict.divergent
    grew = float(attempt.path.loss[-1]) > float(attempt.path.loss[0])
    if part >= 1 or grew:
        return Answer(False, "Your run diverges: too large.")
    return Answer(part >= 0.95, f"Your rate is {part:.1%} of the largest stable rate.")


def _one_step(attempt: Attempt) -> Answer:
    if reason := _course(attempt):
        return Answer(False, reason)
    if attempt.config.optimizer != "gradient_descent" or attempt.config.batch_size:
        return Answer(False, "Use plain gradient descent on all points.")
    step = attempt.path.steps_to(1.01 * attempt.fit.loss)[0]
    if step is None:
        return Answer(False, f"Your run never comes within 1 % of {attempt.fit.loss:.2f}.")
    return Answer(step <= 3, f"Your run is within 1 % of {attempt.fit.loss:.2f} at step {step}.")


def _valley(attempt: Attempt) -> Answer:
    if reason := _course(attempt) or ("Do not standardize x." * attempt.config.standardize):
        return Answer(False, reason)
    start = (attempt.config.start_w, attempt.config.start_b)
    if start != (0.0, 0.0):
        return Answer(False, "Start from (0, 0), as the course does.")
    step = attempt.path.steps_to(attempt.fit.loss + 0.1)[0]
    if step is None:
        excess = float(attempt.path.loss.min()) - attempt.fit.loss
        return Answer(False, f"Your run stays {excess:.3g} above the least-squares loss.")
    return Answer(step <= 1000, f"Your run is within 0.1 of the least-squares loss at step {step}.")


def _outliers(attempt: Attempt) -> Answer:
    if attempt.true_slope is None or attempt.config.outliers < 10 or not attempt.untouched:
        return Answer(False, "Use made points with at least 10 outliers; add or remove none.")
    if not attempt.true_slope or attempt.config.count > 200 or attempt.config.model == "polynomial":
        return Answer(False, "Use a line with a slope other than 0 and at most 200 points.")
    off = abs(attempt.slope - attempt.true_slope) / abs(attempt.true_slope)
    return Answer(
        off <= 0.2,
        f"Your slope is {attempt.slope:.3f}, {off:.1%} off the true {attempt.true_slope:g}.",
    )


TASKS: tuple[Task, ...] = (
    Task(
        "quick",
        "Bring the loss of the hours and scores below 120 with a run of at most 10 steps.",
        "At η = 1e-6 almost nothing happens in 10 steps. How large can η be, and where is it too "
        "large?",
        _quick,
    ),
    Task(
        "largest",
        "Find the largest stable rate within 5 %, on any data.",
        "Look where the stripe under the slider turns red: rates above it diverge.",
        _largest,
    ),
    Task(
        "one-step",
        "With gradient descent, come within 1 % of the least-squares loss in at most 3 steps.",
        "The condition number shows why it takes so long. What makes it 1?",
        _one_step,
    ),
    Task(
        "valley",
        "Without standardizing, from (0, 0): within 0.1 of the least-squares loss in 1,000 steps.",
        "Along the valley's floor the gradient is tiny. Which optimizer keeps its speed?",
        _valley,
    ),
    Task(
        "outliers",
        "Made points with 10 outliers: find a slope within 20 % of the true one.",
        "The squared loss is 40 % off, because it squares each outlier's distance. Which loss "
        "does not?",
        _outliers,
    ),
)
