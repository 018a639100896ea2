"""Views of one run: its state, progress and buttons."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, Literal, NoReturn

import streamlit as st

from mlcore.charts import palette
from mlcore.core import Config
from mlcore.experiments import current
from mlcore.runs import Run, Status, open_store, submit
from mlcore.runs.headline import accuracy_words
from mlcore.runs.test_set import Opening, opening_of
from mlcore.ui import leave, navigation, page
from mlcore.ui.common import clicks, spare_worker
from mlcore.ui.run_names import colours_of, config_name, config_of, labels_of, name_of
from mlcore.ui.runs import callbacks

__all__ = [
    "CACHED_KEY",
    "card",
    "colours_of",
    "config_name",
    "config_of",
    "duration",
    "labels_of",
    "latest_text",
    "line",
    "name_of",
    "open_on_its_page",
    "progress_text",
    "remember_cached",
    "start",
    "start_button",
    "swatch",
]

CACHED_KEY: Final = "runs answered from the cache"


_LINE: Final = 40
"""Signs of a run's label in its line."""

BadgeColour = Literal["blue", "green", "orange", "red", "violet", "gray"]

_BADGES: Final[Mapping[Status, tuple[str, BadgeColour]]] = {
    Status.QUEUED: (":material/schedule:", "gray"),
    Status.RUNNING: (":material/play_arrow:", "blue"),
    Status.PAUSED: (":material/pause:", "orange"),
    Status.FINISHED: (":material/check:", "green"),
    Status.FAILED: (":material/error:", "red"),
    Status.STOPPED: (":material/stop:", "gray"),
    Status.LOST: (":material/link_off:", "red"),
    Status.PRUNED: (":material/content_cut:", "violet"),
}


def card(run: Run, *, key: str, colour: str | None = None, link: bool = False) -> None:
    """One run: colour, name, state, progress, speed, and the buttons that fit its state.

    Args:
        run: As it was read just now.
        key: Prefix of the keys of its buttons.
        colour: Its hue in the charts beside it; by default its own.
        link: Offer a way to its curves on the experiment's page.
    """
    with st.container(border=True, key=f"{key}.{run.id}", gap="small"):
        with st.container(horizontal=True, vertical_alignment="center"):
            with st.container(horizontal=True, vertical_alignment="center", width="stretch"):
                _title(run, name_of(run), swatch(colour or palette.run_colour(run.key)))
            with st.container(
                horizontal=True, vertical_alignment="center", width="content", gap="xsmall"
            ):
                _buttons(run, key, link=link)
        if (run.status.live or run.status.resumable) and (run.total or not run.last):
            st.progress(run.progress, text=progress_text(run))
        else:
            st.caption(progress_text(run))
        _why(run, key)


def line(run: Run, label: str, *, key: str, colour: str, dash: int = 0, menu: bool) -> None:
    """One run on one line under the curves, as their legend.

    Args:
        run: As it was read just now.
        label: What to call it among the runs beside it.
        key: Prefix of the keys of its buttons.
        colour: Its hue in the charts.
        dash: Its pattern there, a place in ``palette.RUN_DASHES``.
        menu: Put the id and the buttons into a menu: for runs of which there are several.
    """
    with st.container(
        horizontal=True, vertical_alignment="center", gap="xsmall", key=f"{key}.{run.id}"
    ):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            _title(run, page.one_line(label, _LINE), swatch(colour, dash), with_id=not menu)
            st.caption(latest_text(run) if menu else progress_text(run), width="content")
        if menu:
            with st.popover(
                "",
                icon=":material/more_vert:",
                type="tertiary",
                help=f"Stop, resume or delete run {run.id}",
                key=f"{key}.{run.id}.menu",
            ):
                st.markdown(f"`{run.id}` {page.plain(name_of(run))}")
                st.caption(progress_text(run))
                _buttons(run, key, link=False)
        else:
            with st.container(horizontal=True, width="content", gap="xsmall"):
                _buttons(run, key, link=False)
    if run.status.live and (run.total or not run.last):
        with st.container(key=f"{key}.{run.id}.bar"):
            st.progress(run.progress)
    _why(run, key)


def latest_text(run: Run) -> str:
    """The run's progress or result as one short text."""
    latest = run.latest()
    parts = [f"{run.progress:.0%}"] if run.status != Status.FINISHED and run.total else []
    parts += accuracy_words(latest)
    return " · ".join(parts) or progress_text(run)


def swatch(colour: str, dash: int = 0) -> str:
    """HTML of a short line in the hue and dashes of a run's curves."""
    stops, at = [], 0
    for place, length in enumerate(palette.RUN_DASHES[dash]):
        hue = "transparent" if place % 2 else colour
        stops.append(f"{hue} {at}px {at + length}px")
        at += length
    return (
        '<span role="img" aria-label="Colour of this run" style="display:inline-block;'
        "width:1.6rem;height:4px;vertical-align:middle;"
        f'background:repeating-linear-gradient(90deg,{",".join(stops)})"></span>'
    )


def _sealed(run: Run) -> bool:
    """Whether a finished run left its test set unseen while it trained."""
    if run.status != Status.FINISHED or run.source is not None:
        return False
    config = config_of(run)
    return config is not None and config.sealed()


def _openings(run: Run) -> list[Opening]:
    return list(opening_of(run.store, [run.id]).values())


def _why(run: Run, key: str) -> None:
    if _sealed(run):
        for opening in _openings(run):
            st.caption(f":material/lock_open: {page.plain(opening.sentence())}")
    if run.error:
        page.error(run.error)
    if run.traceback:
        with st.expander("Traceback", icon=":material/bug_report:", key=f"{key}.{run.id}.why"):
            st.code(run.traceback, language=None, wrap_lines=True)


