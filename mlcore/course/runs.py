"""Tasks of the page of runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mlcore.course.task import Task

if TYPE_CHECKING:
    import pandas as pd

_ACCURACY: Final = "metric.test_accuracy"


@dataclass(frozen=True, slots=True)
class State:
    """The run table and its view.

    Attributes:
        table: As ``mlcore.runs.store.run_table.run_table`` gives it.
        shown: The rows of it that pass the filter.
        where: The filter's text; ``""`` without one.
    """

    table: pd.DataFrame
    shown: pd.DataFrame
    where: str = ""


def _name(state: State) -> bool:
    own = state.table[state.table["source"].isna()]
    return bool((own["name"] != "").any())


def _best(state: State) -> bool:
    if _ACCURACY not in state.table:
        return False
    measured = state.table[state.table[_ACCURACY].notna()]
    best = measured[measured[_ACCURACY] == measured[_ACCURACY].max()]
    return len(measured) >= 2 and bool(best["starred"].any())


def _filter(state: State) -> bool:
    if not state.where or _ACCURACY not in state.shown:
        return False
    some = 0 < len(state.shown) < len(state.table)
    return some and bool((state.shown[_ACCURACY] > 0.9).all())


def _seeds(state: State) -> bool:
    config = [
        name for name in state.table.columns if name.startswith("config.") and name != "config.seed"
    ]
    finished = state.table[state.table["status"] == "finished"]
    if not config or finished["seed"].nunique() < 3:  # quick, for pages that poll
        return False
    same = finished[["experiment", *config]].astype(str).agg("\n".join, axis=1)
    return bool(finished["seed"].groupby(same).nunique().max() >= 3)


TASKS: Final = (
    Task(
        "name",
        "Give a run a name.",
        "A name says what a run was for; without one it is named by its settings.",
        _name,
        "Choose one run: its name can be edited below the table.",
    ),
    Task(
        "best",
        "Star the run with the highest test accuracy, of at least two runs.",
        "A sorted column finds the best run; a star finds it again.",
        _best,
    ),
    Task(
        "filter",
        "Filter the table so that only runs above 90 % test accuracy are left.",
        "A filter is a line of text in the URL, so it can be shared.",
        _filter,
    ),
    Task(
        "seeds",
        "Have three finished runs that differ only in the seed.",
        "Their spread is luck alone; smaller differences mean nothing.",
        _seeds,
    ),
)
