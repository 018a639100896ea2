"""The autograd page in a simulated browser: presets, links, errors, ledger, views."""

import pytest

from mlcore.autograd.presets import PRESETS
from tests.pages.conftest import Open

PAGE = "pages/autograd.py"
VIEWS = ("Tensors", "Ledger of .grad", "Curve", "Second derivatives", "Proof", "As Python")


@pytest.mark.parametrize("key", PRESETS)
def test_a_preset_fills_program_leaves_and_link(open_page: Open, key: str) -> None:
    at = open_page(PAGE)
    at.selectbox(key="preset").set_value(key).run()
    assert not at.exception
    assert not at.error
    assert at.text_area(key="program").value == PRESETS[key].program
    table = at.dataframe[0].value
    assert list(table["name"])[: len(PRESETS[key].leaves)] == list(PRESETS[key].leaves)
    expected = {} if key == next(iter(PRESETS)) else {"preset": key}
    assert at.query_params == expected


def test_moving_a_leaf_moves_its_gradients_and_the_link(open_page: Open) -> None:
    at = open_page(PAGE, preset="square")
    table = at.dataframe[0].value.set_index("name")
    assert set(table[".grad"]) == {"None"}  # the backward pass has not run
    at.session_state["autograd_ran"] = PRESETS["square"].program
    at.slider(key="leaf_x").set_value(3.0).run()
    table = at.dataframe[0].value.set_index("name")
    assert table.loc["x", ".grad"] == "18"
    assert table.loc["z", "value"] == "27"
    assert at.query_params == {"preset": "square", "leaf.x": "3"}


def test_a_link_opens_a_program_of_ones_own(open_page: Open) -> None:
    at = open_page(PAGE, program="q = a*b", **{"leaf.a": "[1, 2];float64", "leaf.b": "3;fixed"})
    assert not at.exception
    assert at.text_input(key="text_a").value == "[1, 2]"
    assert at.checkbox(key="grad_b").value is False
    assert "RuntimeError" in at.error[0].value
    assert "scalar outputs" in at.error[0].value


def test_a_broken_link_is_said_and_the_page_still_works(open_page: Open) -> None:
    at = open_page(PAGE, program="q = a", **{"leaf.a": "import os"})
    assert not at.exception
    assert "cannot be read" in at.warning[0].value


@pytest.mark.parametrize(
    ("program", "says"),
    [("z = w ** ", "something must follow"), ("z = __import__('os')", "underscore"), ("", "empty")],
)
def test_a_program_that_cannot_be_read_is_pointed_at(
    open_page: Open, program: str, says: str
) -> None:
    at = open_page(PAGE)
    at.text_area(key="program").set_value(program).run()
    assert not at.exception
    assert says in at.error[0].value
    if "__import__" in program:  # Markdown would make it bold
        assert r"\_\_import\_\_" in at.error[0].value


def test_what_pytorch_refuses_in_the_forward_pass_is_pointed_at(open_page: Open) -> None:
    at = open_page(PAGE, preset="perceptron")
    at.text_input(key="text_x").set_value("[1, 2, 3]").run()
    assert not at.exception
    assert "size mismatch" in at.error[0].value
    assert at.code[0].value.endswith("^")


def test_an_integer_leaf_that_wants_a_gradient_shows_pytorchs_words(open_page: Open) -> None:
    at = open_page(PAGE)
    at.selectbox(key="dtype_w").set_value("int64").run()
    assert not at.exception
    assert "floating point" in at.error[0].value


@pytest.mark.parametrize("key", PRESETS)
@pytest.mark.parametrize("view", VIEWS)
def test_every_view_of_every_preset_shows_itself(open_page: Open, key: str, view: str) -> None:
    at = open_page(PAGE, preset=key)
    at.session_state["view"] = view
    at.run()
    assert not at.exception
    assert not at.error


def test_the_ledger_shows_pytorchs_exception_and_mends_it(open_page: Open) -> None:
    at = open_page(PAGE, preset="square")
    at.session_state["view"] = "Ledger of .grad"
    at.run()
    assert list(at.dataframe[0].value[".grad after"]) == ["12", "4", "6", "4"]
    at.toggle(key="ledger_create_graph").set_value(False).run()
    said = at.error[0].value.replace("\\", "")
    assert "does not require grad and does not have a grad_fn" in said
    at.button(key="ledger_mend").click().run()
    assert not at.error
    assert at.toggle(key="ledger_create_graph").value is True


