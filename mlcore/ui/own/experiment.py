"""The page of an experiment of one's own: its form, its runs live, and why it cannot be used."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

import streamlit as st

from mlcore.core import Config, MlcoreError
from mlcore.experiments import ExperimentImportError, OwnExperiment, config_class, own
from mlcore.runs import Run, open_store
from mlcore.ui import form, live, live_curves, navigation, page, run_parts
from mlcore.ui.run_selection import Selection
from mlcore.ui.runs import metric_curves
from mlcore.ui.stream.view import LiveChart


def show(name: str) -> None:
    """Draw the page.

    Args:
        name: The experiment, a key of ``own()``.
    """
    found = own()[name]
    title = page.plain(page.one_line(name, 60))
    page.header(title, page.plain(page.one_line(found.summary, 200)) or f"`{found.where()}`")
    st.caption(f"`{found.where()}` · `mlcore run {shlex.quote(name)}`")
    cls = _usable(found)
    if cls is None:
        return
    key = f"own page.{name}"  # apart from the form's keys, which end with the fields' names
    chosen = Selection(name, key)
    controls, picture = page.columns()
    with controls:
        _form(name, key)
    with picture, page.sentences():
        offered = chosen.newest()
        if offered:
            ids = chosen.choose(offered)
        else:
            ids = []
            st.info(
                "There is no run yet. Press **Start**: its curves are drawn here while it trains.",
                icon=":material/play_arrow:",
            )

        def charts(runs: list[Run], labels: Mapping[str, str], key: str) -> list[LiveChart]:
            metrics = dict.fromkeys(m for run in runs for m in live_curves.metrics_of(run))
            names = list(metrics) or list(cls().metric_names())
            if not names:
                st.caption("The first points are on their way." if runs else "")
                return []
            return metric_curves.draw(runs, labels, names, key=key)

        if ids:
            live.live_view(ids, key=f"{key}.live", charts=charts)
        else:
            charts([], {}, f"{key}.live")
        _codes(ids, key)


def _usable(found: OwnExperiment) -> type[Config] | None:
    """The config class as its source is now; None, with the reason shown, where it is unusable."""
    try:
        cls = config_class(found.name)
        cls.specs()
        cls()
    except MlcoreError as error:
        page.error(error)
        if isinstance(error, ExperimentImportError) and error.traceback:
            st.code(error.traceback, language=None, wrap_lines=True)
        st.button(
            "Import again",
            icon=":material/refresh:",
            help="After you have corrected and saved the file",
            key=f"own.{found.name}.again",
        )
        return None
    return cls


@st.fragment(key="own.form")
def _form(name: str, key: str) -> None:
    with page.sentences():
        cls = config_class(name)
        top = st.container(key=f"{key}.top")
        config = form.config_form(cls, key=f"own.{name}", open_groups=("",), presets_in=top)
        with top:
            afresh = st.toggle(
                "Train again even if it was run before",
                help="A config that was run before with this code returns its stored result at "
                "once; this trains it again.",
                key=f"{key}.afresh",
            )
            run = run_parts.start_button(
                config, "Start", key=f"{key}.start", force=afresh, stretch=True
            )
        if run is not None:
            Selection(name, key).show(run.id)
            st.rerun()
        if config is not None:
            page.config_as_code(config, key=f"{key}.code")
        st.page_link(
            navigation.page("sweeps"),
            label="Vary its settings in a sweep",
            icon=":material/tune:",
            query_params={"experiment": name},
        )


def _codes(run_ids: list[str], key: str) -> None:
    """Each shown run as code."""
    runs = {run.id: run for run in open_store().get_many(run_ids)}
    for run in (runs[run_id] for run_id in run_ids if run_id in runs):
        config = run_parts.config_of(run)
        if config is not None:
            label = f"Run {run.id} as code · {page.plain(run_parts.name_of(run))}"
            with st.expander(label, icon=":material/code:", key=f"{key}.code.{run.id}"):
                page.config_as_code(config, key=f"{key}.code.{run.id}.tabs")
