"""The verdicts on the groups of a comparison, and a button that runs more seeds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import streamlit as st

from mlcore.runs.analysis.comparison import compare
from mlcore.runs.analysis.seed_groups import queue_more_seeds, why_no_more_seeds
from mlcore.ui import page
from mlcore.ui.common import clicks, elements
from mlcore.ui.runs import compare_form

if TYPE_CHECKING:
    from mlcore.runs.analysis.comparison import Comparison
    from mlcore.runs.analysis.contrasts import Contrast

MOST_AT_ONCE: Final = 20
"""Seeds a group that one click queues at most."""

_QUEUED: Final = "compare has queued more seeds"


def show(comparison: Comparison) -> None:
    """The verdict in one line, and one button for missing seeds.

    Each pair is spelled out by ``each_pair``, which stands below the picture.
    """
    _folds(comparison)
    if comparison.only_folds:
        return
    if not comparison.contrasts:
        _why_none(comparison)
        return
    icon = elements.verdict_icon(sure=bool(_sure(comparison)))
    with st.container(
        horizontal=True, vertical_alignment="center", key="compare.verdict", gap="small"
    ):
        st.markdown(f"{icon} {page.plain(summary(comparison))}", width="stretch")
        asked = lacking(comparison)
        more = {letter: min(number, MOST_AT_ONCE) for letter, number in asked.items()}
        if more and not any(run.status.moving for run in comparison.runs):
            st.button(
                _offer(asked, more),
                icon=":material/playlist_add:",
                help="Queues the same configs with new seeds: "
                + ", ".join(f"{number} of {letter}" for letter, number in more.items())
                + ".",
                key="compare.more",
                on_click=clicks.act,
                args=(_queue, comparison, more),
            )


def _folds(comparison: Comparison) -> None:
    """A sentence for each two cross-validations on the same folds."""
    for found in comparison.fold_comparisons:
        icon = elements.verdict_icon(sure=bool(found.better))
        st.markdown(f"{icon} {page.plain(found.sentence)}")


def summary(comparison: Comparison) -> str:
    """The contrasts in one line: a single one in full, of several how many are more than luck."""
    contrasts = comparison.contrasts
    sure = _sure(comparison)
    if len(contrasts) == 1:
        return said(comparison, contrasts[0])
    if not sure:
        return f"For none of the {len(contrasts)} pairs is the difference more than luck."
    first = min(sure, key=lambda contrast: contrast.p_holm)
    if len(sure) == len(contrasts):
        return f"All {len(contrasts)} pairs differ beyond luck. {said(comparison, first)}"
    verb = "differs" if len(sure) == 1 else "differ"
    return f"{len(sure)} of {len(contrasts)} pairs {verb} beyond luck. {said(comparison, first)}"


def lacking(comparison: Comparison) -> dict[str, int]:
    """Seeds that each group still needs, by letter: the most that any pair needs.

    Groups that cannot be run with another seed here are left out, and so are the pairs in which
    all missing seeds are theirs.
    """
    able = {group.letter: why_no_more_seeds(group) is None for group in comparison.groups}
    most: dict[str, int] = {}
    for contrast in comparison.contrasts:
        for letter, number in contrast.more_seeds.items():
            if number > 0 and able[letter]:
                most[letter] = max(number, most.get(letter, 0))
    return dict(sorted(most.items(), key=lambda item: (len(item[0]), item[0])))


def each_pair(comparison: Comparison) -> None:
    """Each contrast as a sentence."""
    if len(comparison.contrasts) < 2:
        return
    lines = (
        f"- {elements.verdict_icon(sure=bool(contrast.better))} "
        f"{page.plain(said(comparison, contrast))}"
        for contrast in comparison.contrasts
    )
    st.markdown("\n".join(lines))


def _sure(comparison: Comparison) -> list[Contrast]:
    return [contrast for contrast in comparison.contrasts if contrast.better]


def said(comparison: Comparison, contrast: Contrast) -> str:
    """A contrast's sentence; with more than two groups it names the other one."""
    other = contrast.a if contrast.better == contrast.b else contrast.b
    if contrast.better is None or len(comparison.groups) == 2:
        return contrast.sentence
    return contrast.sentence.replace(" is better by ", f" is better than {other} by ", 1)


def _queue(comparison: Comparison, more: Mapping[str, int]) -> None:
    groups = {group.letter: group for group in comparison.groups}
    ids = comparison.ids
    for letter, number in more.items():
        ids += [run.id for run in queue_more_seeds(groups[letter], number)]
    compare_form.remember(list(dict.fromkeys(ids)))
    st.session_state[_QUEUED] = True


def queued_more() -> bool:
    """Whether a click has just added runs, so that the whole page must rerun; true once."""
    return bool(st.session_state.pop(_QUEUED, False))


def _offer(asked: Mapping[str, int], more: Mapping[str, int]) -> str:
    cut = any(more[letter] < asked[letter] for letter in more)
    if len(more) <= 2:
        words = " and ".join(f"{number} of {letter}" for letter, number in more.items())
    else:
        words = f"{sum(more.values())} more seeds"
    return f"Run {words}" + (" at first" if cut else "")


def _why_none(comparison: Comparison) -> None:
    groups = comparison.groups
    if len(groups) < 2:
        st.info(
            "These runs differ only in the seed: add runs with another config to compare.",
            icon=":material/info:",
        )
        return
    measured = sum(1 for group in groups if group.n)
    st.info(
        f"{measured} of {len(groups)} groups have a finished run with this metric and measure; two "
        "are needed to say which is better.",
        icon=":material/hourglass:",
    )


def sure_table(comparison: Comparison) -> None:
    """Each difference by two methods: Welch's t and the bootstrap."""
    each_pair(comparison)
    other = compare(
        list(comparison.runs),
        metric=comparison.metric,
        goal=comparison.goal,
        measure=str(comparison.measure),
        axis=comparison.axis,
        baseline=comparison.baseline,
        method="bootstrap",
        store=comparison.store,
    )
    rows = [
        {
            "pair": f"{welch.b} − {welch.a}",
            "difference": welch.difference,
            "Welch from": welch.low,
            "to": welch.high,
            "p": welch.p,
            "p (Holm)": welch.p_holm,
            "degrees of freedom": welch.df,
            "bootstrap from": boot.low,
            "to ": boot.high,
            "p (bootstrap)": boot.p,
            "n": f"{welch.n_a}, {welch.n_b}",
        }
        for welch, boot in zip(comparison.contrasts, other.contrasts, strict=True)
    ]
    if not rows:
        st.caption("There is no pair of groups to compare yet.")
        return
    number = st.column_config.NumberColumn(format="%.4g")
    st.dataframe(
        rows,
        hide_index=True,
        placeholder="–",
        column_config={name: number for name in rows[0] if name not in ("pair", "n")},
        key="compare.sure.table",
        alt="Differences between groups with their intervals by two methods",
    )
    page.prose("compare_sure")
