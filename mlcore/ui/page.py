"""The parts of every page: header, columns, prose, code and error sentences.

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

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mlcore.charts import palette
from mlcore.core import Config, MlcoreError
from mlcore.ui import navigation
from mlcore.ui.common.assets import asset
from mlcore.ui.location import ROOT
from mlcore.ui.plain_text import one_line, plain

__all__ = [
    "as_code",
    "columns",
    "config_as_code",
    "error",
    "explain",
    "header",
    "ink",
    "one_line",
    "plain",
    "prose",
    "sentences",
    "text",
    "whole_number",
]

_CODE = {
    "keyword": palette.VALUE,
    "parameter": palette.VALUE,
    "string": palette.GOOD,
    "number": palette.GRADIENT,
    "boolean": palette.GRADIENT,
    "comment": palette.THEORY,
}
"""Colours of the words of code; Streamlit's own have 2.2 to 3.7 of contrast."""


def header(title: str, question: str) -> None:
    """Begin a page: its title, and below it the question the page answers.

    This must be the page's first call: it also brings a page that Streamlit serves alone back
    into the dashboard (see ``mlcore.ui.navigation``).
    """
    navigation.enter()
    st.html(f"<style>{_css()}</style>")
    st.title(title, anchor=False)
    st.markdown(f"##### {question}")
    navigation.leave_room()


def columns(*, follow: bool = True) -> tuple[DeltaGenerator, DeltaGenerator]:
    """Two columns: controls (one third) and picture (two thirds).

    Args:
        follow: On a narrow screen the picture comes first and stays in view, in the upper part of
            the screen, while the controls scroll below it. False for what is no picture but a
            long list: then the controls come first and it follows.
    """
    controls, picture = st.columns([1, 2], gap="large")
    if follow:
        picture.html('<i class="picture-follows"></i>')  # what page.css finds the column by
    return controls, picture


@functools.cache
def _css() -> str:
    """The styles of every page, and readable colours for the text of charts (SVG)."""
    rules = [asset("page.css")]
    for colour in palette.WRITTEN:
        light, dark = palette.readable(colour)
        rules.append(f'.vega-embed text[fill="{colour}"] {{ fill: light-dark({light}, {dark}); }}')
    for token, colour in _CODE.items():
        light, dark = palette.readable(colour)
        rules.append(f".stCode .token.token.{token} {{ color: light-dark({light}, {dark}); }}")
    return "\n".join(rules)


def text(name: str) -> str:
    """The Markdown of ``pages/text/<name>.md``, in UTF-8."""
    return (ROOT / "pages" / "text" / f"{name}.md").read_text(encoding="utf-8")


def prose(name: str) -> None:
    """Show ``pages/text/<name>.md``; formulas in it stand between dollar signs."""
    st.markdown(text(name))


def explain(label: str, name: str, *, key: str) -> None:
    """Show ``pages/text/<name>.md`` in an expander, for details."""
    with st.expander(label, key=key):
        prose(name)


def as_code(python: str, command: str | None = None, *, key: str) -> None:
    """Show the code of what is on the page, as Python and as a command.

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


def whole_number(
    label: str,
    low: int,
    high: int,
    value: int,
    *,
    key: str,
    help: str | None = None,  # noqa: A002 - as Streamlit calls it
    label_visibility: Literal["visible", "collapsed"] = "visible",
) -> int:
    """A box for a whole number, stored in the URL.

    ``st.number_input`` with whole numbers ends the page with an OverflowError where the URL says
    ``inf`` or ``1e400`` (Streamlit 1.67); with floats it takes its default instead.
    """
    found: float = st.number_input(
        label,
        float(low),
        float(high),
        float(value),
        step=1.0,
        format="%.0f",
        help=help,
        label_visibility=label_visibility,
        key=key,
        bind="query-params",
    )
    return round(found)


def ink() -> str:
    """The text colour of this tab's theme, for numbers in a chart."""
    theme = palette.DARK if st.context.theme.type == "dark" else palette.LIGHT
    return theme["text"]


def error(problem: Exception | str) -> None:
    """Show a problem as a sentence; never a traceback."""
    st.error(plain(str(problem)), icon=":material/error:")


@contextmanager
def sentences() -> Iterator[None]:
    """Show mlcore's errors (``MlcoreError``) raised inside as a sentence, and continue below.

    Anything else is a fault of the program and is raised as it is.
    """
    try:
        yield
    except MlcoreError as problem:
        error(problem)
