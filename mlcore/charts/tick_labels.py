"""Number formats of axes: expressions for Vega-Lite's ``labelExpr``."""

from __future__ import annotations

from typing import Final

PLAIN: Final = "format(datum.value, '~g')"
"""Six significant digits without zeros at the end: 10 beside 8, never 1e+1."""

_EXPONENT: Final = "round(log(datum.value) / LN10)"
_DIGITS: Final = "['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹']"
POWERS: Final = (
    f"abs(log(datum.value) / LN10 - {_EXPONENT}) > 1e-6 ? {PLAIN} : "
    f"{_EXPONENT} == 0 ? '1' : {_EXPONENT} == 1 ? '10' : "
    f"'10' + ({_EXPONENT} < 0 ? '⁻' : '') + "
    f"(abs({_EXPONENT}) < 10 ? '' : {_DIGITS}[floor(abs({_EXPONENT}) / 10)]) + "
    f"{_DIGITS}[abs({_EXPONENT}) % 10]"
)
"""For a logarithmic axis: 1, 10, 10², 10⁻⁷; what is no power of ten as ``PLAIN``."""
