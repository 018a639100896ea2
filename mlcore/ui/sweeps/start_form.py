"""The form that starts a sweep: config with ranges, search options, cost, and the button."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Final

import streamlit as st

from mlcore.core import Config, FieldSpec, MlcoreError
from mlcore.experiments import config_class, own
from mlcore.runs import open_store
from mlcore.runs.execution import supervisor
from mlcore.sweeps import Range, Sweep, SweepSpec, spec_for
from mlcore.sweeps import start as start_sweep
from mlcore.sweeps.budget import settings_for
from mlcore.sweeps.forecast import Forecast, forecast
from mlcore.sweeps.reproduce import as_python, as_words
from mlcore.ui import form, page, run_parts
from mlcore.ui.common import clicks, spare_worker, tabs
from mlcore.ui.ranges.draft import can_vary, fresh_range
from mlcore.ui.ranges.form import PARAM, RangeForm, summary
from mlcore.ui.sweeps import selection
from mlcore.ui.sweeps.search_form import Search, search_form

_TITLES: Final[Mapping[str, str]] = {"MNIST": "mnist", "Regression": "regression"}
_OPEN: Final[Mapping[str, tuple[str, ...]]] = {
    "mnist": ("Loss and optimizer",),
    "regression": ("Descent",),
}
_PARAM: Final = "experiment"
_FIELDS: Final = "sweeps.fields"
"""Where the session has the fields of the form that is shown."""

_FIRST: Final[Mapping[str, tuple[str, dict[str, object], dict[str, str]]]] = {
    "mnist": ("linear baseline", {"epochs": 1}, {"lr": "log:0.001:10"}),
    "regression": ("standardized", {}, {"lr": "log:0.001:1.2"}),
}
"""What a form begins with: a preset, what is changed in it, and the ranges; seconds of work."""


@st.fragment(key="sweeps.form")
def show() -> None:
    """Draw the form; starting a sweep reruns the page, which then shows it."""
    titles = {**_TITLES, **{name: name for name in own() if name not in _TITLES}}
    _accept_name(titles)
    title = st.segmented_control(
        "Experiment",
        list(titles),
        default="MNIST",
        required=True,
        format_func=lambda title: page.plain(page.one_line(title, 30)),
        key=_PARAM,
        bind="query-params",
        on_change=_leave_form,
    )
    with page.sentences():
        _form(titles[tabs.picked(title, "MNIST")])


def _accept_name(titles: Mapping[str, str]) -> None:
    """Let a link name an experiment as scripts do, such as ``mnist``."""
    given = st.query_params.get(_PARAM)
    named = [title for title, name in titles.items() if name == given]
    if named and given not in titles:
        st.session_state[_PARAM] = st.query_params[_PARAM] = named[0]


def _form(experiment: str) -> None:
    cls = config_class(experiment)
    st.session_state[_FIELDS] = tuple(spec.name for spec in cls.specs())
    key = f"sweeps.{experiment}"
    _begin(cls, experiment, key)
    top = st.container(key="sweeps.top")
    how = st.expander("How to search", expanded=True, key="sweeps.how to search")
    ranges = RangeForm(cls, key=key)
    config = form.config_form(
        cls, key=key, open_groups=_OPEN.get(experiment, ("",)), presets_in=top, ranges=ranges
    )
    with how:
        search = search_form(config if config is not None else cls())
    spec: SweepSpec | None = None
    with top, page.sentences():
        spec = _start(config, ranges.ranges(), search)
    if spec is not None and search is not None:
        settings = settings_for(spec, search.settings, search.minutes)
        budget = (settings, search.minutes)
        page.as_code(
            f"{spec.config.imports()}\n\nsweep = {as_python(spec, *budget)}",
            shlex.join(as_words(spec, *budget)),
            key="sweeps.form.code",
        )


def _leave_form() -> None:
    """Remove the fields of the form from the URL, as other experiments may share their names."""
    for name in st.session_state.get(_FIELDS, ()):
        for param in (name, PARAM + name):
            if param in st.query_params:
                del st.query_params[param]


def _begin(cls: type[Config], experiment: str, key: str) -> None:
    """Fill a form that is untouched and not filled by a link with an example."""
    touched = f"{key} begun"
    if st.session_state.get(touched):
        return
    st.session_state[touched] = True
    names = [spec.name for spec in cls.specs()]
    linked = any(name in st.query_params or PARAM + name in st.query_params for name in names)
    if linked:
        return
    if experiment in _FIRST:
        preset, changes, ranges = _FIRST[experiment]
        form.fill(cls.presets[preset].replace(**changes), key=key)
        RangeForm(cls, key=key).fill(ranges)
    elif (spec := _first_to_vary(cls)) is not None:
        RangeForm(cls, key=key).fill({spec.name: fresh_range(spec, spec.default)})


def _first_to_vary(cls: type[Config]) -> FieldSpec | None:
    """The learning rate, else the first number, else whatever can become a range."""
    varying = [spec for spec in cls.specs() if can_vary(spec)]
    numbers = [spec for spec in varying if spec.kind in ("number", "integer")]
    rates = [s for s in numbers if s.name.rpartition(".")[2] in ("lr", "learning_rate")]
    return next(iter([*rates, *numbers, *varying]), None)


def _start(
    config: Config | None, ranges: Mapping[str, Range] | None, search: Search | None
) -> SweepSpec | None:
    """The cost and the button; returns the form's sweep, if it is valid."""
    clicks.show_refusal()
    spec, why = _spec(config, ranges, search)
    spare_worker.keep_ready()
    started = "sweeps.started"
    if spec is not None and search is not None:
        store = open_store()
        ahead = forecast(store, spec, _settings(search))
        varied = page.plain(summary(type(spec.config), spec.space.ranges))
        st.caption(f"{varied}\\\n{cost(ahead, search, supervisor.slots(store))}")
    elif why:
        st.info(page.plain(why), icon=":material/swap_horiz:")
    st.button(
        "Start the sweep",
        type="primary",
        icon=":material/play_arrow:",
        width="stretch",
        disabled=spec is None,
        key="sweeps.start",
        on_click=_begin_sweep,
        args=(spec, search, started),
    )
    sweep_id: str | None = st.session_state.pop(started, None)
    if sweep_id is not None:
        selection.show_sweep(sweep_id)
        st.rerun()
    return spec


