"""Finite differences, the curve, predictions and the lines to paste."""

import contextlib
import io
import math

import pytest
import torch

from mlcore.autograd import Leaf, parse, proof, trace
from mlcore.autograd.as_pytorch import as_pytorch, as_trace
from mlcore.autograd.curve import curve
from mlcore.autograd.higher import second_derivatives
from mlcore.autograd.predict import PROPERTIES, score, truth
from mlcore.autograd.presets import PRESETS
from mlcore.autograd.proof import differences


@pytest.mark.parametrize("key", PRESETS)
def test_every_derivative_of_a_preset_agrees_with_its_difference(key: str) -> None:
    preset = PRESETS[key]
    found = differences(parse(preset.program), preset.leaves, order=2)
    assert {d.verdict for d in found} == {"agree"}
    assert max(d.relative_error for d in found) < 1e-6


def test_a_corner_is_said_to_have_no_derivative() -> None:
    found = differences(parse("z = relu(x)"), {"x": Leaf(0.0)})
    assert found[0].verdict == "not differentiable"
    assert found[0].difference == pytest.approx(0.5)


def test_a_wrong_derivative_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    second = second_derivatives(parse("z = 3*x"), {"x": Leaf(1.0)}, "float64")
    monkeypatch.setattr(proof, "second_derivatives", lambda *_: second)
    found = differences(parse("z = x*x*x*x"), {"x": Leaf(1.0)})
    assert (found[0].verdict, found[0].autograd) == ("differ", 3.0)


def test_the_curve_is_f_and_its_derivatives() -> None:
    c = curve(parse("z = sin(x)*y"), {"x": Leaf(1.0), "y": Leaf(2.0)}, "x", low=-3, high=3)
    for x, f, first, second in zip(c.x, c.f, c.first, c.second, strict=True):
        assert f == pytest.approx(2 * math.sin(x))
        assert first == pytest.approx(2 * math.cos(x))
        assert second == pytest.approx(-2 * math.sin(x))


@pytest.mark.parametrize("key", PRESETS)
def test_the_curve_of_a_preset_passes_through_the_traced_point(key: str) -> None:
    preset = PRESETS[key]
    t = trace(preset.program, preset.leaves, dtype="float64")
    name = next(n for n, g in preset.leaves.items() if g.requires_grad)
    value = preset.leaves[name].value
    index = (0,) * len(preset.leaves[name].shape)
    now = torch.tensor(value, dtype=torch.float64)[index].item()
    c = curve(t.program, preset.leaves, name, index, low=now, high=now + 1)
    assert c.f[0] == pytest.approx(t.value, rel=1e-5)
    grad = torch.as_tensor(t.grads[name])[index].item()
    assert c.first[0] == pytest.approx(grad, rel=1e-5)


def test_a_curve_needs_a_scalar_and_a_range() -> None:
    program = parse("z = x*2")
    with pytest.raises(ValueError, match="needs a scalar"):
        curve(program, {"x": Leaf((1.0, 2.0))}, "x", (0,), low=0, high=1)
    with pytest.raises(ValueError, match="below high"):
        curve(program, {"x": Leaf(1.0)}, "x", low=1, high=1)


def test_all_true_guesses_score_in_full() -> None:
    t = trace(PRESETS["perceptron"].program, PRESETS["perceptron"].leaves)
    guesses = {row.name: {str(p): truth(row, p) for p in PROPERTIES} for row in t.tensors}
    assert all(s.right for s in score(t, guesses))


def test_every_miss_has_its_reason() -> None:
    leaves = {"x": Leaf(1.0), "c": Leaf(2.0, requires_grad=False), "u": Leaf(1.0)}
    t = trace("k = c*c\nh = x*k\nz = h + 0*u - 0*u", leaves)
    scores = {(s.tensor, s.property): s for s in score(t, {})}
    assert not any(s.right for s in scores.values())
    assert "PyTorch calls every tensor without one a leaf" in scores["k", "is_leaf"].reason
    assert "did not ask" in scores["c", "requires_grad"].reason
    assert "only leaves store theirs" in scores["h", "grad"].reason
    assert "by way of x, u" in scores["h", "requires_grad"].reason
    assert all(s.reason.endswith(".") for s in scores.values())


def test_a_guessed_gradient_may_be_rounded_but_not_wrong() -> None:
    t = trace("z = x*x*x", {"x": 1.234})
    for guess, right in (("4.57", True), ("4.5", False), ("None", False), ("[4.57]", False)):
        scores = {(s.tensor, s.property): s for s in score(t, {"x": {"grad": guess}})}
        assert scores["x", "grad"].right is right


@pytest.mark.parametrize("key", PRESETS)
def test_the_lines_to_paste_give_the_same_gradients(key: str) -> None:
    preset = PRESETS[key]
    t = trace(preset.program, preset.leaves)
    space: dict[str, torch.Tensor] = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(as_pytorch(t.program, t.leaves, order=2), space)  # noqa: S102  # offered to paste
    for name, grad in t.grads.items():
        torch.testing.assert_close(space[name].grad, torch.as_tensor(grad))
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(as_trace(t.program, t.leaves), {})  # noqa: S102  # offered to paste
    assert printed.getvalue().startswith(f"{t.value} ")
