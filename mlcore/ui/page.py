"""Parts that every page is laid out with: header, columns, prose, code and error sentences.

A page reads, from top to bottom::

    from mlcore.ui import page

    page.header("Regression", "Why does a large learning rate diverge?")
    controls, picture = page.columns()
    with controls:
        ...  # widgets
    with picture, page.sentences():
        ...  # one call of mlcore, one chart
    page.prose("regression")  # pages/text/regression.md
    page.as_code(script, "mlcore run regression --lr 0.1", key="code")
"""

import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mlcore.charts import palette
from mlcore.core import (
    Config,
    ConfigError,
    DataUnavailableError,
    DivergenceError,
    EngineError,
    RunNotFoundError,
    RunStateError,
    SnapshotError,
    StoreError,
)
from mlcore.ui import navigation
from mlcore.ui.location import ROOT

SENTENCES = (
    ConfigError,
    DataUnavailableError,
    DivergenceError,
    EngineError,
    RunNotFoundError,
    RunStateError,
    SnapshotError,
    StoreError,
)
"""The errors whose text is written for the person before the screen."""

_RIGHT_TO_LEFT: Final = frozenset({"R", "AL", "AN"})
_TURNING: Final = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})


def header(title: str, question: str) -> None:
    """Begin a page: its title, and below it the one question the page answers.

    This must be the page's first call: it also brings a page that Streamlit serves alone back
    into the dashboard (see ``mlcore.ui.navigation``).
    """
    navigation.enter()
    st.title(title, anchor=False)
    st.markdown(f"##### {question}")


def columns() -> tuple[DeltaGenerator, DeltaGenerator]:
    """Controls on the left third, the picture on the right two thirds.

    On a narrow screen the controls come first and the picture follows.
    """
    controls, picture = st.columns([1, 2], gap="large")
    return controls, picture


def text(name: str) -> str:
    """The Markdown of ``pages/text/<name>.md``, in UTF-8."""
    return (ROOT / "pages" / "text" / f"{name}.md").read_text(encoding="utf-8")


def prose(name: str) -> None:
    """Show ``pages/text/<name>.md``; formulas in it stand between dollar signs."""
    st.markdown(text(name))


def explain(label: str, name: str, *, key: str) -> None:
    """Show ``pages/text/<name>.md`` folded under a label, for what not everybody needs."""
    with st.expander(label, key=key):
        prose(name)


def as_code(python: str, command: str | None = None, *, key: str) -> None:
    """Show the text that gives exactly what is on the screen, as Python and as a command.

    Args:
        python: A whole script, imports included.
        command: A line for the shell, or None where there is no command for it.
        key: Unique on the page.
    """
    names = ["as Python"] if command is None else ["as Python", "as a command"]
    tabs = st.tabs(names, key=key)
    tabs[0].code(python, language="python", wrap_lines=True)
    if command is not None:
        tabs[1].code(command, language="shell", wrap_lines=True)


def config_as_code(config: Config, *, key: str) -> None:
    """``as_code`` for a run of a config."""
    as_code(f"{config.imports()}\n\nrun = {config.as_python()}", config.as_command(), key=key)


def ink() -> str:
    """Colour of text in the theme that this tab shows, for numbers written into a chart."""
    theme = palette.DARK if st.context.theme.type == "dark" else palette.LIGHT
    return theme["text"]


def plain(sentence: str) -> str:
    """Keep Markdown from reading signs into what a person typed."""
    return "".join(f"\\{sign}" if sign in r"\`*_[]$#<>~:&|" else sign for sign in sentence)


def one_line(typed: str, limit: int = 80) -> str:
    """What a person typed as one line of plain text, for widgets, tables and charts.

    Line breaks become spaces, and what is longer is cut with an ellipsis. Text that runs from right
    to left is put between the Unicode signs FSI and PDI, and invisible signs that turn the order
    of writing are left out, so that it cannot turn around what stands beside it.
    """
    line = " ".join(typed.split())
    line = "".join(sign for sign in line if unicodedata.bidirectional(sign) not in _TURNING)
    if len(line) > limit:
        line = line[: limit - 1].rstrip() + "…"
    if any(unicodedata.bidirectional(sign) in _RIGHT_TO_LEFT for sign in line):
        return f"\u2068{line}\u2069"
    return line


def error(problem: Exception | str) -> None:
    """Show a problem as a sentence; never a traceback."""
    st.error(plain(str(problem)), icon=":material/error:")


@contextmanager
def sentences() -> Iterator[None]:
    """Show our own errors (``SENTENCES``) raised inside as a sentence, and go on below.

    Anything else is a fault of the program and is raised as it is.
    """
    try:
        yield
    except SENTENCES as problem:
        error(problem)
