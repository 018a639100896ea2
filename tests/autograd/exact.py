"""Functions of one variable in a hundred digits: the truth about their derivatives."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal

import mpmath  # type: ignore[import-untyped]  # it ships no types
from hypothesis import strategies as st

DIGITS: Final = 250
STEP: Final = mpmath.mpf(10) ** -60

_MP: Final[dict[str, Any]] = {
    **{name: getattr(mpmath, name) for name in ("sin", "cos", "exp", "log", "sqrt", "tanh")},
    "abs": abs,
    "relu": lambda v: v if v > 0 else v * 0,
    "sigmoid": lambda v: 1 / (1 + mpmath.exp(-v)),
    "softplus": lambda v: mpmath.log(1 + mpmath.exp(v)),
}


@dataclass(frozen=True)
class Truth:
    """What is true of a function at a point.

    Attributes:
        value: f(x); None outside the domain.
        first: f′(x), where only one side is in the domain that side's; None where there is none.
        second: f″(x), likewise.
    """

    value: Any
    first: Any
    second: Any


def truth(text: str, x: float) -> Truth:
    """The value and the derivatives of ``text``, an expression in x, at a float64 number."""
    with mpmath.workdps(DIGITS):
        at = mpmath.mpf(x)
        step = STEP * (abs(at) if x else mpmath.mpf(1))
        value = _value(text, at)
        if value is None:
            return Truth(None, None, None)
        return Truth(
            value, _derivative(text, at, value, step, 1), _derivative(text, at, value, step, 2)
        )


def _derivative(text: str, x: Any, middle: Any, step: Any, order: Literal[1, 2]) -> Any:
    found = []
    for sign in (1, -1):
        pair = [_quotient(text, x, middle, sign * step / shrink, order) for shrink in (1, 1024)]
        if None in pair:
            continue
        size = max(abs(pair[0]), abs(pair[1]))
        if abs(pair[0] - pair[1]) > size * mpmath.mpf(10) ** -3 and size > mpmath.mpf(10) ** -25:
            return None  # no limit to this side
        found.append(pair[1])
    if not found:
        return None
    size = max(map(abs, found))
    if abs(found[0] - found[-1]) > size * mpmath.mpf(10) ** -6 and size > mpmath.mpf(10) ** -25:
        return None
    return found[0]


def _quotient(text: str, x: Any, middle: Any, h: Any, order: Literal[1, 2]) -> Any:
    near = _value(text, x + h)
    far = _value(text, x + 2 * h) if order == 2 else middle
    if near is None or far is None:
        return None
    return (near - middle) / h if order == 1 else (far - 2 * near + middle) / h**2


@lru_cache(maxsize=4096)
def _code(text: str) -> Any:
    return compile(text, "expression", "eval")


def _value(text: str, x: Any) -> Any:
    try:
        value = eval(_code(text), {"__builtins__": {}, **_MP}, {"x": x})  # noqa: S307  # our own text
    except (ValueError, ZeroDivisionError, OverflowError, TypeError):
        return None
    if isinstance(value, mpmath.mpc) or not mpmath.isfinite(value):
        return None
    return mpmath.mpf(value)


SMOOTH: Final = ("sin", "cos", "exp", "log", "sqrt", "tanh", "sigmoid", "softplus")
ROUGH: Final = (*SMOOTH, "abs", "relu")


def expressions(depth: int = 3) -> st.SearchStrategy[str]:
    """Random expressions in x that both this module and a program of autograd read."""
    simple = st.sampled_from(["x", "x", "x", "2", "0.5", "3", "1"])
    if depth == 0:
        return simple
    part = expressions(depth - 1)
    return st.one_of(
        simple,
        st.builds("{}({})".format, st.sampled_from(ROUGH), part.filter(lambda t: "x" in t)),
        st.builds("({} {} {})".format, part, st.sampled_from("+-*/"), part),
        st.builds(
            "({})**{}".format,
            part.filter(lambda t: "x" in t),
            st.sampled_from(["2", "3", "1.5", "0.5", "(-1)"]),
        ),
    ).filter(lambda t: len(t) < 120)


def points() -> st.SearchStrategy[float]:
    """Numbers of every size from 1e-12 to 1e12, and those at which functions have corners."""
    sizes = st.floats(-12, 12).map(lambda e: 10.0**e)
    return st.one_of(
        sizes, sizes.map(lambda v: -v), st.sampled_from([0.0, 1.0, -1.0, 2.0, 0.5, 3.0])
    )
