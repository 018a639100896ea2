"""What the pages of chapter 3 share: digits, torch's errors explained, charts, number formats."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mlcore.layers import explain
from mlcore.ui import page

if TYPE_CHECKING:
    import pandas as pd
    import torch

EPSILONS: Final = (1e-12, 1e-8, 1e-5, 1e-3, 1e-2, 0.1, 1.0)
ROUNDING: Final = 1e-6
"""Relative difference up to which two numbers count as the same but for rounding."""
Value = TypeVar("Value")
_REFUSED: Final = "layers.refused"
_RENAMED_TABS: Final = {"What it buys": "What you gain"}
"""Tabs by the names that older links use."""
_SUPERSCRIPTS: Final = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def tabs(parts: Mapping[str, Callable[[], None]]) -> None:
    """Tabs named in the URL; only the open one is drawn, and a control in it redraws no more."""
    names = list(parts)
    renamed = _RENAMED_TABS.get(st.query_params.get("tab", ""))
    first = renamed if renamed in names else names[0]
    opened = st.tabs(names, default=first, key="tab", bind="query-params")
    for tab, name in zip(opened, names, strict=True):
        if tab.open:
            with tab:
                st.fragment(one_thread()(parts[name]), key=f"layers.{name}")()


def picked(chosen: Value | None, otherwise: Value) -> Value:
    """What a required choice holds; where the URL gives it an empty parameter it holds None."""
    return otherwise if chosen is None else chosen


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute with one torch thread; also a decorator.

    The tensors of a page are small. With two threads on two busy cores they take up to 18 times the
    CPU time, since OpenMP's threads spin while they wait for each other.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@st.cache_resource(max_entries=8, show_spinner="Reading the digits…")
def digits(count: int, start: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Real test digits: normalized images float64 ``[count, 28, 28]`` and labels. Read only."""
    from mlcore.mnist import load

    data = load("mnist")
    images = data.test_images[start : start + count].double() / 255
    return (images - data.mean) / data.std, data.test_labels[start : start + count]


@st.cache_resource(max_entries=1, show_spinner="Reading the digits…")
def pixels() -> torch.Tensor:
    """The first hundred test digits as they are, float64 ``[100, 28, 28]`` in 0 to 1."""
    from mlcore.mnist import load

    return load("mnist").test_images[:100].double() / 255


@st.cache_data(max_entries=1, show_spinner=False)
def labels() -> list[int]:
    """Which digits the images of ``pixels`` are."""
    from mlcore.mnist import load

    found: list[int] = load("mnist").test_labels[:100].tolist()
    return found


@contextmanager
def refusals() -> Iterator[None]:
    """Show an error of torch raised inside: its own text, why, and what to do.

    An error that no setting of a layer leads to is a fault of the program and is raised.
    """
    try:
        yield
    except (ValueError, RuntimeError) as error:
        refusal = explain(error)
        if refusal is None:
            raise
        st.error(f"PyTorch says: **{page.plain(refusal.said)}**", icon=":material/block:")
        st.markdown(f"**Why.** {refusal.meaning}\n\n**What to do.** {refusal.mend}")


def acting(act: Callable[[], object]) -> Callable[[], None]:
    """A button's callback; if it raises one of our own errors, ``show_refused`` shows it."""

    def callback() -> None:
        try:
            act()
        except page.SENTENCES as error:
            st.session_state[_REFUSED] = str(error)

    return callback


def show_refused() -> None:
    """Show, once, the error that the last click ended with."""
    if (sentence := st.session_state.pop(_REFUSED, None)) is not None:
        page.error(sentence)


def chart(spec: Mapping[str, Any], rows: pd.DataFrame, *, key: str) -> None:
    """Draw rows with a spec made once (see ``mlcore.charts.specs``)."""
    drawn = {name: part for name, part in spec.items() if name != "description"}
    st.vega_lite_chart(rows, drawn, alt=str(spec["description"]), key=key)


