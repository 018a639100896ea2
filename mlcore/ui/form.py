"""The form of a config, generated from its fields: presets, widgets, errors, URL parameters.

    config = form.config_form(MNISTConfig, key="mnist")
    if st.button("Start", key="start", disabled=config is None): …

What is typed lives in the session and, where it differs from the defaults, in the URL: a reload
or a shared link brings the form back, a wrong value included.
"""

from collections.abc import Callable, Collection
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Literal, TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mlcore.core import Config, FieldSpec
from mlcore.ui import page
from mlcore.ui.draft import Draft, as_text, slider_values
from mlcore.ui.widget_state import changed_by_user, set_widget

if TYPE_CHECKING:
    from mlcore.ui.ranges.form import RangeForm

_BOX_WIDTH = 84
"""Pixels of the box beside a slider, so that both stand in one row of a narrow column."""

ConfigType = TypeVar("ConfigType", bound=Config)
LabelVisibility = Literal["visible", "collapsed"]


def config_form(
    config_class: type[ConfigType],
    *,
    key: str,
    open_groups: Collection[str] = (),
    only: Collection[str] | None = None,
    presets_in: DeltaGenerator | None = None,
    ranges: "RangeForm | None" = None,
    unless_set: Collection[str] = (),
) -> ConfigType | None:
    """Draw the form of a config.

    Call it inside a fragment where only a button uses the result, so that typing redraws the form
    alone; call it plainly where the picture follows the form.

    Args:
        config_class: The config; its presets become buttons, its groups foldable parts.
        key: Prefix of the keys of all widgets: the box of ``lr`` is ``<key>.lr``, its slider
            ``<key>.lr.slider``.
        open_groups: Groups that stand open at first, besides those with values in the URL.
        only: Show no more than these fields and the fields of these groups, without presets; two
            forms of one key are two views of one draft.
        presets_in: A container for the presets; by default they stand above the fields.
        ranges: Lets each field be turned into a range; the config then is what the ranges vary.
        unless_set: Fields that are left out at their defaults.

    Returns:
        The config, or None while a field is wrong (the form says which and why).
    """
    draft = _load(config_class, key)
    config, problems = draft.check() if ranges is None else ranges.checked(draft)
    shown = draft.visible() if ranges is None else draft.visible(ranges.draft.values())
    if only is None:
        with presets_in or nullcontext():
            _presets(config_class, config, key)
    else:
        shown = tuple(spec for spec in shown if spec.group in only or spec.name in only)
    set_ = draft.params()
    shown = tuple(spec for spec in shown if spec.name not in unless_set or spec.name in set_)
    for group in dict.fromkeys(spec.group for spec in shown):
        members = [spec for spec in shown if spec.group == group]
        _group(draft, group, members, problems, key, group in open_groups, ranges)
    for name in problems.keys() - {spec.name for spec in shown}:
        st.error(page.plain(problems[name]))
    _save_to_url(draft, key)
    if ranges is not None:
        ranges.save_to_url()
    return config  # type: ignore[return-value]  # draft.check makes a config_class


def config_of(config_class: type[ConfigType], *, key: str) -> ConfigType | None:
    """The current config of a form, drawn or not; None while it is invalid."""
    return _load(config_class, key).check()[0]  # type: ignore[return-value]  # as above


def fill(config: Config, *, key: str) -> None:
    """Put a config into a form; call it in a widget's callback."""
    st.session_state[key] = dict(Draft.of(config).texts)


def _group(
    draft: Draft,
    group: str,
    members: list[FieldSpec],
    problems: dict[str, str],
    key: str,
    opened: bool,
    ranges: "RangeForm | None",
) -> None:
    """A foldable group of fields; they are made only while it is open, to make reruns faster."""
    wrong = [problems[spec.name] for spec in members if spec.name in problems]
    # a form with ranges opens where something varies; what is fixed may stay folded
    given = draft.params() if ranges is None else ranges.draft.texts
    touched = any(spec.name in given for spec in members)
    widget = f"{key}.group.{group}"
    # What decides it now would close it later: it is asked once, then the person opens and closes.
    at_first = st.session_state.setdefault(f"{widget}.at first", opened or touched or not group)
    part = st.expander(
        group or "Settings",
        expanded=at_first,
        icon=":material/error:" if wrong else None,
        on_change="rerun",
        key=widget,
    )
    if part.open:
        with part:
            for spec in members:
                if ranges is None:
                    _field(draft, spec, key)
                else:
                    headed = partial(_field, draft, spec, key, "collapsed")
                    ranges.field(spec, draft.value(spec), headed)
                if spec.name in problems:
                    st.error(page.plain(problems[spec.name]))
    else:
        for sentence in wrong:
            st.error(page.plain(sentence))


# --- where the draft lives -------------------------------------------------------------------


