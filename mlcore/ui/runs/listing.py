"""The live table of runs, with actions on the chosen ones."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

import streamlit as st

from mlcore.charts.comparison import is_share
from mlcore.core import RunNotFoundError
from mlcore.course.runs import State
from mlcore.runs import Status, Store, open_store
from mlcore.runs.filters.parser import FilterError
from mlcore.runs.store.run_table import DAMAGED, IS_NAN, METRIC, revision, run_table
from mlcore.ui import page, tasks
from mlcore.ui.common import clicks
from mlcore.ui.common.polling import poll
from mlcore.ui.draft import as_text
from mlcore.ui.runs import actions, callbacks, columns, details, selection
from mlcore.ui.runs.names import names_of

if TYPE_CHECKING:
    import pandas as pd
    from streamlit.elements.lib.column_types import ButtonColumnResult, ColumnConfig

    from mlcore.ui.runs.controls import View

LOOK_EVERY_S: Final = 2.0
"""How often a table without live runs checks whether a script has started one."""

_STAR: Final = "runs.table.star"
_NAMED: Final = 3
"""Damaged runs that are named one by one."""
_HEIGHT: Final = 38 + 35 * 14
_MOVING: Final = (Status.QUEUED, Status.RUNNING)


def say_damaged(*tables: pd.DataFrame) -> None:
    """Name the runs that some tables leave out, since their rows in the store are damaged."""
    damaged = [sentence for table in tables for sentence in table.attrs[DAMAGED]]
    if damaged:
        what = "A run is" if len(damaged) == 1 else f"{len(damaged)} runs are"
        page.error(f"{what} not shown. {' '.join(damaged[:_NAMED])}")


def show(view: View) -> None:
    """Draw the table, its actions, and the details of the chosen run.

    While a run moves the table is drawn anew every ``live_data.POLL_S``; rows keep their place,
    their mark and the scroll. Otherwise only the store's revision is asked for.
    """
    store = open_store()
    moving = _moves(run_table(store))

    def draw() -> bool:
        _draw(store, view)
        return _moves(run_table(store)) != moving

    poll(draw, key="runs.panel", moving=moving)
    if not moving:  # a script or another tab may change a run
        known = revision(store)
        poll(lambda: revision(store) != known, key="runs.news", moving=True, every=LOOK_EVERY_S)


def _draw(store: Store, view: View) -> None:
    clicks.show_refusal()
    callbacks.undo_notice(key="runs")
    table = run_table(store, deleted=view.section == "trash")
    try:
        rows = view.rows(table)
    except FilterError as problem:
        page.error(problem)
        rows = table
    selection.drop_unknown(table["id"])
    chosen = selection.chosen()
    shown: list[str] = rows["id"].tolist()
    hidden = len(set(chosen) - set(shown))
    actions.bar(chosen, table, view.section)
    # between the two, since the table's own tools float above its right corner
    _count(len(shown), len(table), len(chosen), hidden)
    if not shown:
        st.info("No run in this list fits the filter and the chosen experiment, status and tags.")
    else:
        _table(rows, table, view, names_of(store, rows))
    if len(chosen) == 1:
        try:
            details.show(store.get(chosen[0]))
        except RunNotFoundError:
            selection.choose([])
    if view.section == "runs":
        tasks.look("runs", State(table, rows, str(view.where)))


def _count(shown: int, there: int, chosen: int, hidden: int) -> None:
    of = f" of {there:,}" if shown != there else ""
    words = f"**{shown:,}**{of} run{'s' * (there != 1)}"
    if chosen:
        words += f" · **{chosen:,}** chosen"
    if hidden:
        words += f", {hidden:,} of them hidden by the filter"
    with st.container(
        horizontal=True, vertical_alignment="center", height=42, border=False, key="runs.count"
    ):
        st.markdown(words, width="content")
        if chosen:
            st.button(
                "Choose none",
                icon=":material/close:",
                type="tertiary",
                key="runs.clear",
                on_click=selection.choose,
                args=((),),
            )


def _table(rows: pd.DataFrame, table: pd.DataFrame, view: View, names: dict[str, str]) -> None:
    shown: list[str] = rows["id"].tolist()
    baseline = selection.baseline()
    cells = cells_of(rows, table, view.columns, names, baseline)
    known = columns.choosable(table)
    config: dict[str, ColumnConfig | ButtonColumnResult | str | None] = {
        "star": st.column_config.ButtonColumn(
            "★",
            type="tertiary",
            width=36,
            pinned=True,
            key=_STAR,
            on_click=_star,
            args=(shown, rows["starred"].tolist()),
            help="Star or unstar a run",
        ),
        "hue": st.column_config.ImageColumn(" ", width=28, pinned=True),
        "name": st.column_config.TextColumn("Run", pinned=True, width=230),
    }
    for name in cells.columns[3:]:
        config[name] = columns.config_of(name, table, known)
    st.dataframe(
        cells,
        hide_index=True,
        height=min(_HEIGHT, 38 + 35 * len(cells)),
        column_config=config,
        placeholder="",
        lazy=False,
        selection_mode="multi-row",
        on_select=partial(selection.on_select, shown),
        alt="All runs that fit, one row per run",
        key=selection.select_rows(shown),
    )


def cells_of(
    rows: pd.DataFrame,
    table: pd.DataFrame,
    wanted: Sequence[str],
    names: dict[str, str],
    baseline: str | None,
) -> pd.DataFrame:
    """The table's cells: star, hue and name, then the columns, each with its difference.

    Args:
        rows: The rows of the run table to show.
        table: The whole run table, in which the baseline is.
        wanted: Columns, in order; those that the table lacks are left out.
        names: Name of each run by id.
        baseline: Id of the run to hold the others against, or None.

    Returns:
        A row a run, and after the last metric which of them are NaN, if any is. A difference is in
        percentage points for shares such as accuracies, else in the unit of its column.
    """
    import pandas as pd

    cells: dict[str, object] = {
        "star": ["★" if starred else "☆" for starred in rows["starred"]],
        "hue": [columns.swatch(key) for key in rows["key"]],
        "name": [
            f"◆ {names[run_id]}" if run_id == baseline else names[run_id] for run_id in rows["id"]
        ],
    }
    against = table[table["id"] == baseline]
    for name in wanted:
        if name not in rows:
            continue
        cells[name] = _plain(name, rows[name])
        if len(against) and columns.has_delta(name, table):
            scale = 100 if is_share(name) else 1
            cells[columns.DELTA + name] = scale * (rows[name] - against[name].iloc[0])
    nan = [name for name in wanted if (IS_NAN + name.removeprefix(METRIC)) in rows]
    nan = [name for name in nan if name.startswith(METRIC) and name in cells]
    if nan:
        at = list(cells).index(nan[-1]) + 1
        told = [*cells.items()]
        told.insert(at, (columns.NAN_LAST, _nan_words(rows, nan)))
        cells = dict(told)
    return pd.DataFrame(cells, index=rows.index)


def _nan_words(rows: pd.DataFrame, metrics: Sequence[str]) -> list[str | None]:
    """Which metrics ended with NaN, a text a row; such cells look as those without a value do."""
    named = {columns.label_of(name): rows[IS_NAN + name.removeprefix(METRIC)] for name in metrics}
    rows_of_truths = zip(*named.values(), strict=True)
    return [
        ", ".join(name for name, is_nan in zip(named, truths, strict=True) if is_nan) or None
        for truths in rows_of_truths
    ]


def _plain(name: str, values: pd.Series) -> object:
    if name == "status":
        return [[status] for status in values]
    if name == "tags":
        return [[page.one_line(tag, 40) for tag in tags] for tags in values]
    if values.dtype.kind in "iufM":
        return values
    return [None if value is None or value != value else _text(value) for value in values]


def _text(value: object) -> str:
    return page.one_line(value if isinstance(value, str) else as_text(value), 300)


def _star(shown: list[str], starred: list[bool]) -> None:
    row = st.session_state[_STAR]["row"]
    if row < len(shown):
        callbacks.change([shown[row]], starred=not starred[row])


def _moves(table: pd.DataFrame) -> bool:
    return bool(table["status"].isin(_MOVING).any())