def agreement(difference: float, what: str, size: float = 1.0) -> None:
    """Say how far the numbers computed by hand are from torch's.

    Args:
        difference: The largest |Δ|; NaN where some of the numbers are not finite.
        what: What was compared, to begin the sentence.
        size: The largest number compared: the bound for agreement is 10⁻⁶ of it.
    """
    if not (math.isfinite(difference) and math.isfinite(size)):
        st.caption(
            f":material/help: {what}: **not compared**, since some of the numbers are infinite or "
            "NaN."
        )
        return
    good = difference <= ROUNDING * max(size, 1e-300)
    mark = ":material/check_circle:" if good else ":material/warning:"
    words = "they agree" if good else "**they differ**"
    st.caption(f"{mark} {what}: by hand and by PyTorch, max|Δ| = {power(difference)}: {words}.")


def power(value: float, digits_: int = 2) -> str:
    """A number for Markdown: ``3.1·10⁻¹⁶`` where it is very small or large, else plain."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "∞" if value > 0 else "−∞"
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        return f"{value + 0.0:.{digits_ + 1}g}".replace("-", "−")
    mantissa, exponent = f"{value:.{digits_ - 1}e}".split("e")
    return f"{mantissa}·10{str(int(exponent)).translate(_SUPERSCRIPTS)}".replace("-", "−")


def plain_number(value: float) -> str:
    """A number that a control was set to, for Markdown: ``-1.0`` becomes ``−1``."""
    return f"{value + 0.0:g}".replace("-", "−")


def counted(count: int, thing: str, things: str | None = None) -> str:
    """A count with its noun: ``1 cell``, ``2 cells``.

    Args:
        count: How many.
        thing: The noun for one.
        things: For any other number; with an s if not given.
    """
    return f"{count:,} {thing if count == 1 else things or thing + 's'}"


def every(count: int, thing: str) -> str:
    """``All 256 cells``, or ``The only cell``."""
    return f"The only {thing}" if count == 1 else f"All {counted(count, thing)}"


def compact() -> DeltaGenerator:
    """A row of small controls, which stand side by side on a narrow screen too."""
    return st.container(horizontal=True, gap="small", vertical_alignment="bottom")


def latex(value: float, digits_: int = 4) -> str:
    """A number for LaTeX."""
    if not math.isfinite(value):
        return r"\text{NaN}" if math.isnan(value) else r"\infty" if value > 0 else r"-\infty"
    if value == 0 or 1e-4 <= abs(value) < 1e5:
        return f"{value + 0.0:.{digits_}g}"
    mantissa, exponent = f"{value:.{digits_ - 1}e}".split("e")
    return rf"{mantissa}\cdot 10^{{{int(exponent)}}}"


def bracketed(value: float, digits_: int = 4) -> str:
    """``latex``, in brackets where it is negative."""
    text = latex(value, digits_)
    return f"({text})" if text.startswith("-") else text


def table(columns: Mapping[str, Iterable[object]]) -> None:
    """A table whose words wrap (those of ``st.dataframe`` do not); cells are Markdown."""
    rows = zip(*columns.values(), strict=True)
    lines = [
        "| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in rows
    ]
    head = "| " + " | ".join(name.replace("|", "\\|") for name in columns) + " |"
    st.markdown("\n".join([head, "|" + " --- |" * len(columns), *lines]))


def legend(colours: Mapping[str, str]) -> None:
    """A legend: names beside dots of their colours."""
    dots = "".join(
        '<span style="white-space:nowrap;margin-right:1rem"><span style="display:inline-block;'
        f"width:.8rem;height:.8rem;border-radius:50%;background:{colour};margin-right:.3rem"
        f'"></span>{name}</span>'
        for name, colour in colours.items()
    )
    st.html(f'<div style="font-size:.875rem">{dots}</div>')


def rounded(values: torch.Tensor) -> list[float | None]:
    """Seven digits of each number for the browser; what is no finite number becomes None."""
    return [float(f"{v:.7g}") if v - v == 0 else None for v in values.flatten().tolist()]
