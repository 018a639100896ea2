"""The chapters as cards: a small picture, the question, the time and the tasks solved."""

from __future__ import annotations

from typing import Any, Final

import streamlit as st

from mlcore.charts import palette
from mlcore.course import pictures
from mlcore.ui import navigation, tasks
from mlcore.ui.home.assets import PICTURE
from mlcore.ui.navigation import Chapter

ALT: Final = {
    "autograd": "The graph of z = w·x + b: two operations and three leaves",
    "regression": "Loss over steps for three learning rates: too small, good, and too large",
    "optimizers": "The paths of three optimizers from one start over Himmelblau's four minima",
    "normalization": "A tensor as coloured cells before and after GroupNorm",
    "activations": "Sigmoid, tanh and ReLU",
    "convolution": "A digit 7 and its vertical edges, found by a kernel",
    "initialization": "Size of the signal over 20 layers under Kaiming, Xavier and normal weights",
    "mnist": "The loss falls while a network learns digits",
    "draw": "A digit 7 and a network's probabilities for the ten digits",
    "inside": "The weights of a network for the digits 0, 1 and 3 as images",
    "generalization": "Training error falls with the degree; validation error falls, then rises",
    "runs": "The loss curves of four runs",
    "compare": "Test accuracies of two configs with four seeds each, and their means",
    "sweeps": "Test accuracy over twelve learning rates, the best one marked",
}
_COLOURS: Final[dict[str, Any]] = {
    "value": palette.VALUE,
    "gradient": palette.GRADIENT,
    "theory": palette.THEORY,
    "good": palette.GOOD,
    "bad": palette.BAD,
    "second": palette.RUN_COLOURS[2],
}
_CELLS: Final[dict[str, Any]] = {
    **_COLOURS,
    "value": [palette.VALUE, palette.GRADIENT],
    "theory": "var(--st-text-color)",
}
_STYLE: Final = """<style>
.st-key-home-cards { display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fill, minmax(min(15rem, 100%), 1fr)); }
.st-key-home-cards > div, .st-key-home-cards > div > div { height: 100%; }
</style>"""


def show() -> None:
    """Draw a card for each chapter that has a page."""
    st.html(_STYLE)
    drawn = pictures.read()
    with st.container(key="home-cards"):
        for chapter in navigation.chapters():
            with st.container(
                border=True, gap="xsmall", height="stretch", key=f"home.{chapter.file}"
            ):
                PICTURE(key=f"home.picture.{chapter.file}", data=_data(chapter, drawn))
                st.page_link(navigation.page(chapter.file), label=f"**{chapter.title}**")
                st.caption(chapter.question)
                st.caption(effort(chapter))


def effort(chapter: Chapter) -> str:
    """The time a chapter takes and the tasks solved: ``10 min · 3 of 4 tasks solved``."""
    done, there = tasks.count(chapter.file)
    solved = f"{done} of {there} tasks solved"
    if done == there:
        solved = f":green[:material/check_circle: all {there} tasks solved]"
    return f"**{chapter.minutes} min** · {solved}"


def _data(chapter: Chapter, drawn: dict[str, list[pictures.Mark]]) -> dict[str, Any]:
    marks = drawn.get(chapter.file, [])
    cells = any(mark.kind == "cells" for mark in marks)
    return {
        "alt": ALT[chapter.file],
        "marks": [
            {"kind": mark.kind, "colour": mark.colour, "numbers": mark.numbers} for mark in marks
        ],
        "colours": _CELLS if cells else _COLOURS,
    }
