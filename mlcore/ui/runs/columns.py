"""The columns of the run table: which there are, their labels and formats."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from mlcore.charts import palette
from mlcore.charts.comparison import is_share
from mlcore.runs import Status
from mlcore.runs.store.run_table import CONFIG, METRIC, VERSION
from mlcore.ui import page

if TYPE_CHECKING:
    import pandas as pd

DELTA: Final = "delta."
"""Prefix of a column that holds the difference to the baseline."""

NAN_LAST: Final = "nan"
"""The column that names the metrics whose last value is NaN."""

_FACTS: Final = {
    "id": "id",
    "experiment": "experiment",
    "status": "status",
    "progress": "progress",
    "tags": "tags",
    "note": "note",
    "created": "created",
    "started": "started",
    "finished": "finished",
    "duration": "work",
    "step": "last step",
    "host": "host",
    "error": "error",
    "source": "source",
}
_RESULTS: Final = tuple(
    f"{METRIC}{name}"
    for name in (
        "test_accuracy",
        "validation_accuracy",
        "test_loss",
        "validation_loss",
        "loss",
    )
)
_VARIED: Final = 3
_STATUS_COLOURS: Final = {
    Status.QUEUED: "gray",
    Status.RUNNING: "blue",
    Status.PAUSED: "orange",
    Status.FINISHED: "green",
    Status.FAILED: "red",
    Status.STOPPED: "gray",
    Status.LOST: "red",
    Status.PRUNED: "violet",
}


def choosable(table: pd.DataFrame) -> list[str]:
    """All columns to choose from: facts, then config fields, metrics and versions."""
    spread = [name for name in table.columns if name.startswith((CONFIG, METRIC, VERSION))]
    return [*_FACTS, *sorted(spread, key=lambda name: (_order(name), name))]


def usual(table: pd.DataFrame) -> list[str]:
    """The default columns: results, and the fields with the most different values."""
    measured = [name for name in _RESULTS if name in table.columns]
    if not measured:
        measured = [name for name in table.columns if name.startswith(METRIC)][:1]
    return ["status", *measured, *_varied(table), "duration", "created", "tags", "id"]


def _varied(table: pd.DataFrame) -> list[str]:
    """The config fields with the most different values, and the seed last if it differs.

    A long name is cut off before its seed.
    """
    fields = [n for n in table.columns if n.startswith(CONFIG)]
    counts = {name: table[name].nunique() for name in fields}
    seed = f"{CONFIG}seed"
    varied = [name for name in fields if counts[name] > 1 and name != seed]
    shown = sorted(varied, key=lambda name: -counts[name])[:_VARIED]
    return [*shown, *([seed] if counts.get(seed, 0) > 1 else [])]


def label_of(column: str, columns: Sequence[str] = ()) -> str:
    """A column's label: ``config.lr`` → ``lr``, ``metric.test_accuracy`` → ``test accuracy``.

    Args:
        column: Its name in the run table, or that with ``DELTA`` before it.
        columns: All names; a metric named like a config field gets ``(last)``.
    """
    if column.startswith(DELTA):
        return f"Δ {label_of(column.removeprefix(DELTA), columns)}"
    if column.startswith(VERSION):
        return f"{column.removeprefix(VERSION)} version"
    if column.startswith(METRIC):
        name = column.removeprefix(METRIC)
        return name.replace("_", " ") + " (last)" * (f"{CONFIG}{name}" in columns)
    if column in _FACTS:
        return _FACTS[column]
    name = column.removeprefix(CONFIG).replace("_", " ")
    return name + " (config)" * (name in _FACTS.values())


def has_delta(column: str, table: pd.DataFrame) -> bool:
    """Whether a difference to the baseline makes sense for a column."""
    return column == "duration" or (column.startswith(METRIC) and table[column].dtype.kind in "iuf")


def config_of(column: str, table: pd.DataFrame, columns: Sequence[str]) -> ColumnConfig:
    """A column's display settings in the table."""
    label = page.one_line(label_of(column, columns), 40)
    name, bare = column.removeprefix(DELTA), column.split(".", 1)[-1]
    if column.startswith(DELTA):
        # the printf format writes the sign, which a difference needs
        share = is_share(name)
        return st.column_config.NumberColumn(
            f"{label} (points)" if share else label, format="%+.2f" if share else "%+.4g"
        )
    if column == NAN_LAST:
        return st.column_config.TextColumn(
            "is NaN", help="Metrics whose last value is NaN; without a value, nothing is named here"
        )
    if column == "status":
        return status_column(label)
    if column == "tags":
        known = list(dict.fromkeys(tag for tags in table["tags"] for tag in tags))
        return st.column_config.MultiselectColumn(label, options=known, color="auto")
    if column == "progress":
        return st.column_config.ProgressColumn(label, format="percent", width=90)
    if column in ("created", "started", "finished"):
        return st.column_config.DatetimeColumn(
            f"{label} (UTC)", format="YYYY-MM-DD HH:mm", timezone="UTC", width=135
        )
    if column == "duration":
        return st.column_config.NumberColumn(f"{label} (s)", format="%.1f", width=80)
    if column in ("id", "experiment", "source"):
        return st.column_config.TextColumn(label, width=88)
    if column.startswith(METRIC) and is_share(bare):
        return st.column_config.NumberColumn(label, format="percent", width=110)
    if name in table and table[name].dtype.kind == "f":
        return st.column_config.NumberColumn(label, format="%.5g")
    return st.column_config.Column(label)


def status_column(label: str) -> ColumnConfig:
    """Statuses in their colours; each cell is a list of one."""
    return st.column_config.MultiselectColumn(
        label, options=list(_STATUS_COLOURS), color=list(_STATUS_COLOURS.values()), width=92
    )


def swatch(number: int) -> str:
    """A dot in the hue of a run (see ``palette.run_colour``), as a data URL."""
    return swatch_of(palette.run_colour(number))


def swatch_of(hue: str) -> str:
    """A dot of a colour (``#2a7fd4``), as a data URL."""
    colour = hue.replace("#", "%23")
    return (
        "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' width='32' height='32'>"
        f"<circle cx='16' cy='16' r='7' fill='{colour}'/></svg>"
    )


def _order(name: str) -> int:
    return next(
        place for place, one in enumerate((CONFIG, METRIC, VERSION)) if name.startswith(one)
    )
