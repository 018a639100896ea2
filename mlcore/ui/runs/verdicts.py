"""What may be said of the groups of a comparison, and the button that runs more seeds of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import streamlit as st

from mlcore.runs.analysis.comparison import compare
from mlcore.runs.analysis.seed_groups import queue_more_seeds
from mlcore.ui import page
from mlcore.ui.runs import callbacks, compare_form

if TYPE_CHECKING:
    from mlcore.runs.analysis.comparison import Comparison
    from mlcore.runs.analysis.contrasts import Contrast

MOST_AT_ONCE: Final = 20
"""Seeds a group that one click queues at most."""

_SHOWN: Final = 3
_QUEUED: Final = "compare has queued more seeds"


def show(comparison: Comparison) -> None:
    """Each contrast as a sentence; where seeds are missing, with a button that queues them."""
    contrasts = comparison.contrasts
    if not contrasts:
        _why_none(comparison)
        return
    for contrast in contrasts[:_SHOWN]:
        _verdict(comparison, contrast)
    if len(contrasts) > _SHOWN:
        more = st.expander(
            f"{len(contrasts) - _SHOWN} more pairs", key="compare.verdicts.more", on_change="rerun"
        )
        if more.open:
            with more:
                for contrast in contrasts[_SHOWN:]:
                    _verdict(comparison, contrast)


def _verdict(comparison: Comparison, contrast: Contrast) -> None:
    pair = f"{contrast.a}-{contrast.b}"
    icon = ":material/check_circle:" if contrast.better else ":material/casino:"
    with st.container(
        horizontal=True, vertical_alignment="center", key=f"compare.verdict.{pair}", gap="small"
    ):
        st.markdown(f"{icon} {page.plain(said(comparison, contrast))}", width="stretch")
        more = _at_once(contrast.more_seeds)
        if more and not any(run.status.moving for run in comparison.runs):
            st.button(
                _offer(contrast.more_seeds, more),
                icon=":material/playlist_add:",
                help="Queues the same configs with seeds that were not used yet.",
                key=f"compare.more.{pair}",
                on_click=callbacks.act,
                args=(_queue, comparison, more),
            )


def said(comparison: Comparison, contrast: Contrast) -> str:
    """A contrast's sentence; where there are more than two groups it says than which."""
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
    """Whether a click has just added runs, so that the whole page must know; once."""
    return bool(st.session_state.pop(_QUEUED, False))


def _at_once(more: Mapping[str, int]) -> dict[str, int]:
    return {letter: min(number, MOST_AT_ONCE) for letter, number in more.items() if number > 0}


def _offer(asked: Mapping[str, int], more: Mapping[str, int]) -> str:
    words = " and ".join(f"{number} of {letter}" for letter, number in more.items())
    cut = any(more[letter] < asked[letter] for letter in more)
    return f"Run {words}" + (" at first" if cut else "")


def _why_none(comparison: Comparison) -> None:
    groups = comparison.groups
    if len(groups) < 2:
        st.info(
            "These runs are equal but for the seed, so there is nothing to hold against each "
            "other: add runs of another config.",
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
    """Each difference by two roads: Welch's t and the bootstrap."""
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
        st.caption("There is no pair of groups to judge yet.")
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
