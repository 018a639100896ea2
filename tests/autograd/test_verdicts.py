"""Verdicts on derivatives: never a wrong *agree*, never a wrong *differ*."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from mlcore.autograd import Leaf, ProgramError, parse, proof
from mlcore.autograd.higher import Second, second_derivatives
from mlcore.autograd.proof import Difference, differences, frame
from mlcore.autograd.verdicts import Verdict
from tests.autograd.exact import Truth, expressions, points, truth

SLOW = settings(deadline=None, suppress_health_check=list(HealthCheck))


def check(text: str, x: float) -> tuple[Difference, Difference]:
    first, second = differences(parse(f"z = {text}"), {"x": Leaf(x)}, order=2)
    return first, second


@pytest.mark.parametrize(
    ("text", "x", "first", "second"),
    [
        ("1/x", 0.0, "no finite value", "no finite value"),
        ("log(x)", 0.0, "no finite value", "no finite value"),
        ("log(x)", -1.0, "no finite value", "no finite value"),
        ("sqrt(x)", -1.0, "no finite value", "no finite value"),
        ("exp(x)", 1000.0, "no finite value", "no finite value"),
        ("sqrt(x)", 0.0, "not differentiable", "not differentiable"),
        ("sqrt(abs(x))", 0.0, "not differentiable", "not differentiable"),
        ("sqrt(-x*x)", 0.0, "not differentiable", "not differentiable"),
        ("relu(x)", 0.0, "not differentiable", "not differentiable"),
        ("abs(x)", 0.0, "not differentiable", "not differentiable"),
        ("x*abs(x)", 0.0, "agree", "not differentiable"),
        ("x**1.5", 0.0, "agree", "not differentiable"),
        ("x**1.5", 1e-6, "agree", "agree"),
        ("1/x", 1e-6, "agree", "agree"),
        ("1/x", 1e-12, "agree", "agree"),
        ("1/x", 1e12, "agree", "agree"),
        ("log(x)", 1e-6, "agree", "agree"),
        ("log(x)", 1e12, "agree", "agree"),
        ("sqrt(x)", 1e-6, "agree", "agree"),
        ("sqrt(x)", 1e-12, "agree", "agree"),
        ("relu(x)", 1e-12, "agree", "too inexact"),
        ("exp(x)", -700.0, "agree", "agree"),
        ("sin(x)", math.pi / 2, "agree", "agree"),
        ("sin(x)", 1e12, "too inexact", "too inexact"),
        ("tanh(x)", 20.0, "agree", "agree"),
        ("0*x", 1.0, "agree", "agree"),
        ("sqrt(x**4)", 0.0, "differ", "differ"),  # PyTorch says nan; the derivatives are 0 and 2
    ],
)
def test_verdicts_at_poles_edges_and_corners(text: str, x: float, first: str, second: str) -> None:
    found = check(text, x)
    assert [d.verdict for d in found] == [first, second]
    for d in found:
        if d.verdict is Verdict.AGREE:
            assert math.isfinite(d.autograd)
            assert math.isfinite(d.difference)


def test_at_an_edge_of_the_domain_the_difference_is_taken_on_the_side_that_goes_on() -> None:
    assert check("x**1.5", 0.0)[0].how == "right side"
    assert check("(-x)**1.5", 0.0)[0].how == "left side"
    assert check("x*x", 0.0)[0].how == "both sides"


def test_a_corner_that_lies_along_two_leaves_at_once_is_found() -> None:
    leaves = {"x": Leaf(0.0), "y": Leaf(0.0)}
    found = {d.derivative: d.verdict for d in differences(parse("z = abs(x)*y"), leaves, order=2)}
    assert found["∂z/∂x"] == found["∂z/∂y"] == "agree"
    assert found["∂²z/∂x∂y"] == "not differentiable"


def test_detail_that_large_steps_cannot_see_is_not_missed() -> None:
    first, second = check("x + 0.000000001*sin(1000000000*x)", 1.0)
    assert first.verdict == "agree"
    assert first.autograd == pytest.approx(1.8379, rel=1e-4)
    assert second.verdict in ("agree", "too inexact")


@pytest.mark.parametrize(
    ("text", "first", "second"),
    [
        ("log(x)", lambda x: 1 / x, lambda x: -1 / x**2),
        ("1/x", lambda x: -1 / x**2, lambda x: 2 / x**3),
        ("sqrt(x)", lambda x: 0.5 / x**0.5, lambda x: -0.25 / x**1.5),
        ("x**1.5", lambda x: 1.5 * x**0.5, lambda x: 0.75 / x**0.5),
        ("x*x", lambda x: 2 * x, lambda _: 2.0),
    ],
)
@given(exponent=st.floats(-12, 12))
@SLOW
def test_closed_forms_agree_from_1e_minus_12_to_1e12(  # type: ignore[no-untyped-def]
    text, first, second, exponent
) -> None:
    x = 10.0**exponent
    found = check(text, x)
    assert found[0].verdict == "agree"
    assert found[0].difference == pytest.approx(first(x), rel=1e-6, abs=1e-9 / x)
    if second is not None:
        assert found[1].verdict == "agree"
        assert found[1].difference == pytest.approx(second(x), rel=1e-4)


@SLOW
@given(expressions(), points())
def test_no_verdict_on_a_random_function_is_a_wrong_agree_or_a_wrong_differ(
    text: str, x: float
) -> None:
    assume("x" in text)
    try:
        found = check(text, x)
    except (ProgramError, RuntimeError):
        assume(False)  # numbers beyond the language's, or no x left
        raise
    known = truth(text, x)
    for order, (d, exact) in enumerate(zip(found, (known.first, known.second), strict=True), 1):
        right = is_right(d.autograd, exact, known, x, order)
        if d.verdict is Verdict.AGREE:
            assert right, (text, x, d, exact)
        if d.verdict is Verdict.DIFFER:
            assert exact is not None, (text, x, d)
            assert not right, (text, x, d, exact)


def is_right(autograd: float, exact: object, known: Truth, x: float, order: int) -> bool:
    """Whether autograd gives the derivative, to what float64 keeps of the function's own size."""
    if exact is None or not math.isfinite(autograd):
        return False
    size = min(max(1.0, float(abs(known.value))), 1e300) / max(1.0, abs(x)) ** order
    return bool(abs(autograd - exact) <= 1e-3 * abs(exact) + 1e-9 * size)  # type: ignore[operator,arg-type]


