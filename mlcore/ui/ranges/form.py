"""Turns fields of a form into ranges and back: the button *Vary*, and the range's editor."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import streamlit as st

from mlcore.core import Config, FieldSpec
from mlcore.sweeps.range_format import shown
from mlcore.sweeps.ranges import Choices, Range
from mlcore.ui import page
from mlcore.ui.draft import Draft, as_text
from mlcore.ui.ranges.draft import RangeDraft, can_vary, fresh_range
from mlcore.ui.ranges.editor import RangeEditor

PARAM: Final = "range."
"""What the parameters of ranges in the URL begin with: ``range.lr=log:0.001:1``."""


class RangeForm:
    """The ranges of a form, stored in the session and in the URL.

    Give it to ``form.config_form``; it then draws each swept field as its range.
    """

    def __init__(self, config_class: type[Config], *, key: str) -> None:
        """Load the typed ranges, or those of the URL.

        Args:
            config_class: The form's config.
            key: The form's key.
        """
        self._class = config_class
        self._key = f"{key}.ranges"
        self._state = f"{key} ranges"  # no field has a space in its name
        in_url = {
            name: st.query_params[PARAM + name]
            for name in _names(config_class)
            if PARAM + name in st.query_params
        }
        typed: dict[str, str] | None = st.session_state.get(self._state)
        written: dict[str, str] | None = st.session_state.get(f"{self._state} url")
        if typed is None or (in_url and in_url != written):
            st.session_state[self._state] = in_url
            st.session_state[f"{self._state} url"] = in_url

    @property
    def draft(self) -> RangeDraft:
        """The current draft."""
        return RangeDraft(self._class, dict(st.session_state[self._state]))

    def ranges(self) -> dict[str, Range] | None:
        """Field → range; None while a range is invalid."""
        found, problems = self.draft.check()
        return None if problems else found

    def fill(self, texts: dict[str, str]) -> None:
        """Put ranges into the form; call it in a widget's callback or before the form is drawn."""
        st.session_state[self._state] = dict(texts)

    def checked(self, draft: Draft) -> tuple[Config | None, dict[str, str]]:
        """The config whose fields are varied, and a sentence for each invalid field.

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
        """Write the ranges to the URL."""
        texts = dict(self.draft.texts)
        for name in _names(self._class):
            if name in texts:
                if st.query_params.get(PARAM + name) != texts[name]:
                    st.query_params[PARAM + name] = texts[name]
            elif PARAM + name in st.query_params:
                del st.query_params[PARAM + name]
        st.session_state[f"{self._state} url"] = texts

    # --- widgets -----------------------------------------------------------------------------

    def field(self, spec: FieldSpec, value: Any, fixed: Callable[[], None]) -> None:
        """Draw a field: its range if it is varied, else its widget with the button *Vary*.

        Args:
            spec: The field.
            value: Its present value, around which a fresh range lies.
            fixed: Draws the widget of one value.
        """
        swept = self.draft.texts.get(spec.name)
        with st.container(border=swept is not None, gap="xxsmall", key=f"{self._key}.{spec.name}"):
            with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
                if swept is None and spec.kind == "switch":  # its label stands beside it
                    with st.container(width="stretch", key=f"{self._key}.{spec.name}.one"):
                        fixed()
                else:
                    label = f":small[{page.plain(spec.short_label or spec.label)}]"
                    bold = label if swept is None else f"**{label}**"
                    st.markdown(bold, width="stretch", help=spec.help)
                self._turn(spec, value, swept)
            if swept is not None:
                set_text = partial(self._set, spec.name)
                RangeEditor(spec, swept, f"{self._key}.{spec.name}", set_text).draw()
            elif spec.kind != "switch":
                fixed()

    def _turn(self, spec: FieldSpec, value: Any, swept: str | None) -> None:
        """The button that turns one value into a range, or back."""
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

    def _set(self, name: str, text: str | None) -> None:
        texts = dict(st.session_state.get(self._state) or {})
        if text is None:
            texts.pop(name, None)
        else:
            texts[name] = text
        st.session_state[self._state] = texts


def summary(config_class: type[Config], ranges: dict[str, Range]) -> str:
    """The varied fields in words: ``Learning rate 0.001 to 1, log``."""
    labels = {spec.name: spec.label for spec in config_class.specs()}
    return " · ".join(f"{labels[name]} {shown(one)}" for name, one in ranges.items())


def _names(config_class: type[Config]) -> list[str]:
    return [spec.name for spec in config_class.specs()]


def _first(swept: Range) -> Any:
    return swept.values[0] if isinstance(swept, Choices) else swept.low
