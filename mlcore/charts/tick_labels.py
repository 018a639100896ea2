"""Number formats of axes: expressions for Vega-Lite's ``labelExpr``."""

from __future__ import annotations

from typing import Final

PLAIN: Final = "format(datum.value, '~g')"
"""Six significant digits without zeros at the end: 10 beside 8, never 1e+1."""

_EXPONENT: Final = "round(log(datum.value) / LN10)"
_DIGITS: Final = "['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹']"
_DIGIT: Final = "datum.value / pow(10, floor(log(datum.value) / LN10 + 1e-6))"
_OTHER: Final = f"abs({_DIGIT} - 2) < 1e-6 || abs({_DIGIT} - 5) < 1e-6 ? {PLAIN} : ''"
POWERS: Final = (
    f"abs(log(datum.value) / LN10 - {_EXPONENT}) > 1e-6 ? ({_OTHER}) : "
    f"{_EXPONENT} == 0 ? '1' : {_EXPONENT} == 1 ? '10' : "
    f"'10' + ({_EXPONENT} < 0 ? '⁻' : '') + "
    f"(abs({_EXPONENT}) < 10 ? '' : {_DIGITS}[floor(abs({_EXPONENT}) / 10)]) + "
    f"{_DIGITS}[abs({_EXPONENT}) % 10]"
)
"""For a logarithmic axis: 1, 10, 10², 10⁻⁷; 2 and 5 times them as ``PLAIN``; other ticks bare.

An empty label takes no room, so Vega thins out only those that are read.
"""
