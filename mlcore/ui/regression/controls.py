"""The controls of the regression page: data, model, loss and optimizer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from mlcore.core import FieldSpec
from mlcore.regression import (
    DataError,
    Dataset,
    RegressionConfig,
    from_table,
    load,
    numeric_columns,
    read_table,
)
from mlcore.ui import page
from mlcore.ui.draft import Draft, as_text, slider_values
from mlcore.ui.regression import settings

SPECS: dict[str, FieldSpec] = {spec.name: spec for spec in RegressionConfig.specs()}
"""The config's fields by name."""
_DATA = {"hours_scores": "Hours and scores", "made": "Made points", "csv": "My own CSV"}
_MODELS = {"origin": "y = wx", "line": "y = wx + b", "polynomial": "polynomial"}
_OPTIMIZERS = {
    "gradient_descent": "gradient descent",
    "momentum": "momentum",
    "nesterov": "Nesterov",
    "adagrad": "Adagrad",
    "rmsprop": "RMSprop",
    "adam": "Adam",
}


def data_controls(draft: Draft) -> Dataset | None:
    """Choose the data; returns the points without edits, or None if there are none yet."""
    named = draft.text(SPECS["data"])
    kind = named if named in _DATA else "csv"
    st.selectbox(
        "Data",
        list(_DATA),
        format_func=_DATA.__getitem__,
        key=settings.widget("data", kind),
        persist_state="session",
        on_change=settings.taken("data"),
    )
    if kind == "csv":
        return _csv_controls(draft)
    if kind == "made":
        with st.popover("Made of…", width="stretch", key="regression.made"):
            for name in ("slope", "intercept", "noise", "outliers", "count", "seed"):
                _slider(draft, name, _MADE_STOPS[name])
    config, problems = draft.check()
    if config is None and {"slope", "intercept", "noise", "outliers", "count"} & problems.keys():
        return None
    made = RegressionConfig.from_dict(config.to_dict()) if config else RegressionConfig()
    try:
        return load(made)
    except DataError as problem:
        page.error(problem)
        return None


def _csv_controls(draft: Draft) -> Dataset | None:
    chosen = st.session_state.get("regression.file") is not None
    try:
        # a key of its own for each state: an expander folds anew only when it is a new one
        with st.expander("File and columns", expanded=not chosen, key=f"regression.table.{chosen}"):
            data = _own_table(draft)
    except DataError as problem:
        page.error(problem)
        return None
    for note in data.notes if data else ():
        st.caption(note)
    return data


def _own_table(draft: Draft) -> Dataset | None:
    upload = st.file_uploader(
        "A CSV file with two columns of numbers", type=["csv", "tsv", "txt"], key="regression.file"
    )
    if upload is None:
        st.info("Choose a file. To share this link: it contains all settings but not the file.")
        return None
    _, names = _table(upload)
    if len(names) < 2:
        return _points(upload, "", "")  # which says what is missing
    for column, name, spare in zip(st.columns(2), ("x_column", "y_column"), names, strict=False):
        chosen = draft.text(SPECS[name])
        column.selectbox(
            name[0],
            names,
            key=settings.widget(name, chosen if chosen in names else spare),
            persist_state="session",
            on_change=settings.taken(name),
        )
    x, y = st.session_state["regression.x_column"], st.session_state["regression.y_column"]
    return _points(upload, str(x), str(y))


_BY_ID: dict[str | type[Any], Callable[[Any], Any]] = {
    UploadedFile: lambda upload: upload.file_id  # hashing 20 MB at each move would show
}


@st.cache_resource(max_entries=4, show_spinner="Reading the table…", hash_funcs=_BY_ID)
def _table(upload: UploadedFile) -> tuple[pd.DataFrame, list[str]]:
    table = read_table(upload.getvalue())
    return table, numeric_columns(table)


@st.cache_resource(max_entries=8, show_spinner=False, hash_funcs=_BY_ID)
def _points(upload: UploadedFile, x: str, y: str) -> Dataset:
    return from_table(_table(upload)[0], x, y)