def _spec(
    config: Config | None, ranges: Mapping[str, Range] | None, search: Search | None
) -> tuple[SweepSpec | None, str]:
    """The form's sweep, or why it is invalid."""
    if config is None or ranges is None:
        return None, "A field needs another value; the form says which."
    if not ranges:
        return None, "Press *Vary* beside a field to turn it into a range."
    if search is None:
        return None, "Choose an objective."
    try:
        spec = spec_for(
            config,
            ranges,
            search.settings,
            sampler=search.sampler,
            objective=search.objectives,
            direction=search.directions,
            seeds=search.seeds,
            prune=search.prune,
            cross_validate=search.folds > 1,
        )
    except MlcoreError as error:
        return None, str(error)
    return spec, ""


def _begin_sweep(spec: SweepSpec | None, search: Search | None, started: str) -> None:
    if spec is None or search is None:
        return

    def begin() -> None:
        now = spec.as_now()
        found: Sweep = start_sweep(open_store(), now, search.settings, search.minutes)
        st.session_state[started] = found.id

    clicks.attempt(begin)


def _settings(search: Search) -> int:
    """How many trials to forecast: the budget, or a sample where minutes limit it."""
    return search.settings if search.settings is not None else 20


def cost(ahead: Forecast, search: Search, places: int) -> str:
    """The cost before the start: how many runs, how many are reused, how long.

    Args:
        ahead: What is known.
        search: The budget and the seeds.
        places: Runs worked on at once.
    """
    if search.minutes is not None:
        each = search.seeds * search.folds
        parts = [f"New runs start for **{search.minutes:g} min**, {each} per trial"]
        if ahead.seconds is not None and ahead.runs:
            parts.append(f"about {run_parts.duration(ahead.seconds / ahead.runs)} per run")
    else:
        each_trial = f" × {search.seeds} seeds" * (search.seeds > 1)
        each_trial += f" × {search.folds} folds" * (search.folds > 1)
        times = f" ({ahead.settings} trials{each_trial})" * bool(each_trial)
        parts = [f"**{ahead.runs} run{'s' * (ahead.runs != 1)}**{times}"]
        if ahead.cached is None:
            parts.append("results of earlier runs are reused")
        elif ahead.cached:
            parts.append(f"{ahead.cached} reused from earlier runs")
        if ahead.refused:
            parts.append(f"{ahead.refused} trials refused: values that cannot be combined")
    if search.minutes is None and ahead.seconds == 0 and ahead.cached == ahead.runs:
        return " · ".join(parts) + " · nothing to train."
    if ahead.seconds is None:
        return " · ".join(parts) + f" · {ahead.basis}."
    workers = max(1, places)
    if search.minutes is None:
        parts.append(f"about **{run_parts.duration(ahead.seconds / workers)}**")
    many = f"{workers} at a time" if workers > 1 else "one worker"
    return " · ".join(parts) + f", {many} ({ahead.basis})."
