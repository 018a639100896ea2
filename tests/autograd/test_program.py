"""The language: names, leaves, operators, folding of constants, links."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore.autograd import Leaf, ProgramError, parse, trace
from mlcore.autograd.inputs import DTYPES, Nested, leaf, leaf_text, parse_leaf
from mlcore.autograd.links import from_query, to_query
from mlcore.autograd.parser import MAX_OPERATIONS
from mlcore.autograd.presets import PRESETS

finite = st.floats(-1e6, 1e6).map(lambda x: round(x, 6))
values: st.SearchStrategy[Nested] = st.one_of(
    finite,
    st.lists(finite, min_size=1, max_size=8).map(tuple),
    st.integers(1, 4).flatmap(
        lambda n: st.lists(
            st.lists(finite, min_size=n, max_size=n).map(tuple), min_size=1, max_size=4
        ).map(tuple)
    ),
)
leaves = st.builds(Leaf, values, st.booleans(), st.sampled_from(DTYPES))


def test_leaves_are_the_names_that_are_read_but_never_assigned() -> None:
    program = parse("h = relu(w1*x + b1)\nloss = (w2*h - y)**2")
    assert program.leaves == ("w1", "x", "b1", "w2", "y")
    assert [name for name, _ in program.names] == ["h", "loss"]
    assert program.output_name == "loss"


def test_a_bare_last_line_is_named_result() -> None:
    assert parse("a = x*x\na*a").output_name == "result"
    assert trace("x", {"x": 3.0}).grads["x"] == 1.0


def test_two_hundred_operations_are_allowed_and_the_next_is_not() -> None:
    assert len(parse("z = x" + "+x" * MAX_OPERATIONS).operations) == MAX_OPERATIONS
    with pytest.raises(ProgramError, match="more than 200 operations"):
        parse("z = x" + "+x" * (MAX_OPERATIONS + 1))


def test_numbers_are_folded_and_names_may_stand_for_numbers() -> None:
    t = trace("n = 2**3 - 1\nz = n*x/4", {"x": 1.0})
    assert t.value == 7 / 4
    assert [row.name for row in t.tensors] == ["x", "z"]


def test_a_name_keeps_its_first_meaning() -> None:
    for text in ("z = x\nz = y", "z = x\nx = z", "x = x + 1"):
        with pytest.raises(ProgramError, match=r"name of its own|own line"):
            parse(text)


def test_missing_and_unknown_leaves_are_named() -> None:
    with pytest.raises(ValueError, match="No value is given for y"):
        trace("z = x*y", {"x": 1.0})
    with pytest.raises(ValueError, match="q is no leaf"):
        trace("z = x", {"x": 1.0, "q": 2.0})
    with pytest.raises(ValueError, match="q is no leaf"):
        trace("z = x", {"x": 1.0}, requires_grad=("q",))
    with pytest.raises(ValueError, match="finite"):
        leaf(float("nan"))
    with pytest.raises(ValueError, match="float32"):
        leaf(1.0, dtype="float8")  # type: ignore[arg-type]  # that is the point


@given(values)
def test_a_leaf_survives_being_typed(value: Nested) -> None:
    assert parse_leaf(leaf_text(value)).value == value


@given(st.dictionaries(st.sampled_from(["x", "y", "A", "λ1"]), leaves))
def test_a_link_gives_back_its_program_and_leaves(given_leaves: dict[str, Leaf]) -> None:
    text = "z = " + " + ".join(["q", *given_leaves])
    found, said = from_query(to_query(text, given_leaves))
    assert not said
    assert found is not None
    assert (found[0], dict(found[1])) == (text, given_leaves)


@pytest.mark.parametrize("key", PRESETS)
def test_a_preset_survives_a_link(key: str) -> None:
    preset = PRESETS[key]
    name = next(iter(preset.leaves))
    changed = {**preset.leaves, name: Leaf(9.0, False, "float64")}
    found, said = from_query(to_query(preset.program, changed))
    assert not said
    assert found is not None
    assert (found[0], dict(found[1])) == (preset.program, changed)


def test_what_a_link_cannot_mean_is_left_out_and_said() -> None:
    found, said = from_query({"preset": "nowhere", "leaf.q": "1", "leaf.w": "2"})
    assert found is not None
    assert found[1]["w"] == Leaf(2.0)
    assert "there are only line, square" in said[0]
    assert "'q', which is no input" in said[1]
    found, said = from_query({"program": "z = " + "x" * 10_000})
    assert found is not None
    assert found[0] == PRESETS["line"].program
    assert "has 10,004 characters; at most 2,000" in said[0]


def test_a_link_without_our_parameters_says_nothing() -> None:
    assert from_query({"view": "Curve"}) == (None, ())
    assert to_query(PRESETS["line"].program, PRESETS["line"].leaves) == {}
