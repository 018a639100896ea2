"""The tables of a comparison: differences between runs, and their curves on one axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from mlcore.runs.analysis.axes import Axis, pace_of
from mlcore.runs.store.run_table import plain

if TYPE_CHECKING:
    import pandas as pd

    from mlcore.runs.recorded_run import Run

_CURVE_COLUMNS: Final = (
    *("run", "group", "metric", "x", "value", "low", "high", "thinned", "step", "time", "odd"),
)
_GROUP_COLUMNS: Final = ("group", "metric", "x", "value", "low", "high", "sd", "n", "step", "odd")


def differing_config(runs: Sequence[Run]) -> pd.DataFrame:
    """The config fields that differ: one row per field, one column per run."""
    rows: dict[str, list[object]] = {"experiment": [run.experiment for run in runs]}
    names = dict.fromkeys(name for run in runs for name in run.config_fields)
    rows |= {name: [plain(run.config_fields.get(name)) for run in runs] for name in names}
    return _differing(rows, runs)


def differing_environment(runs: Sequence[Run]) -> pd.DataFrame:
    """The versions, machines and data that differ: one row per fact, one column per run."""
    whole = [_facts(run) for run in runs]
    names = dict.fromkeys(name for facts in whole for name in facts)
    return _differing({name: [facts.get(name) for facts in whole] for name in names}, runs)


def curves_on_axis(
    thin: pd.DataFrame, runs: Sequence[Run], letters: Mapping[str, str], metric: str, axis: Axis
) -> pd.DataFrame:
    """The curves of one metric over an axis, as ``Comparison.curves`` documents them.

    Args:
        thin: As ``Store.curves`` gives it.
        runs: The runs, in order.
        letters: The group of each run, by id.
        metric: Name of the metric.
        axis: What lies along the curves.
    """
    import pandas as pd

    parts, by_run = [], dict(iter(thin.groupby("run", sort=False)))
    for run in runs:
        mine = by_run.get(run.id, thin.iloc[:0])
        steps, time = (mine[name].to_numpy("float64") for name in ("step", "time"))
        x = pace_of(run).along(axis, steps, time)
        if x is not None:
            parts.append(mine.assign(x=x, group=letters[run.id], metric=metric))
    whole = pd.concat(parts) if parts else thin.iloc[:0].assign(x=0.0, group="", metric="")
    whole["thinned"] = whole["count"] > 1
    return whole[list(_CURVE_COLUMNS)].reset_index(drop=True)


def spread_over_seeds(curves: pd.DataFrame, letters: Sequence[str]) -> pd.DataFrame:
    """Mean, minimum and maximum over the seeds of each group, in the order of ``letters``."""
    table = (
        curves.groupby(["group", "step"], sort=False)
        .agg(
            metric=("metric", "first"),
            x=("x", "mean"),
            value=("value", "mean"),
            low=("value", "min"),
            high=("value", "max"),
            sd=("value", "std"),
            n=("value", "count"),
            odd=("odd", _any_of),
        )
        .reset_index()
    )
    order = {letter: place for place, letter in enumerate(letters)}
    table["place"] = table["group"].map(order)
    table = table.sort_values(["place", "step"], kind="stable")
    # a run that is thinned less than its twins has points between theirs: alone they would zigzag
    later = table.iloc[::-1].groupby("place", sort=False)["n"].cummax().iloc[::-1]
    return table[table["n"] >= later].reset_index(drop=True)[list(_GROUP_COLUMNS)]


def _any_of(odd: pd.Series[int]) -> int:
    import numpy as np

    return int(np.bitwise_or.reduce(odd.to_numpy()))


def attributes_table(things: Sequence[object], names: Sequence[str]) -> pd.DataFrame:
    """A table with one row per item and one column per attribute."""
    import pandas as pd

    rows = [[getattr(thing, name) for name in names] for thing in things]
    return pd.DataFrame(rows, columns=list(names))


def _facts(run: Run) -> dict[str, Any]:
    """Facts about a run outside its config; ``git`` last, as it differs most often."""
    versions = dict(run.versions)
    git = versions.pop("git", None)
    facts: dict[str, Any] = {"made": f"from {run.source}" if run.imported else "here"}
    facts |= versions | {"host": run.host} | dict(run.environment)
    return facts | {"git": git}


def _differing(rows: Mapping[str, Sequence[Any]], runs: Sequence[Run]) -> pd.DataFrame:
    import pandas as pd

    kept = {name: row for name, row in rows.items() if len({repr(value) for value in row}) > 1}
    return pd.DataFrame(
        list(kept.values()),
        index=pd.Index(list(kept), dtype="str"),
        columns=[run.id for run in runs],
        dtype=object,
    )