def model_controls(draft: Draft) -> None:
    """Choose standardization, model, loss and optimizer, with their own fields."""
    st.toggle(
        "Standardize x",
        key=settings.widget("standardize", draft.value(SPECS["standardize"]) is True),
        persist_state="session",
        on_change=settings.taken("standardize"),
        help="Scale x to mean 0 and standard deviation 1, and watch the condition number.",
    )
    left, right = st.columns(2)
    with left:
        _choice(draft, "model", _MODELS)
    with right:
        _choice(draft, "loss", {"squared": "squared", "absolute": "absolute", "huber": "Huber"})
    if draft.text(SPECS["model"]) == "polynomial":
        _slider(draft, "degree", list(range(1, 9)))
    if draft.text(SPECS["loss"]) == "huber":
        _slider(draft, "delta", [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100])
    if draft.text(SPECS["optimizer"]) in ("momentum", "nesterov"):
        left, right = st.columns(2)
        with left:
            _choice(draft, "optimizer", _OPTIMIZERS)
        with right:
            _slider(draft, "momentum", [0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995])
    else:
        _choice(draft, "optimizer", _OPTIMIZERS)


def steps_control(draft: Draft) -> None:
    """Choose the number of steps, the batch size, and the share of points held out."""
    left, right = st.columns(2)
    with left:
        _slider(draft, "steps", [5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000])
    with right:
        _slider(draft, "batch_size", _BATCHES, {0: "all"})
    _slider(draft, "validation_share", _SHARES, {0: "none"})


def edit_controls(draft: Draft, config: RegressionConfig | None) -> None:
    """What was changed by clicking, and buttons that undo it."""
    edits = settings.edits()
    moved = config is not None and (config.start_w, config.start_b) != (0.0, 0.0)
    if not edits and not moved:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="regression.changed"):
        if moved and config is not None:
            st.button(
                f"Reset the start ({config.start_w:g}, {config.start_b:g}) to (0, 0)",
                key="regression.start.reset",
                on_click=settings.put,
                kwargs={"start_w": 0.0, "start_b": 0.0},
            )
        if edits:
            count = len(edits.added) + len(edits.removed)
            st.button(
                f"Undo {count} edit{'s' * (count > 1)} of the points",
                key="regression.edits.undo",
                on_click=settings.put,
                kwargs={"data": draft.text(SPECS["data"])},
            )


_SHARES = [0, 0.1, 0.2, 0.3, 0.5]
_BATCHES = [0, 1, 2, 5, 10, 20, 50]
_MADE_STOPS: dict[str, list[float]] = {
    "slope": [-10, -5, -2, -1, -0.5, 0, 0.5, 1, 1.5, 2, 5, 10],
    "intercept": [-100, -50, -20, -10, 0, 5, 10, 20, 50, 100],
    "noise": [0, 1, 2, 5, 10, 20, 50],
    "outliers": [0, 1, 2, 5, 10, 20],
    "count": [2, 5, 10, 20, 50, 100, 200, 500, 1000, 10_000, 100_000],
    "seed": list(range(10)),
}


def _choice(draft: Draft, name: str, labels: dict[str, str]) -> None:
    spec, text = SPECS[name], draft.text(SPECS[name])
    st.selectbox(
        spec.label,
        list(labels),
        format_func=labels.__getitem__,
        key=settings.widget(name, text if text in labels else spec.default),
        persist_state="session",
        help=spec.help,
        on_change=settings.taken(name),
    )


def _slider(
    draft: Draft, name: str, stops: Sequence[float], words: dict[float, str] | None = None
) -> None:
    """A slider over preset stops; a value from a link becomes one more stop."""
    spec, value = SPECS[name], draft.value(SPECS[name])
    allowed = isinstance(value, int | float) and slider_values(spec, value) is not None
    every = sorted({*stops, value}) if allowed else stops
    st.select_slider(
        spec.label,
        every,
        format_func=lambda stop: (words or {}).get(stop, as_text(stop)),
        key=settings.widget(name, value if value in every else spec.default),
        persist_state="session",
        help=spec.help,
        on_change=settings.taken(name),
    )
