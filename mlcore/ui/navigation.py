"""The menu of pages, and a guard against running a page without the dashboard.

Streamlit 1.67 serves the files of a folder ``pages/`` by itself until some session has called
``st.navigation``. A cold deep link, or a server restarted under an open tab, would so run
``pages/mnist.py`` without ``dashboard.py``: no menu, no set-up. ``enter`` notices that, calls
``st.navigation`` (which turns the old router off for good) and reruns the same page, with its
query parameters, through ``dashboard.py``. Only public names are needed.
"""

import re
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mlcore.experiments import EXPERIMENTS, own
from mlcore.ui.link_notes import notes_on_link
from mlcore.ui.location import ROOT
from mlcore.ui.plain_text import one_line, plain


@dataclass(frozen=True, slots=True)
class Chapter:
    """One entry of the menu.

    Attributes:
        file: Name of the page's file in ``pages/`` without ``.py``, and its path in the URL.
        title: What the menu writes.
        icon: A Material symbol.
        question: The one question the page answers.
        minutes: What a first reader needs for its page and the tasks there, about; 0 for Home.
    """

    file: str
    title: str
    icon: str
    question: str
    minutes: int

    @property
    def path(self) -> Path:
        """The page's file."""
        return ROOT / "pages" / f"{self.file}.py"


HOME: Final = Chapter(
    "home",
    "Home",
    ":material/home:",
    "What does gradient descent do, and why does it work?",
    0,
)
COURSE: Final = (
    Chapter(
        "autograd",
        "1 Automatic differentiation",
        ":material/account_tree:",
        "How does PyTorch know the gradient of a program?",
        10,
    ),
    Chapter(
        "regression",
        "2 Regression",
        ":material/show_chart:",
        "Why does a large learning rate diverge?",
        15,
    ),
    Chapter(
        "optimizers",
        "2b Optimizer race",
        ":material/flag:",
        "From one start, which optimizer reaches which minimum, at what cost?",
        10,
    ),
    Chapter(
        "normalization",
        "3 Normalization",
        ":material/equalizer:",
        "Which numbers share a mean and a variance, and what do you gain?",
        15,
    ),
    Chapter(
        "activations",
        "3b Activations and losses",
        ":material/timeline:",
        "What does a gradient lose on its way through a function?",
        10,
    ),
    Chapter(
        "convolution",
        "3c Convolution",
        ":material/grid_on:",
        "What does one cell of the output see?",
        10,
    ),
    Chapter(
        "initialization",
        "3d Initialization",
        ":material/casino:",
        "How must weights start so that signals and gradients survive many layers?",
        10,
    ),
    Chapter(
        "mnist",
        "4 MNIST",
        ":material/draw:",
        "How does a network learn to read digits, and what does it cost?",
        15,
    ),
    Chapter(
        "draw",
        "4b Draw a digit",
        ":material/gesture:",
        "What does a network see in your digit, and how small a change fools it?",
        5,
    ),
    Chapter(
        "inside",
        "4c Inside",
        ":material/biotech:",
        "What did the network learn, and where does it make mistakes?",
        15,
    ),
    Chapter(
        "generalization",
        "4d Generalization",
        ":material/stacked_line_chart:",
        "Why does a model that fits its training data better do worse on new data?",
        15,
    ),
    Chapter(
        "runs",
        "5 Runs",
        ":material/table_rows:",
        "Which runs have I made, and which is the best?",
        10,
    ),
    Chapter(
        "compare",
        "5b Compare",
        ":material/compare_arrows:",
        "Is one run better than another, or was it luck?",
        10,
    ),
    Chapter(
        "sweeps",
        "6 Sweeps",
        ":material/tune:",
        "Which settings matter, and which are best?",
        15,
    ),
)
"""The course in order; a chapter whose page does not exist yet is not shown."""

_inside: ContextVar[bool] = ContextVar("inside_dashboard", default=False)
_room: ContextVar[DeltaGenerator | None] = ContextVar("room_under_the_question", default=None)


