"""The widgets of one range: its kind, its ends, its values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import streamlit as st

from mlcore.core import FieldSpec
from mlcore.ui.draft import as_text
from mlcore.ui.ranges.draft import (
    Spread,
    ends_of,
    range_text,
    respread,
    spread_of,
    spreads,
    stops_of,
)
from mlcore.ui.widget_state import changed_by_user, set_widget

_SPREADS: Final[dict[Spread, str]] = {"log": "log", "even": "even", "values": "values"}
_HELP: Final[dict[str, str]] = {
    "integers": "Each choice is one network; semicolons separate them: 32; 128, 64",
    "number": "Values separated by commas: 0.01, 0.1, 1",
    "integer": "Values separated by commas: 16, 64, 256",
}


@dataclass(frozen=True, slots=True)
class RangeEditor:
    """The widgets of one field's range.

    Attributes:
        spec: The field.
        text: What stands there now (see ``mlcore.ui.ranges.draft``).
        key: Prefix of the keys of its widgets.
        set_text: Called in a callback with the new text.
    """

    spec: FieldSpec
    text: str
    key: str
    set_text: Callable[[str], None]

    def draw(self) -> None:
        """Draw the widgets."""
        match self.spec.kind:
            case "choice":
                self._choices([*self.spec.choices, *["none"] * self.spec.optional])
            case "switch":
                self._choices(["false", "true"])
            case _:
                self._numbers()

    def _choices(self, options: list[str]) -> None:
        chosen = [part.strip() for part in self.text.split(",")]
        widget = set_widget(f"{self.key}.choices", [one for one in options if one in chosen])
        st.pills(
            f"Values of {self.spec.label}",
            options,
            selection_mode="multi",
            format_func=lambda choice: choice.replace("_", " "),
            label_visibility="collapsed",
            key=widget,
            persist_state="session",
            on_change=self._typed(
                widget, lambda picked: ",".join(one for one in options if one in picked)
            ),
        )

    def _numbers(self) -> None:
        offered = spreads(self.spec)
        spread = spread_of(self.spec, self.text)
        if len(offered) > 1:
            widget = set_widget(f"{self.key}.spread", spread)
            st.segmented_control(
                f"How values of {self.spec.label} lie",
                offered,
                required=True,
                format_func=_SPREADS.__getitem__,
                label_visibility="collapsed",
                key=widget,
                persist_state="session",
                on_change=self._typed(widget, lambda to: respread(self.spec, self.text, to)),
            )
        if spread == "values":
            widget = set_widget(f"{self.key}.values", self.text)
            st.text_input(
                f"Values of {self.spec.label}",
                label_visibility="collapsed",
                help=_HELP.get(self.spec.kind),
                key=widget,
                persist_state="session",
                on_change=self._typed(widget, str),
            )
            return
        self._slider(spread)
        low, high = ends_of(self.text)
        with st.container(horizontal=True, gap="small", key=f"{self.key}.ends"):
            self._end("from", low, lambda at: range_text(self.spec, spread, at, high))
            self._end("to", high, lambda at: range_text(self.spec, spread, low, at))

    def _end(self, said: str, text: str, as_range: Callable[[str], str]) -> None:
        widget = set_widget(f"{self.key}.{said}", text)
        st.text_input(
            f"{self.spec.label} {said}",
            label_visibility="collapsed",
            key=widget,
            persist_state="session",
            on_change=self._typed(widget, as_range),
        )

    def _slider(self, spread: Spread) -> None:
        """A two-handle slider, rebuilt when another widget has changed its values.

        Streamlit tells such a slider from one with a single handle by its default, so it cannot be
        set through the session as other widgets are (``mlcore.ui.widget_state``).
        """
        slider = stops_of(self.spec, self.text)
        if slider is None:
            return
        stops, now = slider
        start = f"{self.key}.slider"
        first = st.session_state.get(start)
        if first is None or tuple(st.session_state.get(f"{start}.{first}", first)) != now:
            first = st.session_state[start] = now
        widget = f"{start}.{first}"

        def slid() -> None:
            ends = map(as_text, st.session_state[widget])
            self.set_text(range_text(self.spec, spread, *ends))

        st.select_slider(
            f"Range of {self.spec.label}",
            stops,
            first,
            format_func=as_text,
            label_visibility="collapsed",
            key=widget,
            on_change=slid,
        )

    def _typed(self, widget: str, as_range: Callable[[Any], str]) -> Callable[[], None]:
        def take_over() -> None:
            if changed_by_user(widget):
                self.set_text(as_range(st.session_state[widget]))

        return take_over
