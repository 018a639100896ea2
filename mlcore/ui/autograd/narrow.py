"""The page on a narrow screen: the graph stays in view while the sliders below it move."""

from __future__ import annotations

from typing import Final

import streamlit as st

# The two columns become one: program, graph, inputs, tabs. `display: contents` lets the parts of
# both columns be ordered, and the graph stick, within the row that holds them.
_CSS: Final = """
<style>
@media (max-width: 640px) {
  [data-testid=stHorizontalBlock]:has(> [data-testid=stColumn] .st-key-autograd_program) {
    flex-direction: column; gap: 0.75rem;
  }
  [data-testid=stColumn]:has(.st-key-autograd_program),
  [data-testid=stColumn]:has(.st-key-autograd_picture),
  [data-testid=stColumn]:has(.st-key-autograd_program) > [data-testid=stVerticalBlock],
  [data-testid=stColumn]:has(.st-key-autograd_picture) > [data-testid=stVerticalBlock] {
    display: contents;
  }
  :has(> .st-key-autograd_program) { order: 1 }
  :has(> .st-key-autograd_picture) {
    order: 2; position: sticky; top: 3.75rem; z-index: 3;
  }
  :has(> .st-key-autograd_inputs) { order: 3 }
  :has(> .st-key-autograd_notes) { order: 4 }
  :has(> .st-key-autograd_views) { order: 5 }
}
@media (max-width: 640px) and (max-height: 620px) {
  :has(> .st-key-autograd_picture) { position: static }
}
</style>
"""


def stack_on_narrow_screens() -> None:
    """Put the graph under the program and keep it in view, on screens up to 640 pixels wide."""
    st.html(_CSS)