def test_predict_first_hides_the_truth_and_scores_the_guesses(open_page: Open) -> None:
    at = open_page(PAGE)
    hint = PRESETS["line"].look
    assert not any(text.value == hint for text in at.caption)  # nothing is computed yet
    at.session_state["autograd_ran"] = PRESETS["line"].program
    at.run()
    assert any(text.value == hint for text in at.caption)
    at.toggle(key="predict").set_value(True).run()
    assert not any(text.value == hint for text in at.caption)
    assert "AddBackward0" not in at.dataframe[0].value.to_string()
    at.button(key="score").click().run()
    assert any("0 of 16 right" in text.value for text in at.markdown)
    assert "No operation made w" in at.dataframe[-1].value["why"].to_string()


def test_the_leaves_survive_a_visit_to_another_page(open_page: Open) -> None:
    at = open_page(PAGE, preset="square")
    at.slider(key="leaf_x").set_value(1.5).run()
    at.switch_page("pages/home.py").run()
    at.query_params.clear()
    at.switch_page(PAGE).run()
    assert at.slider(key="leaf_x").value == 1.5


HOSTILE = (
    "inf",
    "-inf",
    "nan",
    "1e400",
    "-0",
    "text",
    "x" * 10_000,
    "",
    "[1, [2]]",
    "__import__('os')",
)
PARAMETERS = ("preset", "program", "leaf.w", "leaf.nothing", "view", "nonsense")


@pytest.mark.parametrize("parameter", PARAMETERS)
@pytest.mark.parametrize("value", HOSTILE, ids=[value[:8] or "empty" for value in HOSTILE])
def test_whatever_a_link_says_the_page_lives_and_answers_in_a_sentence(
    open_page: Open, parameter: str, value: str
) -> None:
    at = open_page(PAGE, **{parameter: value})
    assert not at.exception
    said = [element.value for element in (*at.error, *at.warning)]
    refused = parameter == "leaf.w" and value != "-0"
    unread = parameter == "program" and value not in ("inf", "-inf", "nan", "text")  # names
    if refused or unread or parameter in ("preset", "leaf.nothing"):
        assert said
    if refused or parameter in ("preset", "leaf.nothing", "view", "nonsense"):
        assert at.text_area(key="program").value == PRESETS["line"].program
        assert at.slider(key="leaf_w").value == 3.0
    at.selectbox(key="preset").set_value("square").run()
    assert not at.exception
    assert not at.error


@pytest.mark.parametrize(
    "value", [float("inf"), float("-inf"), float("nan"), 1e400, -0.0, 1e9, None]
)
def test_whatever_stands_in_a_number_box_the_page_lives_and_the_old_value_stands(
    open_page: Open, value: float | None
) -> None:
    at = open_page(PAGE)
    at.number_input(key="span").set_value(8.0).run()
    at.number_input(key="span").set_value(value).run()
    assert not at.exception
    assert at.number_input(key="span").value == 8.0


@pytest.mark.parametrize("value", HOSTILE, ids=[value[:8] or "empty" for value in HOSTILE])
def test_whatever_is_typed_as_a_leaf_the_page_lives_and_says_which_leaf(
    open_page: Open, value: str
) -> None:
    at = open_page(PAGE, preset="square", **{"leaf.x": "[1, 2]"})
    at.text_input(key="text_x").set_value(value).run()
    assert not at.exception
    if value != "-0":
        assert "In the value of x, character" in at.error[0].value
    at.text_input(key="text_x").set_value("1e-6").run()
    assert not at.exception
    assert not at.error


@pytest.mark.parametrize("value", ["1e12", "1e-12", "-123456.789", "0.1234567890123"])
def test_numbers_that_no_slider_reaches_are_typed(open_page: Open, value: str) -> None:
    at = open_page(PAGE, preset="square", **{"leaf.x": value})
    assert not at.exception
    shown = [s for s in at.slider if s.key == "leaf_x"]
    given = shown[0].value if shown else float(at.text_input(key="text_x").value or "nan")
    assert given == float(value)


def test_the_proof_says_in_a_sentence_what_a_pole_is(open_page: Open) -> None:
    at = open_page(PAGE, program="z = 1/x", view="Proof", **{"leaf.x": "0"})
    assert not at.exception
    assert any("It does not agree" in text.value for text in at.markdown)
    assert any("no finite value at this point" in text.value for text in at.markdown)