def run(end: Callable[[Chapter, DeltaGenerator | None], object]) -> None:
    """Show the menu and run the page of the URL. Called only by ``dashboard.py``.

    Args:
        end: Draws the end of every page; gets the page's chapter and its room under the question.
    """
    page = _navigation()
    token, room = _inside.set(True), _room.set(None)
    try:
        with notes_on_link():
            page.run()
        chapter = next((one for one in (HOME, *COURSE) if one.title == page.title), None)
        if chapter is not None and page.url_path not in own_paths().values():
            end(chapter, _room.get())
    finally:
        _room.reset(room)
        _inside.reset(token)


def whole_page() -> bool:
    """Whether the whole page runs, not only a fragment of it."""
    return _inside.get()


def leave_room() -> None:
    """Reserve a place under the page's header, which ``end_of_page`` may fill."""
    _room.set(st.container(key="under.question"))


def neighbours(chapter: Chapter) -> tuple[Chapter | None, Chapter | None]:
    """The previous and the next page; None where there is none."""
    pages = (HOME, *chapters())
    place = pages.index(chapter)
    after = pages[place + 1] if place + 1 < len(pages) else None
    return (pages[place - 1] if place else None), after


def enter() -> None:
    """Check that the page runs inside the dashboard; each page calls this first."""
    if not _inside.get():
        _navigation()
        st.rerun()


def chapters() -> tuple[Chapter, ...]:
    """The chapters that have a page."""
    return tuple(chapter for chapter in COURSE if chapter.path.exists())


def has_page(file: str) -> bool:
    """Whether there is a page of that name."""
    return any(chapter.file == file for chapter in chapters())


def page(file: str) -> st.Page:
    """The page of that file, for ``st.page_link`` and ``st.switch_page``."""
    chapter = next(chapter for chapter in (HOME, *COURSE) if chapter.file == file)
    home = chapter is HOME
    return st.Page(
        chapter.path,
        title=chapter.title,
        icon=chapter.icon,
        default=home,
        # The default page lives at the root but reserves its path, which the alias below needs.
        url_path="root" if home else chapter.file,
    )


def own_paths() -> dict[str, str]:
    """The paths in the URL of the pages of one's own experiments, by name."""
    paths: dict[str, str] = {}
    for name in own():
        path = f"experiment-{re.sub(r'[^A-Za-z0-9_-]+', '-', name)}"
        while path in paths.values():
            path += "-"
        paths[name] = path
    return paths


def experiment_page(experiment: str) -> st.Page | None:
    """The page of an experiment, mlcore's or one's own; None where it has none."""
    if experiment in EXPERIMENTS:
        return page(experiment) if has_page(experiment) else None
    path = own_paths().get(experiment)
    return None if path is None else _own_page(experiment, path)


def _own_page(name: str, path: str) -> st.Page:
    def show() -> None:
        from mlcore.ui.own import experiment  # it stands on this module

        experiment.show(name)

    return st.Page(show, title=plain(one_line(name, 60)), icon=":material/science:", url_path=path)


def compare_link(run_ids: Iterable[str]) -> None:
    """A link to Compare with these runs, where there is that page."""
    if has_page("compare"):
        st.page_link(
            page("compare"),
            label="Compare these runs",
            icon=":material/compare_arrows:",
            query_params={"runs": ",".join(run_ids)},
        )


def _navigation() -> st.Page:
    # An emoji, and before the menu: else the browser asks a server of Google's for the page's own
    # Material symbol, to show it on the tab.
    st.set_page_config(page_icon="📉", layout="wide")
    course = [page(chapter.file) for chapter in chapters()]
    alias = st.Page(_go_home, title=HOME.title, url_path=HOME.file, visibility="hidden")
    yours = [_own_page(name, path) for name, path in own_paths().items()]
    more = {"Your experiments": yours} if yours else {}
    return st.navigation({"": [page(HOME.file), alias], "Course": course, **more})


def _go_home() -> None:
    """Redirect ``/home`` to the root, where Home is."""
    st.switch_page(page(HOME.file))
