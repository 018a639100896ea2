"""The view settings of the run table, stored in the URL."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import streamlit as st

from mlcore.runs.filters.parser import FilterError, parse
from mlcore.ui import page
from mlcore.ui.runs import columns

if TYPE_CHECKING:
    import pandas as pd

    from mlcore.runs.filters.parser import Filter

Section = Literal["runs", "archived", "trash"]

_SECTIONS: Final[tuple[Section, ...]] = ("runs", "archived", "trash")
_MANY_TAGS: Final = 12
"""Of more tags than this the most frequent ones get a chip; the filter finds the others."""


@dataclass(frozen=True, slots=True)
class View:
    """What the table shows.

    Attributes:
        where: The filter line.
        experiments: Only these, or all where there are none.
        statuses: Likewise.
        tags: Runs with at least one of these tags, or all.
        starred: Only starred runs.
        section: Runs in sight, those put aside, or those in the trash.
        columns: Columns to show, in this order.
        sort: Column to sort by.
        ascending: From small to large, and old to new.
    """

    where: Filter
    experiments: tuple[str, ...]
    statuses: tuple[str, ...]
    tags: tuple[str, ...]
    starred: bool
    section: Section
    columns: tuple[str, ...]
    sort: str
    ascending: bool

    def rows(self, table: pd.DataFrame) -> pd.DataFrame:
        """The rows of a run table to show, in order.

        Raises:
            FilterError: If the filter does not fit the table.
        """
        keep = self.where.mask(table)
        if self.section != "trash":
            # a filter that speaks of archived runs means them
            said = "archived" in str(self.where)
            if self.section == "archived" or not said:
                keep &= table["archived"] == (self.section == "archived")
        for name, wanted in (("experiment", self.experiments), ("status", self.statuses)):
            if wanted:
                keep &= table[name].isin(wanted)
        if self.tags:
            some = set(self.tags)
            keep &= table["tags"].map(lambda tags: not some.isdisjoint(tags))
        if self.starred:
            keep &= table["starred"]
        found = table[keep]
        if self.sort in found and not (self.sort == "created" and not self.ascending):
            by = found[self.sort]
            if by.dtype == object:  # tags, or values of several kinds
                by = by.map(_as_key)
            order = by.sort_values(ascending=self.ascending, kind="stable", na_position="last")
            found = found.loc[order.index]
        return found


def filter_line() -> Filter:
    """The text box for a filter; an invalid filter keeps every run."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="runs.filter"):
        text = st.text_input(
            "Filter",
            placeholder="lr < 0.05 and test_accuracy > 97% and tag:week3",
            key="where",
            bind="query-params",
            icon=":material/search:",
        )
        with st.popover("", icon=":material/help:", key="runs.filter.help"):
            page.prose("runs_filter")
    try:
        return parse(text)
    except FilterError as problem:
        page.error(problem)
        return parse("")


def show(table: pd.DataFrame, where: Filter, section: Section) -> View:
    """Draw the buttons and the choice of columns.

    Args:
        table: The run table of the section.
        where: What the filter line says.
        section: What ``choose_section`` gave.
    """
    experiments = _chips("Experiment", "experiment", Counter(table["experiment"]))
    statuses = _chips("Status", "status", Counter(table["status"]))
    counted = Counter(tag for tags in table["tags"] for tag in tags)
    tags = _chips("Tag", "tag", Counter(dict(counted.most_common(_MANY_TAGS))))
    starred = st.toggle("Starred only", key="starred", bind="query-params")
    offered = columns.choosable(table)
    with st.popover("Columns and order", icon=":material/view_column:", key="runs.columns"):
        chosen = st.multiselect(
            "Columns",
            offered,
            default=columns.usual(table),
            format_func=lambda name: columns.label_of(name, offered),
            key="columns",
            bind="query-params",
        )
        sort = st.selectbox(
            "Sort by",
            offered,
            index=offered.index("created"),
            format_func=lambda name: columns.label_of(name, offered),
            key="sort",
            bind="query-params",
            help="Clicking a column's header also sorts, as long as the page is open.",
        )
        ascending = st.toggle("Smallest or oldest first", key="ascending", bind="query-params")
    return View(
        where,
        tuple(experiments),
        tuple(statuses),
        tuple(tags),
        starred,
        section,
        tuple(chosen),
        sort,
        ascending,
    )


def choose_section() -> Section:
    """Choose which runs to show: active, archived or in the trash."""
    return st.segmented_control(
        "Show",
        _SECTIONS,
        default=_SECTIONS[0],
        required=True,
        label_visibility="collapsed",
        key="show",
        bind="query-params",
        width="stretch",
    )


def _chips(label: str, key: str, counted: Counter[str]) -> list[str]:
    if not counted:
        return []
    return st.pills(
        label,
        [name for name, _ in counted.most_common()],
        selection_mode="multi",
        # what a chip says stands in the URL, so it must not count
        format_func=lambda name: page.plain(page.one_line(name)),
        key=key,
        bind="query-params",
        wrap=True,
    )


def _as_key(value: object) -> str | None:
    return None if value is None or value != value else str(value)  # NaN differs from itself
