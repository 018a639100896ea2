"""Turns fields of a form into ranges and back: each field offers *Vary*, a range its editor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import streamlit as st

from mlcore.core import Config, FieldSpec
from mlcore.sweeps.range_text import shown
from mlcore.sweeps.ranges import Choices, Range
from mlcore.ui import page
from mlcore.ui.draft import Draft, as_text
from mlcore.ui.range_draft import (
    RangeDraft,
    Spread,
    can_vary,
    ends_of,
    fresh_range,
    range_text,
    respread,
    spread_of,
    spreads,
    stops_of,
)
from mlcore.ui.steer import is_news, steer

PARAM: Final = "range."
"""What the parameters of ranges in the URL begin with: ``range.lr=log:0.001:1``."""

_SPREADS: Final[dict[Spread, str]] = {"log": "log", "even": "even", "values": "values"}
_HELP: Final[dict[str, str]] = {
    "integers": "Each choice is one network; semicolons separate them: 32; 128, 64",
    "number": "Values separated by commas: 0.01, 0.1, 1",
    "integer": "Values separated by commas: 16, 64, 256",
}


class RangeForm:
    """The ranges that belong to a form, kept in the session and in the URL.

    Give it to ``form.config_form``; it then draws each swept field as its range.
    """

    def __init__(self, config_class: type[Config], *, key: str) -> None:
        """Load what was typed, or what the URL says.

        Args:
            config_class: The form's config.
            key: The form's key.
        """
        self._class = config_class
        self._key = f"{key}.ranges"
        in_url = {
            name: st.query_params[PARAM + name]
            for name in config_class.model_fields
            if PARAM + name in st.query_params
        }
        typed: dict[str, str] | None = st.session_state.get(self._key)
        written: dict[str, str] | None = st.session_state.get(f"{self._key}.url")
        if typed is None or (in_url and in_url != written):
            st.session_state[self._key] = in_url
            st.session_state[f"{self._key}.url"] = in_url

    @property
    def draft(self) -> RangeDraft:
        """What is typed now."""
        return RangeDraft(self._class, dict(st.session_state[self._key]))

    def ranges(self) -> dict[str, Range] | None:
        """Field → range; None while one makes no sense."""
        found, problems = self.draft.check()
        return None if problems else found

    def fill(self, texts: dict[str, str]) -> None:
        """Put ranges into the form; call it in a widget's callback or before the form is drawn."""
        st.session_state[self._key] = dict(texts)

    def checked(self, draft: Draft) -> tuple[Config | None, dict[str, str]]:
        """The config whose fields are varied, and a sentence for each field that is wrong.

        What a swept field's fixed value would be does not matter to any run: it is its default, or
        where that does not go with the other fields, the first value of its range.
        """
        found, problems = self.draft.check()
        swept = self.draft.values()
        texts = {k: v for k, v in draft.texts.items() if k not in self.draft.texts}
        config, wrong = Draft(draft.config_class, texts).check(swept)
        if config is None:
            firsts = {name: as_text(_first(one)) for name, one in found.items()}
            config, others = Draft(draft.config_class, {**texts, **firsts}).check(swept)
            wrong = {} if config is not None else others
        return (None if problems else config), {**wrong, **problems}

    def save_to_url(self) -> None:
        """Write the ranges into the URL, so that a link brings them back."""
        texts = dict(self.draft.texts)
        for name in self._class.model_fields:
            if name in texts:
                if st.query_params.get(PARAM + name) != texts[name]:
                    st.query_params[PARAM + name] = texts[name]
            elif PARAM + name in st.query_params:
                del st.query_params[PARAM + name]
        st.session_state[f"{self._key}.url"] = texts

    # --- widgets -----------------------------------------------------------------------------

    def field(self, spec: FieldSpec, value: Any, fixed: Callable[[], None]) -> None:
        """Draw a field: its range where it is swept, else its widget and a way to sweep it.

        Args:
            spec: The field.
            value: Its present value, around which a fresh range lies.
            fixed: Draws the widget of one value.
        """
        swept = self.draft.texts.get(spec.name)
        with st.container(border=swept is not None, gap="xxsmall", key=f"{self._key}.{spec.name}"):
            self._head(spec, value, swept)
            if swept is None:
                fixed()
            else:
                self._editor(spec, swept)

    def _head(self, spec: FieldSpec, value: Any, swept: str | None) -> None:
        """The field's name, and beside it the way from one value to a range or back."""
        if spec.kind == "switch" and not can_vary(spec):
            return
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
            label = page.plain(spec.label)
            st.markdown(
                f":small[{label}]" if swept is None else f":small[**{label}**]",
                width="stretch",
                help=spec.help,
            )
            if swept is not None:
                self._button("One value", f"Back to {as_text(value)} in every run", spec, None)
            elif can_vary(spec):
                fresh = fresh_range(spec, value)
                self._button("Vary", f"Search over a range of {spec.label.lower()}", spec, fresh)

    def _button(self, label: str, said: str, spec: FieldSpec, text: str | None) -> None:
        st.button(
            label,
            type="tertiary",
            help=said,
            key=f"{self._key}.{spec.name}.{label}",
            on_click=self._set,
            args=(spec.name, text),
        )

    def _editor(self, spec: FieldSpec, text: str) -> None:
        match spec.kind:
            case "choice":
                self._choices(spec, text, list(spec.choices))
            case "switch":
                self._choices(spec, text, ["false", "true"])
            case _:
                self._numbers(spec, text)

    def _choices(self, spec: FieldSpec, text: str, options: list[str]) -> None:
        chosen = [part.strip() for part in text.split(",") if part.strip()]
        widget = steer(f"{self._key}.{spec.name}.choices", [c for c in chosen if c in options])
        st.pills(
            f"Values of {spec.label}",
            options,
            selection_mode="multi",
            format_func=lambda choice: choice.replace("_", " "),
            label_visibility="collapsed",
            key=widget,
            on_change=self._typed(
                spec, widget, lambda picked: ",".join(o for o in options if o in picked)
            ),
        )

    def _numbers(self, spec: FieldSpec, text: str) -> None:
        offered = spreads(spec)
        spread = spread_of(spec, text)
        if len(offered) > 1:
            widget = steer(f"{self._key}.{spec.name}.spread", spread)
            st.segmented_control(
                f"How values of {spec.label} lie",
                offered,
                required=True,
                format_func=_SPREADS.__getitem__,
                label_visibility="collapsed",
                key=widget,
                on_change=self._typed(spec, widget, lambda to: respread(spec, text, to)),
            )
        if spread == "values":
            widget = steer(f"{self._key}.{spec.name}.values", text)
            st.text_input(
                f"Values of {spec.label}",
                label_visibility="collapsed",
                help=_HELP.get(spec.kind),
                key=widget,
                on_change=self._typed(spec, widget, str),
            )
            return
        self._ends(spec, text, spread)

    def _ends(self, spec: FieldSpec, text: str, spread: Spread) -> None:
        self._slider(spec, text, spread)
        low, high = ends_of(text)
        with st.container(horizontal=True, gap="small", key=f"{self._key}.{spec.name}.ends"):
            self._end(spec, "from", low, lambda at: range_text(spec, spread, at, high))
            self._end(spec, "to", high, lambda at: range_text(spec, spread, low, at))

    def _end(self, spec: FieldSpec, said: str, text: str, as_range: Callable[[str], str]) -> None:
        widget = steer(f"{self._key}.{spec.name}.{said}", text)
        st.text_input(
            f"{spec.label} {said}",
            label_visibility="collapsed",
            key=widget,
            on_change=self._typed(spec, widget, as_range),
        )

    def _slider(self, spec: FieldSpec, text: str, spread: Spread) -> None:
        """A slider with two handles, made anew where something else than itself moved them.

        Streamlit tells such a slider from one with a single handle by its default, so it cannot be
        set through the session as other widgets are (``mlcore.ui.steer``).
        """
        slider = stops_of(spec, text)
        if slider is None:
            return
        stops, now = slider
        start = f"{self._key}.{spec.name}.slider"
        first = st.session_state.get(start)
        if first is None or tuple(st.session_state.get(f"{start}.{first}", first)) != now:
            first = st.session_state[start] = now
        widget = f"{start}.{first}"
        st.select_slider(
            f"Range of {spec.label}",
            stops,
            first,
            format_func=as_text,
            label_visibility="collapsed",
            key=widget,
            on_change=self._slid,
            args=(spec, widget, spread),
        )

    # --- what callbacks do -------------------------------------------------------------------

    def _set(self, name: str, text: str | None) -> None:
        texts = dict(st.session_state.get(self._key) or {})
        if text is None:
            texts.pop(name, None)
        else:
            texts[name] = text
        st.session_state[self._key] = texts

    def _slid(self, spec: FieldSpec, widget: str, spread: Spread) -> None:
        self._set(spec.name, range_text(spec, spread, *map(as_text, st.session_state[widget])))

    def _typed(
        self, spec: FieldSpec, widget: str, as_range: Callable[[Any], str]
    ) -> Callable[[], None]:
        def take_over() -> None:
            if is_news(widget):
                self._set(spec.name, as_range(st.session_state[widget]))

        return take_over


def summary(config_class: type[Config], ranges: dict[str, Range]) -> str:
    """What varies, in words: ``Learning rate 0.001 to 1, log``."""
    labels = {spec.name: spec.label for spec in config_class.specs()}
    return " · ".join(f"{labels[name]} {shown(one)}" for name, one in ranges.items())


def _first(swept: Range) -> Any:
    return swept.values[0] if isinstance(swept, Choices) else swept.low
