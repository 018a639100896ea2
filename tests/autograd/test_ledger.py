"""The ledger against plain PyTorch, exceptions included."""

import contextlib
import io
import itertools
import warnings
from dataclasses import replace

import pytest
import torch

from mlcore.autograd import Leaf, ProgramError, parse
from mlcore.autograd.as_pytorch import as_pytorch
from mlcore.autograd.backward_options import BackwardOptions, mended
from mlcore.autograd.ledger import Ledger, ledger
from mlcore.autograd.presets import PRESETS

PROGRAM = parse("h = x*y\nz = tanh(h)*h")
LEAVES = {"x": Leaf(0.5), "y": Leaf(0.75)}


def run(backward_options: BackwardOptions) -> Ledger:
    return ledger(PROGRAM, LEAVES, backward_options)


def test_calls_add_up_until_they_are_zeroed() -> None:
    summed, zeroed = run(BackwardOptions(calls=3)), run(BackwardOptions(calls=3, zero_grad=True))
    x = [e for e in summed.entries if e.tensor == "x"]
    assert x[2].after == pytest.approx(3 * float(x[0].after or 0))  # type: ignore[arg-type]
    assert x[2].added == pytest.approx(x[0].added)
    assert [e.if_zeroed for e in summed.entries] == [e.after for e in zeroed.entries]


def test_the_course_sees_12_then_6_after_zeroing() -> None:
    preset = PRESETS["square"]
    found = ledger(parse(preset.program), preset.leaves, preset.backward_options)
    assert [e.after for e in found.entries if e.tensor == "x"] == [12.0, 6.0]
    kept = replace(preset.backward_options, zero_grad=False)
    found = ledger(parse(preset.program), preset.leaves, kept)
    assert [e.after for e in found.entries if e.tensor == "x"] == [12.0, 18.0]


def plain(backward_options: BackwardOptions) -> tuple[list[str], str | None]:
    """Run the PyTorch lines that the page offers: what they print, and what they raise."""
    code = as_pytorch(PROGRAM, LEAVES, backward_options=backward_options)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Using backward")
        try:
            exec(code, {})  # noqa: S102  # the lines offered to be pasted
        except (RuntimeError, AttributeError) as error:
            return printed.getvalue().splitlines(), str(error)
    return printed.getvalue().splitlines(), None


CASES = [
    BackwardOptions(
        zero_grad=zero,
        forward_again=again,
        retain_graph=retain,
        create_graph=create,
        no_grad=no_grad,
        detach=detach,
        edit=edit,
        edit_no_grad=edit == "x",
        then_by=then_by,
    )
    for zero, again, retain, create, no_grad, detach, edit, then_by in itertools.product(
        (False, True),
        (False, True),
        (False, True),
        (False, True),
        (False, True),
        ("", "h", "x"),
        ("", "h", "x", "z"),
        ("", "x"),
    )
]
KEPT = [
    BackwardOptions(retain_grad="h", no_grad=no_grad, detach=detach, zero_grad=zero)
    for no_grad, detach, zero in itertools.product((False, True), ("", "x", "h"), (False, True))
]


def test_every_setting_does_what_the_same_lines_of_pytorch_do() -> None:
    """All 768 combinations: the same numbers, and word for word the same exception."""
    for backward_options in [
        *CASES,
        *KEPT,
        BackwardOptions(edit="x"),
        BackwardOptions(edit="h", forward_again=False),
    ]:
        found = run(backward_options)
        printed, raised = plain(backward_options)
        assert (found.failure.message if found.failure else None) == raised, backward_options
        ours = [e.after for e in found.entries if e.after is not None]
        theirs = [float(line.split("tensor(")[1].split(",")[0].rstrip(")")) for line in printed
                  if "tensor(" in line]  # fmt: skip
        assert ours == pytest.approx(theirs, abs=1e-3), backward_options


def test_every_failure_is_mended_by_its_own_advice() -> None:
    for backward_options in [*CASES, *KEPT, BackwardOptions(edit="x")]:
        current = backward_options
        for _ in range(4):
            found = run(current)
            if found.failure is None:
                break
            advised = mended(current, found.failure)
            assert advised != current, (current, found.failure.message)
            current = advised
        assert run(current).failure is None, backward_options


@pytest.mark.parametrize(
    ("backward_options", "says"),
    [
        (BackwardOptions(forward_again=False), "backward through the graph a second time"),
        (BackwardOptions(no_grad=True), "does not require grad and does not have a grad_fn"),
        (BackwardOptions(detach="h"), "does not require grad and does not have a grad_fn"),
        (BackwardOptions(edit="h"), "modified by an inplace operation"),
        (
            BackwardOptions(edit="x"),
            "leaf Variable that requires grad is being used in an in-place",
        ),
        (BackwardOptions(edit="x", edit_no_grad=True), "modified by an inplace operation"),
        (BackwardOptions(no_grad=True, retain_grad="h"), "can't retain_grad"),
        (BackwardOptions(then_by="x"), "does not require grad and does not have a grad_fn"),
    ],
)
def test_each_wrong_switch_shows_pytorchs_exception_and_its_meaning(
    backward_options: BackwardOptions, says: str
) -> None:
    found = run(backward_options)
    assert found.failure is not None
    assert found.failure.kind == "RuntimeError"
    assert says in found.failure.message
    assert "cannot do this with the tensors" not in found.failure.meaning.meaning


def test_a_detached_leaf_gets_no_gradient_and_the_other_keeps_its_own() -> None:
    found = run(BackwardOptions(calls=1, detach="x"))
    grads = {e.tensor: e.after for e in found.entries}
    assert grads["x"] is None
    assert grads["y"] is not None


def test_a_retained_result_stands_in_the_ledger() -> None:
    found = run(BackwardOptions(calls=1, retain_grad="h"))
    h = next(e for e in found.entries if e.tensor == "h")
    value = torch.tensor(0.375, requires_grad=True)
    (torch.tanh(value) * value).backward()  # type: ignore[no-untyped-call]  # torch's is untyped
    assert value.grad is not None
    assert h.after == pytest.approx(float(value.grad))


def test_switches_that_name_nothing_are_refused() -> None:
    for backward_options in (
        BackwardOptions(detach="q"),
        BackwardOptions(calls=0),
        BackwardOptions(then_by="h"),
    ):
        with pytest.raises(ProgramError, match="must be"):
            run(backward_options)
