"""Names of the runs of a whole table, cached, since configs never change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from mlcore.core import RunNotFoundError
from mlcore.runs import Run, Store
from mlcore.ui import page, run_parts

if TYPE_CHECKING:
    import pandas as pd

_MANY = 20
"""From so many runs that are not known yet, all are read at once."""


def names_of(store: Store, table: pd.DataFrame) -> dict[str, str]:
    """A one-line name for each run of a run table, by id: a given name, else its config's."""
    known = _config_names(store.url)
    ids: list[str] = table["id"].tolist()
    unknown = [run_id for run_id in ids if run_id not in known]
    if len(unknown) >= _MANY:
        known.update({run.id: _config_name(run) for run in store.get_many(unknown)})
        unknown = [run_id for run_id in unknown if run_id not in known]
    for run_id in unknown:
        try:
            known[run_id] = _config_name(store.get(run_id))
        except RunNotFoundError:  # purged since the table was read
            known[run_id] = run_id
    given: list[str] = table["name"].tolist()
    return {
        run_id: page.one_line(name) or known[run_id]
        for run_id, name in zip(ids, given, strict=True)
    }


def _config_name(run: Run) -> str:
    return page.one_line(run_parts.config_name(run.experiment, run.config_fields))


@st.cache_resource(max_entries=8, show_spinner=False)
def _config_names(url: str) -> dict[str, str]:
    del url  # the key of the cache
    return {}
