"""Regression by gradient descent: data, descent, its theory, and races on surfaces.

Names are loaded when first used: a form can be drawn from the config before torch is there.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlcore.regression.closed_form import Fit, least_squares, solve
    from mlcore.regression.config import RegressionConfig
    from mlcore.regression.data import DataError, Dataset, hours_scores, made
    from mlcore.regression.descent import Descent, Path, descend, descend_on
    from mlcore.regression.judging import judge, verdict
    from mlcore.regression.problem import Problem
    from mlcore.regression.racing import Race, Racer, race
    from mlcore.regression.rules import RULE_NAMES, Rule
    from mlcore.regression.surfaces import Surface, regression_surface, surface
    from mlcore.regression.tables import from_table, numeric_columns, read_table
    from mlcore.regression.tasks import TASKS, Answer, Attempt, Task
    from mlcore.regression.theory import BANDS, Verdict
    from mlcore.regression.train import load, problem_of, rule_of

_HOMES = {
    "BANDS": "theory",
    "RULE_NAMES": "rules",
    "TASKS": "tasks",
    "Answer": "tasks",
    "Attempt": "tasks",
    "DataError": "data",
    "Dataset": "data",
    "Descent": "descent",
    "Fit": "closed_form",
    "Path": "descent",
    "Problem": "problem",
    "Race": "racing",
    "Racer": "racing",
    "RegressionConfig": "config",
    "Rule": "rules",
    "Surface": "surfaces",
    "Task": "tasks",
    "Verdict": "theory",
    "descend": "descent",
    "descend_on": "descent",
    "from_table": "tables",
    "hours_scores": "data",
    "judge": "judging",
    "least_squares": "closed_form",
    "load": "train",
    "made": "data",
    "numeric_columns": "tables",
    "problem_of": "train",
    "race": "racing",
    "read_table": "tables",
    "regression_surface": "surfaces",
    "rule_of": "train",
    "solve": "closed_form",
    "surface": "surfaces",
    "verdict": "judging",
}

__all__ = [
    "BANDS",
    "RULE_NAMES",
    "TASKS",
    "Answer",
    "Attempt",
    "DataError",
    "Dataset",
    "Descent",
    "Fit",
    "Path",
    "Problem",
    "Race",
    "Racer",
    "RegressionConfig",
    "Rule",
    "Surface",
    "Task",
    "Verdict",
    "descend",
    "descend_on",
    "from_table",
    "hours_scores",
    "judge",
    "least_squares",
    "load",
    "made",
    "numeric_columns",
    "problem_of",
    "race",
    "read_table",
    "regression_surface",
    "rule_of",
    "solve",
    "surface",
    "verdict",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"mlcore.regression.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'mlcore.regression' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
