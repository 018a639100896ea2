"""The buttons for the runs chosen in the table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import streamlit as st

from mlcore.runs import Run, Status, open_store
from mlcore.runs.store.organize import purge
from mlcore.ui import navigation
from mlcore.ui.common import clicks
from mlcore.ui.common.numbers import counted
from mlcore.ui.runs import callbacks, export_menu, selection

if TYPE_CHECKING:
    import pandas as pd

    from mlcore.ui.runs.controls import Section

_ADD: Final = "runs.tags.names"


def bar(chosen: Sequence[str], table: pd.DataFrame, section: Section) -> None:
    """Draw the buttons; they are disabled while no run is chosen.

    Args:
        chosen: Ids of the chosen runs.
        table: The run table of the section.
        section: Which section is shown.
    """
    mine = table[table["id"].isin(chosen)]
    with st.container(horizontal=True, gap="xsmall", key="runs.actions"):
        if section == "trash":
            _trash_buttons(chosen, len(table))
        else:
            _buttons(chosen, mine, table)


def _buttons(chosen: Sequence[str], mine: pd.DataFrame, table: pd.DataFrame) -> None:
    none = not chosen
    with st.container(width="content", key="runs.compare"):
        # no st.switch_page: see mlcore.ui.leave
        st.page_link(
            navigation.page("compare"),
            label="Compare",
            icon=":material/compare_arrows:",
            disabled=none,
            help="Overlay the chosen runs and see whether they differ",
            query_params={"runs": ",".join(chosen)},
        )
    with st.popover("Tag", icon=":material/label:", disabled=none, key="runs.tags"):
        _tag_form(chosen, table)
    starred, archived = (bool(len(mine)) and bool(mine[mark].all()) for mark in _MARKS)
    _button("Unstar" if starred else "Star", ":material/star:", chosen, "star", starred=not starred)
    _button(
        "Unarchive" if archived else "Archive",
        ":material/inventory_2:",
        chosen,
        "archive",
        archived=not archived,
    )
    baseline = selection.baseline()
    pinned = baseline is not None and (none or list(chosen) == [baseline])
    st.button(
        "Unpin" if pinned else "Pin",
        icon=":material/keep_off:" if pinned else ":material/keep:",
        disabled=not pinned and len(chosen) != 1,
        help="Make this run the baseline: columns show the difference of every other run from it.",
        key="runs.pin",
        on_click=selection.pin,
        args=(None if pinned or len(chosen) != 1 else chosen[0],),
    )
    live = mine[mine["status"].isin((Status.QUEUED, Status.RUNNING, Status.PAUSED))]
    if len(live) > 1:
        st.button(
            f"Stop {len(live)}",
            icon=":material/stop:",
            key="runs.stop",
            on_click=_stop,
            args=(live["id"].tolist(),),
        )
    export_menu.popover(chosen, key="runs.take")
    st.button(
        "Delete",
        icon=":material/delete:",
        disabled=none,
        help="Moves the runs to the trash; they can be restored",
        key="runs.delete",
        on_click=callbacks.delete,
        args=(list(chosen),),
    )


_MARKS: Final = ("starred", "archived")


def _button(label: str, icon: str, chosen: Sequence[str], key: str, **fields: bool) -> None:
    st.button(
        label,
        icon=icon,
        disabled=not chosen,
        key=f"runs.{key}",
        on_click=callbacks.change,
        args=(list(chosen),),
        kwargs=fields,
    )


def _tag_form(chosen: Sequence[str], table: pd.DataFrame) -> None:
    known = list(dict.fromkeys(tag for tags in table["tags"] for tag in tags))
    with st.form("runs.tags.form", clear_on_submit=True, border=False):
        st.multiselect(
            "Tags",
            known,
            accept_new_options=True,
            placeholder="Choose or write tags",
            key=_ADD,
        )
        with st.container(horizontal=True):
            for label, field in (("Add", "add_tags"), ("Remove", "remove_tags")):
                st.form_submit_button(
                    label, key=f"runs.tags.{label}", on_click=_tag, args=(list(chosen), field)
                )


def _tag(chosen: list[str], field: str) -> None:
    callbacks.change(chosen, **{field: list(st.session_state[_ADD])})


def _trash_buttons(chosen: Sequence[str], size: int) -> None:
    st.button(
        "Restore",
        icon=":material/restore_from_trash:",
        disabled=not chosen,
        key="runs.restore",
        on_click=callbacks.undelete,
        args=(list(chosen),),
    )
    with st.popover(
        "Empty the trash", icon=":material/delete_forever:", disabled=not size, key="runs.purge"
    ):
        st.markdown(f"This deletes {counted(size, 'run')}, points and weights included, for good.")
        st.button(
            "Delete for good",
            type="primary",
            key="runs.purge.do",
            on_click=clicks.act,
            args=(purge, open_store()),
        )


def _stop(run_ids: list[str]) -> None:
    store = open_store()
    for run_id in run_ids:
        clicks.attempt(Run.stop, store.get(run_id))
