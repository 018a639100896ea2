"""The tasks of a page: a row under its header, and links to the next page at its end.

A page gives its state wherever it has it, also inside a fragment::

    from mlcore.course import convolution
    from mlcore.ui import tasks

    tasks.look("convolution", convolution.State(result))

Solved tasks are stored in the store and cached in the session: a moved slider asks the store
nothing. Only a task that is solved for the first time writes, and is then announced.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mlcore.core import StoreError
from mlcore.course import KEYS, Task, tasks_of
from mlcore.ui import navigation
from mlcore.ui.navigation import Chapter

_PROGRESS: Final = "tasks.progress"
_STYLE: Final = "<style>.st-key-tasks-row { min-height: 2.5rem; }</style>"


@dataclass(slots=True)
class Progress:
    """The solved tasks as this session knows them.

    Attributes:
        solved: Keys of the solved tasks by chapter.
        news: Tasks that were solved just now and are to be announced.
        trouble: Why the store cannot save them, or ``""``.
    """

    solved: dict[str, set[str]] = field(default_factory=dict)
    news: list[Task[Any]] = field(default_factory=list)
    trouble: str = ""


def look(chapter: str, state: object) -> None:
    """Check the unsolved tasks against what the page shows.

    Call it last in a tab or a fragment: when a fragment solves a task, the whole page reruns, so
    that the row under the header shows it.

    Args:
        chapter: The page's file, a key of ``mlcore.course.KEYS``.
        state: As the chapter's checks take it.
    """
    known = solved(chapter)
    if len(known) >= len(KEYS[chapter]):
        return
    new = [task for task in tasks_of(chapter) if task.key not in known and task.check(state)]
    if not new:
        return
    progress = _progress()
    progress.solved.setdefault(chapter, set()).update(task.key for task in new)
    progress.news += new
    _keep(chapter, new)
    if not navigation.whole_page():
        st.rerun()


def solved(chapter: str) -> frozenset[str]:
    """Keys of the tasks of a chapter that are solved."""
    return frozenset(_progress().solved.get(chapter, ())) & frozenset(KEYS[chapter])


def count(chapter: str) -> tuple[int, int]:
    """How many of a chapter's tasks are solved, and how many there are."""
    return len(solved(chapter)), len(KEYS.get(chapter, ()))


@dataclass(frozen=True, slots=True)
class Beginning:
    """Where to start or continue, and the button's text."""

    chapter: Chapter
    words: str


def next_chapter() -> Beginning:
    """The first chapter for a newcomer, else the first with an unsolved task.

    Its button says ``Start with chapter 1 (10 min)`` or ``Continue with chapter 2 (15 min)``.
    """
    course = navigation.chapters()
    counts = {chapter.file: count(chapter.file) for chapter in course}
    some = any(done for done, _ in counts.values())
    chapter = next((one for one in course if counts[one.file][0] < counts[one.file][1]), course[0])
    number = chapter.title.split()[0]
    words = f"{'Continue' if some else 'Start'} with chapter {number} ({chapter.minutes} min)"
    return Beginning(chapter, words)


def read_again() -> None:
    """Drop the session's copy, so that tasks solved in other tabs count too."""
    known: Progress | None = st.session_state.get(_PROGRESS)
    if known is not None and not known.trouble:  # else what is solved is nowhere but here
        del st.session_state[_PROGRESS]


def end_of_page(chapter: Chapter, room: DeltaGenerator | None) -> None:
    """Show the tasks under the header, and links at the end of the page.

    Args:
        chapter: Whose page it is.
        room: The room, or None where the page left none.
    """
    if room is not None and chapter.file in KEYS:
        with room:
            _row(chapter.file)
    st.divider()
    before, after = navigation.neighbours(chapter)
    with st.container(horizontal=True, horizontal_alignment="distribute", key="neighbours"):
        if before is not None:
            st.page_link(
                navigation.page(before.file),
                label=f"Previous: {before.title}",
                icon=":material/arrow_back:",
            )
        if after is not None:
            st.page_link(
                navigation.page(after.file),
                label=f"Next: {after.title}",
                icon=":material/arrow_forward:",
                icon_position="right",
            )


def _row(chapter: str) -> None:
    tasks, known = tasks_of(chapter), solved(chapter)
    following = next((task for task in tasks if task.key not in known), None)
    st.html(_STYLE)
    with st.container(horizontal=True, vertical_alignment="center", key="tasks-row"):
        with st.popover(f"Tasks: {len(known)} of {len(tasks)}", key="tasks.all"):
            _list(tasks, known)
        words = "All solved." if following is None else f"**Try this:** {following.goal}"
        st.markdown(words, help=(following.hint or None) if following else None)
    _announce()


def _list(tasks: Sequence[Task[Any]], known: frozenset[str]) -> None:
    for number, task in enumerate(tasks, 1):
        if task.key in known:
            st.markdown(
                f":green[:material/check_circle:] **{number}. {task.goal}**  \n{task.shows}"
            )
        else:
            st.markdown(
                f":material/radio_button_unchecked: **{number}. {task.goal}**",
                help=task.hint or None,
            )
    trouble = _progress().trouble
    words = (
        f"Your solutions count until this tab is closed; they could not be saved. {trouble}"
        if trouble
        else "The page notices when a task is solved and remembers it."
    )
    st.markdown(f":small[{words}]")


def _announce() -> None:
    """Announce, once, the tasks that were just solved."""
    progress = _progress()
    for task in progress.news:
        st.toast(
            f"**Solved: {task.goal}**  \n{task.shows}",
            icon=":material/check_circle:",
            duration="long",
        )
    progress.news = []


def _progress() -> Progress:
    """The session's copy of the solved tasks, read from the store the first time."""
    known: Progress | None = st.session_state.get(_PROGRESS)
    if known is None:
        known = st.session_state[_PROGRESS] = _read()
    return known


def _read() -> Progress:
    from mlcore.runs import open_store
    from mlcore.runs.store.progress import solved_tasks

    try:
        found = solved_tasks(open_store())
    except StoreError as problem:
        return Progress(trouble=str(problem))
    return Progress({chapter: set(keys) for chapter, keys in found.items()})


def _keep(chapter: str, new: Sequence[Task[Any]]) -> None:
    from mlcore.runs import open_store
    from mlcore.runs.store.progress import remember_solved

    progress = _progress()
    try:
        remember_solved(open_store(), chapter, [task.key for task in new])
    except StoreError as problem:
        progress.trouble = str(problem)
    else:
        progress.trouble = ""
