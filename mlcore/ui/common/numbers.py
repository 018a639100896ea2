"""Numbers and counts as text, for Markdown, LaTeX and the browser."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import torch

_SUPERSCRIPTS: Final = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def power(value: float, digits_: int = 2) -> str:
    """A number for Markdown: ``3.1·10⁻¹⁶`` where it is very small or large, else plain."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "∞" if value > 0 else "−∞"
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        return f"{value + 0.0:.{digits_ + 1}g}".replace("-", "−")
    mantissa, exponent = f"{value:.{digits_ - 1}e}".split("e")
    return f"{mantissa}·10{str(int(exponent)).translate(_SUPERSCRIPTS)}".replace("-", "−")


def plain_number(value: float) -> str:
    """A control's number for Markdown: ``-1.0`` becomes ``−1``."""
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


def rounded(values: torch.Tensor) -> list[float | None]:
    """Numbers with seven digits for the browser; non-finite ones become None."""
    return [float(f"{v:.7g}") if v - v == 0 else None for v in values.flatten().tolist()]
