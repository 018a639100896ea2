"""The tab *Where it errs*: the confusion matrix and its digits, confident mistakes, calibration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from mlcore.charts.digits import confusion_rows
from mlcore.charts.inside import CELL, class_accuracy_spec, clickable_confusion, reliability_spec
from mlcore.course.inside import State
from mlcore.ui import page, tasks
from mlcore.ui.common.elements import chart
from mlcore.ui.inside import evaluation, selection

if TYPE_CHECKING:
    from mlcore.mnist.insight import Examination

_BINS = (5, 10, 15, 20)
_VERSION = "inside.mistakes.version"


def show() -> None:
    """Draw the tab."""
    controls, picture = page.columns()
    with controls:
        chosen = selection.chosen()
        if chosen is None:
            return
        bins = st.segmented_control(
            "Bins of confidence",
            _BINS,
            default=15,
            required=True,
            help="For the reliability diagram: the number of bins for the confidence.",
            key="inside.mistakes.bins",
        )
        page.prose("inside_mistakes")
    with picture, page.sentences():
        found = evaluation.examination(chosen.moment)
        selection.caption_of(chosen)
        cell = _matrix(chosen, found)
        if cell is None:
            _confident(chosen, found)
        else:
            _cell(chosen, found, *cell)
        _by_class(chosen, found)
        _calibration(found, bins)
        _proof(chosen, found)
        page.as_code(_script(chosen), key="inside.mistakes.code")
        tasks.look("inside", State(examination=found, cell=cell))


def _matrix(chosen: selection.Chosen, found: Examination) -> tuple[int, int] | None:
    """Draw the matrix; return the clicked cell as true and predicted class, or None."""
    rows = confusion_rows(found.confusion(), chosen.classes)
    picked: Any = st.altair_chart(
        clickable_confusion(rows, page.ink(), images=chosen.images),
        on_select="rerun",
        selection_mode=CELL,
        key=f"inside.mistakes.confusion.{chosen.run.id}.{st.session_state.get(_VERSION, 0)}",
    )
    points = picked.selection.get(CELL, [])
    if not points or "true" not in points[0]:
        return None
    names = list(chosen.classes)
    return names.index(str(points[0]["true"])), names.index(str(points[0]["predicted"]))


def _let_go() -> None:
    """Clear the selected cell: a chart under a new key has no selection."""
    st.session_state[_VERSION] = st.session_state.get(_VERSION, 0) + 1


def _cell(chosen: selection.Chosen, found: Examination, true: int, guess: int) -> None:
    places = found.cell(true, guess)
    names = [page.plain(name) for name in chosen.classes]
    what = "predicted correctly" if true == guess else f"predicted as **{names[guess]}**"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"**{len(places):,} {chosen.images} images of class {names[true]}**, {what}",
            width="stretch",
        )
        st.button("All mistakes", key="inside.mistakes.all", on_click=_let_go)
    if not len(places):
        st.caption("No images in this cell.")
        return
    sure = found.confidence[places]
    selection.gallery(
        chosen.config,
        places,
        [f"{share:.0%}" for share in sure],
        [
            f"A {chosen.classes[true]}, predicted as {chosen.classes[guess]} with {share:.0%}"
            for share in sure
        ],
    )
    st.caption("Below each image: the network's confidence.")


def _confident(chosen: selection.Chosen, found: Examination) -> None:
    from mlcore.mnist.insight import confident_mistakes

    rows = confident_mistakes(found)
    names = chosen.classes
    st.markdown(f"**Most confident of its {len(rows):,} mistakes**")
    few = rows.head(24)
    said = [
        (names[true], names[guess], f"{sure:.0%}")
        for true, guess, sure in zip(
            few["true"].tolist(), few["guess"].tolist(), few["confidence"].tolist(), strict=True
        )
    ]
    selection.gallery(
        chosen.config,
        few["place"].to_numpy(np.int64),
        [
            f"{page.plain(true)} → :red[**{page.plain(guess)}**] {sure}"
            for true, guess, sure in said
        ],
        [f"A {true}, predicted as {guess} with {sure}" for true, guess, sure in said],
    )
    st.caption("True class → predicted class, and the network's confidence.")


def _by_class(chosen: selection.Chosen, found: Examination) -> None:
    from mlcore.mnist.insight import accuracy_by_class

    chart(
        class_accuracy_spec(),
        accuracy_by_class(found, chosen.classes),
        key="inside.mistakes.classes",
    )


def _calibration(found: Examination, bins: int) -> None:
    from mlcore.mnist.insight import reliability

    made = reliability(found.confidence, found.guesses == found.labels, bins)
    chart(reliability_spec(), made.bins, key="inside.mistakes.reliability")
    left, middle, right = st.columns(3)
    left.metric(
        "Expected calibration error",
        f"{made.expected_error:.2%}",
        help="Mean |accuracy − confidence| over the bins, weighted by their images.",
    )
    middle.metric("Mean confidence", f"{float(found.confidence.mean()):.2%}")
    right.metric("Accuracy", f"{found.accuracy:.2%}")


def _proof(chosen: selection.Chosen, found: Examination) -> None:
    recorded = chosen.run.metrics([f"{chosen.images}_accuracy"])
    mine = recorded.loc[recorded["step"] == chosen.moment.step, "value"]
    if not len(mine):
        return
    value = float(mine.iloc[0])
    gap = abs(found.accuracy - value)
    agree = "They agree." if gap < 1e-9 else f"They differ by {gap:.2%}: see below."
    st.caption(
        f"Accuracy computed here: {found.accuracy:.2%}; recorded by the run: {value:.2%}. {agree}"
    )
    if gap >= 1e-9:
        st.caption(
            "Another machine, or different rounding, can change the prediction for an image whose "
            "two largest outputs are almost equal."
        )


def _script(chosen: selection.Chosen) -> str:
    loss = ', loss="mse"' if chosen.config.loss == "mse" else ""
    named, held, images, labels = selection.held_in_code(chosen.config)
    return (
        "import mlcore\n"
        f"from mlcore.mnist import {named}insight, load\n\n"
        f'digits, run = load("{chosen.config.dataset}"), mlcore.get_run("{chosen.run.id}")\n'
        f"{held}model = insight.on_pixels(run.model(), digits)\n"
        f"found = insight.examine(model, {images}, {labels}{loss})\n"
        "print(found.accuracy, found.confusion())\n"
        "print(insight.confident_mistakes(found, 24))\n"
        "print(insight.accuracy_by_class(found, digits.classes))\n"
        "print(insight.reliability(found.confidence, found.guesses == found.labels)"
        ".expected_error)"
    )