def _load(config_class: type[Config], key: str) -> Draft:
    in_url = Draft.from_params(config_class, st.query_params.to_dict())
    typed: dict[str, str] | None = st.session_state.get(key)
    written: dict[str, str] | None = st.session_state.get(f"{key} url")
    followed_a_link = bool(in_url.texts) and in_url.texts != written
    if typed is None or followed_a_link:
        typed = st.session_state[key] = dict(in_url.texts)
        st.session_state[f"{key} url"] = dict(in_url.texts)
    return Draft(config_class, typed)


def _save_to_url(draft: Draft, key: str) -> None:
    params = draft.params()
    for spec in draft.config_class.specs():
        if spec.name in params:
            if st.query_params.get(spec.name) != params[spec.name]:
                st.query_params[spec.name] = params[spec.name]
        elif spec.name in st.query_params:
            del st.query_params[spec.name]
    st.session_state[f"{key} url"] = params


# --- presets ---------------------------------------------------------------------------------


def _presets(config_class: type[Config], config: Config | None, key: str) -> None:
    if not config_class.presets:
        return
    st.caption("Presets")
    with st.container(horizontal=True, gap="xsmall", key=f"{key}.presets"):
        for name, preset in config_class.presets.items():
            st.button(
                name,
                icon=":material/check:" if preset == config else None,
                key=f"{key}.preset.{name}",
                on_click=fill,
                args=(preset,),
                kwargs={"key": key},
            )


# --- fields ----------------------------------------------------------------------------------


def _field(draft: Draft, spec: FieldSpec, key: str, label: LabelVisibility = "visible") -> None:
    match spec.kind:
        case "choice":
            _choice(draft, spec, key, label)
        case "switch":
            _switch(draft, spec, key)
        case "integer" | "number":
            _number(draft, spec, key, label)
        case "text" | "integers" | "numbers" | "texts":
            _box(draft, spec, key, label)


def _choice(draft: Draft, spec: FieldSpec, key: str, label: LabelVisibility) -> None:
    text = draft.text(spec)
    choices = ("", *spec.choices) if spec.optional else spec.choices
    known = text in choices
    widget = set_widget(f"{key}.{spec.name}", text if known else None)
    st.selectbox(
        _label(spec),
        choices,
        index=0 if known else None,
        placeholder=text,
        format_func=lambda choice: choice.replace("_", " ") or "none",
        help=spec.help,
        label_visibility=label,
        key=widget,
        persist_state="session",
        on_change=_typed(key, spec, widget),
    )


def _switch(draft: Draft, spec: FieldSpec, key: str) -> None:
    widget = set_widget(f"{key}.{spec.name}", draft.value(spec) is True)
    st.toggle(
        _label(spec),
        help=spec.help,
        key=widget,
        persist_state="session",
        on_change=_typed(key, spec, widget),
    )


def _number(draft: Draft, spec: FieldSpec, key: str, label: LabelVisibility) -> None:
    value = draft.value(spec)
    stops = slider_values(spec, value)
    if stops is None:
        _box(draft, spec, key, label)
        return
    fallback = min(stops, key=lambda stop: abs(stop - spec.default))
    slider = set_widget(f"{key}.{spec.name}.slider", value if value in stops else fallback)
    with st.container(
        horizontal=True, vertical_alignment="bottom", gap="small", key=f"{key}.{spec.name}.row"
    ):
        st.select_slider(
            _label(spec),
            stops,
            format_func=as_text,
            help=spec.help,
            label_visibility=label,
            key=slider,
            persist_state="session",
            on_change=_typed(key, spec, slider),
        )
        _box(draft, spec, key, "collapsed", beside_slider=True)


def _box(
    draft: Draft,
    spec: FieldSpec,
    key: str,
    label: LabelVisibility,
    *,
    beside_slider: bool = False,
) -> None:
    widget = set_widget(f"{key}.{spec.name}", draft.text(spec))
    st.text_input(
        f"{_label(spec)}, exactly" if beside_slider else _label(spec),
        help=None if beside_slider else spec.help,
        placeholder="none" if spec.optional else None,
        label_visibility=label,
        width=_BOX_WIDTH if beside_slider else "stretch",
        key=widget,
        persist_state="session",
        on_change=_typed(key, spec, widget),
    )


def _label(spec: FieldSpec) -> str:
    """What stands above a field: under the heading of its model, the field's own name alone."""
    return spec.short_label or spec.label


def _typed(key: str, spec: FieldSpec, widget: str) -> Callable[[], None]:
    """The callback of a field's widget."""

    def take_over() -> None:
        if changed_by_user(widget):
            text = as_text(st.session_state[widget])
            st.session_state[key] = {**st.session_state.get(key, {}), spec.name: text}

    return take_over