def progress_text(run: Run) -> str:
    """Steps, speed and remaining time, or how the run ended."""
    if run.status == Status.QUEUED and not run.step:
        return "Waiting for a worker…"
    if not run.total and not run.last:
        return "Starting…" if run.status == Status.RUNNING else "Never started"
    parts = [f"step {run.step:,}" + (f" of {run.total:,.0f}" if run.total else "")]
    latest = run.latest()
    if run.status == Status.RUNNING and "samples_per_second" in latest:
        parts.append(f"{latest['samples_per_second']:,.0f} samples/s")
    if run.status == Status.RUNNING and 0 < run.progress < 1:
        parts.append(f"{duration(run.elapsed * (1 / run.progress - 1))} left")
    elif run.elapsed:
        parts.append(f"{duration(run.elapsed)} of work")
    parts += accuracy_words(latest)
    return " · ".join(parts)


def duration(seconds: float) -> str:
    """Seconds in words: ``0.4 s``, ``42 s``, ``3 min 05 s``, ``2 h 10 min``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def start(config: Config, *, force: bool = False) -> Run:
    """Submit a run, and remember whether a finished run answered, for the *cached* badge.

    Of an experiment of one's own, the code as it is now is run, which the page may not know yet.
    """
    run = submit(current(config), force)
    remember_cached([run])
    return run


def remember_cached(runs: Iterable[Run]) -> None:
    """Remember which of some submitted runs were finished already, for the *cached* badge."""
    known: frozenset[str] = st.session_state.get(CACHED_KEY, frozenset())
    for run in runs:
        known = known | {run.id} if run.cached else known - {run.id}
    st.session_state[CACHED_KEY] = known


def start_button(
    config: Config | None,
    label: str,
    *,
    key: str,
    force: bool = False,
    stretch: bool = False,
    primary: bool = True,
) -> Run | None:
    """A button that starts a run, and a worker that is ready for it.

    The run is submitted in the button's callback, so that a rerun between the click and the
    button (as the guard of ``mlcore.ui.navigation`` makes one) does not lose the click.

    Args:
        config: The config to run; None, while a form is invalid, disables the button.
        label: What the button says.
        key: Of the button.
        force: Train again even if a finished run exists.
        stretch: As wide as the column.
        primary: Whether it is the page's main button.

    Returns:
        The run, once, in the rerun that follows the click; else None.
    """
    spare_worker.keep_ready()
    started = f"{key}.started"
    st.button(
        label,
        type="primary" if primary else "secondary",
        icon=":material/play_arrow:" if primary else ":material/model_training:",
        width="stretch" if stretch else "content",
        disabled=config is None,
        help=None if config is not None else "A field needs another value.",
        key=key,
        on_click=_start,
        args=(config, force, started),
    )
    clicks.show_refusal()
    run_id: str | None = st.session_state.pop(started, None)
    return None if run_id is None else open_store().get(run_id)


def open_on_its_page(run: Run) -> NoReturn:
    """Go to the run's curves on the page of its experiment."""
    leave.leave_for(run.experiment, {"tab": "Train", "runs": run.id})


def _title(run: Run, label: str, stroke: str, *, with_id: bool = True) -> None:
    icon, badge_colour = _BADGES[run.status]
    word = f"{run.status}" if run.request is None else f"{run.request} requested"
    st.html(stroke, width="content")
    st.markdown(f"**{page.plain(label)}**" + f" `{run.id}`" * with_id, width="content")
    st.badge(word, icon=icon, color=badge_colour)
    if run.code_changed():
        st.badge(
            "code changed since",
            icon=":material/history:",
            color="orange",
            help="The source of its experiment was edited after this run: its code was "
            f"`{run.code}`. Start again for a run of the code as it is now.",
        )
    if run.deleted is not None:
        st.badge("in the trash", icon=":material/delete:", color="gray")
    if run.id in st.session_state.get(CACHED_KEY, frozenset()):
        st.badge("cached", icon=":material/bolt:", color="green", help="This config was run before")


def _buttons(run: Run, key: str, *, link: bool) -> None:
    status, asked = run.status, run.request is not None

    def button(label: str, icon: str, act: Callable[[Run], object], disabled: bool) -> None:
        st.button(
            label,
            icon=icon,
            key=f"{key}.{run.id}.{label}",
            on_click=clicks.act,
            args=(_act, run.id, act),
            disabled=disabled,
        )

    if run.deleted is not None:
        st.button(
            "Restore",
            icon=":material/restore_from_trash:",
            key=f"{key}.{run.id}.Restore",
            on_click=callbacks.undelete,
            args=([run.id],),
        )
        return
    if status.moving and run.source is None:
        button("Pause", ":material/pause:", Run.pause, asked)
    if run.resumable:
        button("Resume", ":material/play_arrow:", Run.resume, False)
    if status.live:
        button("Stop", ":material/stop:", Run.stop, asked)
    if _sealed(run) and not _openings(run):
        button("Examine on test", ":material/lock_open:", Run.examine, False)
    if link and (there := navigation.experiment_page(run.experiment)) is not None:
        st.page_link(
            there,
            label="Open",
            icon=":material/arrow_forward:",
            query_params={"tab": "Train", "runs": run.id},
        )
    if status != Status.RUNNING:
        st.button(
            "",
            icon=":material/delete:",
            type="tertiary",
            help="Delete this run; it can be undone.",
            key=f"{key}.{run.id}.Delete",
            on_click=callbacks.delete,
            args=([run.id],),
        )


def _start(config: Config, force: bool, started: str) -> None:
    def submit_and_remember() -> None:
        st.session_state[started] = start(config, force=force).id

    clicks.attempt(submit_and_remember)


def _act(run_id: str, act: Callable[[Run], object]) -> None:
    act(open_store().get(run_id))
