"""What the four pages share: real digits, torch's refusals in words, charts and agreement."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from mlcore.layers import explain
from mlcore.ui import page

if TYPE_CHECKING:
    import pandas as pd
    import torch

EPSILONS: Final = (1e-12, 1e-8, 1e-5, 1e-3, 1e-2, 0.1, 1.0)
_ROUNDING: Final = 1e-6
_REFUSED: Final = "layers.refused"


def tabs(parts: Mapping[str, Callable[[], None]]) -> None:
    """Tabs named in the URL; only the open one is drawn, and a control in it redraws no more."""
    names = list(parts)
    for tab, name in zip(st.tabs(names, key="tab", bind="query-params"), names, strict=True):
        if tab.open:
            with tab:
                st.fragment(one_thread()(parts[name]), key=f"layers.{name}")()


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute with one torch thread; as a decorator, for the whole function.

    The tensors of a page are small: with two threads on two busy cores they take up to 18 times the
    CPU time, for OpenMP's threads spin while they wait for each other.
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


@contextmanager
def refusals() -> Iterator[None]:
    """Show what torch refuses inside: its own text, the reason and the mend.

    An error that no setting of a layer brings about is a fault of the program and is raised.
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
    """A button's callback; one of our own errors is kept for ``show_refused``."""

    def callback() -> None:
        try:
            act()
        except page.SENTENCES as error:
            st.session_state[_REFUSED] = str(error)

    return callback


def show_refused() -> None:
    """Show the sentence with which the last click was refused, once."""
    if (sentence := st.session_state.pop(_REFUSED, None)) is not None:
        page.error(sentence)


def chart(spec: Mapping[str, Any], rows: pd.DataFrame, *, key: str) -> None:
    """Draw rows with a spec made once (see ``mlcore.charts.specs``)."""
    drawn = {name: part for name, part in spec.items() if name != "description"}
    st.vega_lite_chart(rows, drawn, alt=str(spec["description"]), key=key)


def agreement(difference: float, what: str, size: float = 1.0) -> None:
    """Say how far the hand-made numbers are from torch's.

    Args:
        difference: The largest |Δ|.
        what: What was compared, to begin the sentence.
        size: The largest number compared: the bound for agreement is 10⁻⁶ of it.
    """
    good = difference <= _ROUNDING * max(size, 1e-300)
    mark = ":material/check_circle:" if good else ":material/warning:"
    words = "they agree" if good else "**they differ**"
    st.caption(f"{mark} {what}: by hand and by PyTorch, max|Δ| = {power(difference)}: {words}.")


def power(value: float, digits_: int = 2) -> str:
    """A number for Markdown: ``3.1·10⁻¹⁶`` where zeros would blur, else plain."""
    if value == 0 or 1e-3 <= abs(value) < 1e5 or value != value:
        return f"{value:.{digits_ + 1}g}"
    mantissa, exponent = f"{value:.{digits_ - 1}e}".split("e")
    small = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{mantissa}·10{small}"


def latex(value: float, digits_: int = 4) -> str:
    """A number for LaTeX, in brackets where its sign would stand beside another."""
    if value != value:
        return r"\text{NaN}"
    if value == 0 or 1e-4 <= abs(value) < 1e5:
        return f"{value:.{digits_}g}"
    mantissa, exponent = f"{value:.{digits_ - 1}e}".split("e")
    return rf"{mantissa}\cdot 10^{{{int(exponent)}}}"


def bracketed(value: float, digits_: int = 4) -> str:
    """``latex``, in brackets where it is negative."""
    text = latex(value, digits_)
    return f"({text})" if text.startswith("-") else text


def table(columns: Mapping[str, Iterable[object]]) -> None:
    """A table whose words wrap, unlike those of ``st.dataframe``; cells are Markdown."""
    rows = zip(*columns.values(), strict=True)
    lines = [
        "| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in rows
    ]
    head = "| " + " | ".join(name.replace("|", "\\|") for name in columns) + " |"
    st.markdown("\n".join([head, "|" + " --- |" * len(columns), *lines]))


def legend(colours: Mapping[str, str]) -> None:
    """Names beside dots of their colours."""
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
