"""A live sweep: its runs' states, the best so far, and the charts."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from mlcore.core import SweepNotFoundError
from mlcore.course.sweeps import State
from mlcore.runs import open_store
from mlcore.runs.execution import supervisor
from mlcore.sweeps import Sweep, verdict
from mlcore.sweeps.ensembles import EnsembleResult
from mlcore.ui import navigation, page, run_parts, tasks
from mlcore.ui.common.polling import poll
from mlcore.ui.ranges.form import summary
from mlcore.ui.sweeps import actions, pictures, selection
from mlcore.ui.sweeps.view_data import SweepView, best_values, look

_STATES: dict[str, tuple[str, str]] = {
    "running": (":material/play_arrow:", "blue"),
    "finished": (":material/check:", "green"),
    "stopped": (":material/stop:", "gray"),
    "failed": (":material/error:", "red"),
}


def show(sweep: Sweep) -> None:
    """Draw a sweep, updated while it runs; when it ends the page reruns."""
    selection.choose(sweep)
    actions.show(sweep)

    def draw() -> bool:
        try:
            seen = look(sweep.refresh())
        except SweepNotFoundError:  # deleted in another tab: the page says so
            return True
        _state(seen)
        _best(seen)
        for sentence in verdict.sentences(seen.sweep):
            st.caption(f":material/lock: {page.plain(sentence)}")
        pictures.show(seen)
        tasks.look("sweeps", State(seen.sweep))
        return seen.sweep.status != sweep.status

    poll(draw, key="sweeps.panel", moving=sweep.running)


def _state(seen: SweepView) -> None:
    with st.container(gap="xsmall", key="sweeps.where"):
        _where(seen)


def _where(seen: SweepView) -> None:
    sweep, counts = seen.sweep, seen.counts
    icon, colour = _STATES[sweep.status]
    with st.container(horizontal=True, vertical_alignment="center", key="sweeps.state"):
        st.badge(sweep.status, icon=icon, color=colour)  # type: ignore[arg-type]  # badge colours
        st.caption(progress_words(seen))
    if counts.total:
        st.progress(counts.done / counts.total)
    if sweep.error:
        page.error(sweep.error)
    if sweep.spec.code_changed():
        more = " It goes no further: stop it, and start it again." if sweep.running else ""
        st.warning(
            f"The code of {page.plain(sweep.experiment)} was edited since this sweep was started. "
            f"Its runs are of the code as it was.{more}",
            icon=":material/history:",
        )
    if sweep.running and counts.queued and (trouble := _trouble(sweep.store.url)) is not None:
        page.error(trouble)
    searched = summary(type(sweep.config), sweep.space.ranges)
    st.caption(f":material/swap_horiz: {page.plain(searched)} · {sweep.sampler}")
    for sentence in ensemble_words(sweep.ensembles, running=sweep.running):
        st.caption(f":material/bolt: {page.plain(sentence)}")


@st.cache_data(ttl=5.0, max_entries=8, show_spinner=False)
def _trouble(url: str) -> str | None:
    """Why queued runs are not executed; checked every few seconds, as an engine may be far away."""
    return supervisor.trouble(open_store(url))


def progress_words(seen: SweepView) -> str:
    """Counts and the time left: ``7 of 12 runs done · 1 running · 4 queued · about 8 s left``."""
    sweep, counts = seen.sweep, seen.counts
    of = f" of {counts.total}" if sweep.settings is not None else ""
    parts = [f"{counts.done}{of} runs done"]
    for number, word in (
        (counts.running, "running"),
        (counts.queued, "queued"),
        (counts.cached, "from the cache"),
        (counts.pruned, "pruned"),
        (counts.failed, "without a result"),
    ):
        if number:
            parts.append(f"{number} {word}")
    if counts.different < sweep.asked:
        parts.append(f"{counts.different} different settings")
    if sweep.running:
        eta = sweep.eta
        parts.append(
            "time left not known yet" if eta is None else f"about {run_parts.duration(eta)} left"
        )
    return " · ".join(parts)


def ensemble_words(groups: Sequence[EnsembleResult], *, running: bool) -> list[str]:
    """The measured speedups of ensembles, several in one sentence."""
    together = [group for group in groups if group.used]
    alone = [group for group in groups if group.used is False]
    waiting = [group for group in groups if group.used is None and running]
    said = []
    for some, word in ((together, "in {} programs"), (alone, "one by one; in {} programs only")):
        if len(some) == 1:
            said.append(some[0].sentence())
        elif some:
            gains = [group.gain or 1.0 for group in some]
            ends = dict.fromkeys(f"{gain:.1f}×" for gain in (min(gains), max(gains)))
            between = f"{' to '.join(ends)} measured"
            said.append(f"{_members(some)} members {word.format(len(some))}: {between}")
    if waiting:
        said.append(f"{_members(waiting)} members wait for a benchmark as one program")
    return said


def _members(groups: Sequence[EnsembleResult]) -> int:
    return sum(group.members for group in groups)


def _best(seen: SweepView) -> None:
    values = best_values(seen)
    if not values:
        st.caption("Best so far: no run has finished yet.")
        return
    rows = seen.table[seen.table["run"].isin(list(seen.best))]
    settings = rows["number"].nunique()
    row = rows.iloc[0]
    said = " · ".join(
        f"{axis.title} **{axis.text(value)}**"
        for axis, value in zip(seen.objectives, values, strict=True)
    )
    seeds = len(rows[rows["number"] == row["number"]])
    mean = f" (mean of {seeds} seeds)" if seeds > 1 else ""
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="sweeps.best"):
        with st.container(width="stretch", gap="xxsmall", key="sweeps.best.words"):
            word = "Best so far" if seen.sweep.running else "Best"
            st.markdown(f":material/star: **{word}**: {said}{mean}")
            st.caption(f"{page.plain(str(row['setting']))} · run `{row['run']}`")
            if settings > 1:
                st.caption(
                    f"{settings} trials are on the Pareto front: no other trial is better "
                    "in both objectives."
                )
        if navigation.has_page("compare"):
            st.page_link(
                navigation.page("compare"),
                label="Open" if len(rows) == 1 else "Compare",
                icon=":material/arrow_forward:",
                query_params={"runs": ",".join(rows["run"].head(10))},
            )