@pytest.mark.parametrize("wrong", ["scaled", "shifted", "negated", "not finite"])
@given(text=expressions(2), x=points())
@SLOW
def test_a_wrong_gradient_is_never_called_right(wrong: str, text: str, x: float) -> None:
    assume("x" in text)
    program, leaves = parse(f"z = {text}"), {"x": Leaf(x)}
    try:
        known = second_derivatives(program, leaves, "float64")
    except (ProgramError, RuntimeError):
        assume(False)
        raise
    exact = truth(text, x)
    assume(exact.first is not None and math.isfinite(known.gradient[0]))
    g = known.gradient[0]
    size = max(1.0, abs(float(exact.value))) / max(1.0, abs(x))
    assume(abs(g) > 1e-6 * size)
    claimed = {
        "scaled": g * 1.01,
        "shifted": g + max(size, abs(g)),
        "negated": -g,
        "not finite": math.inf,
    }[wrong]
    lie: Second = replace(known, gradient=(claimed,))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(proof, "second_derivatives", lambda *_: lie)
        (found,) = differences(program, leaves)
    assert found.verdict is not Verdict.AGREE, (text, x, found, exact)


def test_each_verdict_is_one_sentence_and_stands_in_the_table() -> None:
    for verdict in Verdict:
        assert verdict.sentence.endswith(".")
    table = frame(check("1/x", 0.0))
    assert list(table["verdict"]) == ["no finite value"] * 2
    assert table["finite difference"].isna().all()
