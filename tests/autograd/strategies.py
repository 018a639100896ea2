"""Random programs with scalars, vectors and matrices, as text."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from hypothesis import strategies as st

from mlcore.autograd.inputs import Nested

SCALARS = ("x", "y", "w")
VECTORS = ("u", "v")
ELEMENTWISE = (
    *("sin", "cos", "tan", "exp", "log", "sqrt", "abs"),
    *("relu", "sigmoid", "tanh", "softplus"),
)
numbers = st.floats(-2.5, 2.5).map(lambda x: round(x, 2))
constants = st.sampled_from(["1", "2", "3", "0.5", "1.5"])


@dataclass(frozen=True)
class Given:
    """A program with a value for each leaf it might read."""

    text: str
    leaves: dict[str, Nested]


@lru_cache
def _scalar(depth: int) -> st.SearchStrategy[str]:
    simple = st.one_of(
        st.sampled_from(SCALARS),
        st.sampled_from(SCALARS),
        constants,
        st.sampled_from(["u[0]", "v[1]", "A[0,1]", "A[1][0]"]),
    )
    if depth == 0:
        return simple
    s, v = _scalar(depth - 1), _vector(depth - 1)
    return st.one_of(
        simple,
        st.builds("({} {} {})".format, s, st.sampled_from(["+", "-", "*", "/"]), s),
        st.builds("({})**{}".format, s, st.sampled_from(["2", "3", "0.5", "-1"])),
        st.builds("-{}".format, s),
        st.builds("{}({})".format, st.sampled_from(ELEMENTWISE), s),
        st.builds(
            "{}({})".format, st.sampled_from(["sum", "mean", "max", "min"]), v.filter(_is_tensor)
        ),
        st.builds("dot({}, {})".format, v.filter(_is_tensor), v.filter(_is_tensor)),
        st.builds("mse({}, {})".format, v.filter(_is_tensor), v.filter(_is_tensor)),
    )


@lru_cache
def _vector(depth: int) -> st.SearchStrategy[str]:
    simple = st.sampled_from([*VECTORS, "A[0]"])
    if depth == 0:
        return simple
    s, v = _scalar(depth - 1), _vector(depth - 1)
    return st.one_of(
        simple,
        st.builds("({} {} {})".format, v, st.sampled_from(["+", "-", "*", "/"]), v),
        st.builds("({} {} {})".format, v, st.sampled_from(["+", "-", "*"]), s),
        st.builds("{}({})".format, st.sampled_from(ELEMENTWISE), v),
        st.builds("{}({})".format, st.sampled_from(["softmax", "log_softmax"]), v),
        st.builds("(A @ {})".format, v),
        st.builds("({} @ A)".format, v),
    )


def _is_tensor(text: str) -> bool:
    return any(name in text for name in (*VECTORS, "A"))


@st.composite
def programs(draw: st.DrawFn) -> Given:
    """One to three lines; each may read the ones before it."""
    lines = []
    for i in range(draw(st.integers(0, 2))):
        if draw(st.booleans()):
            lines.append(f"x{i} = {draw(_scalar(2))}")
        else:
            lines.append(f"x{i} = sum({draw(_vector(2))})")
    ends = draw(_scalar(3))
    for i in range(len(lines)):
        ends = f"{ends} * x{i}" if draw(st.booleans()) else f"{ends} + x{i}"
    text = "\n".join([*lines, f"z = {ends}"])
    pair = st.tuples(numbers, numbers)
    leaves: dict[str, Nested] = {name: draw(numbers) for name in SCALARS}
    leaves |= {name: draw(pair) for name in VECTORS}
    leaves["A"] = (draw(pair), draw(pair))
    return Given(text, leaves)


@lru_cache
def _polynomial(depth: int) -> st.SearchStrategy[str]:
    simple = st.one_of(st.sampled_from(SCALARS), constants)
    if depth == 0:
        return simple
    p = _polynomial(depth - 1)
    return st.one_of(
        simple,
        st.builds("({} {} {})".format, p, st.sampled_from(["+", "-", "*"]), p),
        st.builds("({})**{}".format, p, st.sampled_from(["2", "3"])),
        st.builds("-({})".format, p),
    )


@st.composite
def polynomials(draw: st.DrawFn) -> Given:
    """A polynomial in x, y and w."""
    text = f"z = x + {draw(_polynomial(4))}"
    return Given(text, {name: draw(numbers) for name in SCALARS})
