"""The form in a simulated browser: what is typed, clicked and linked."""

from pathlib import Path

import pytest

from mlcore.mnist import MNISTConfig
from tests.ui.forms import SCRIPT, open_form


def test_untouched_form_gives_the_defaults_and_a_clean_url(tmp_path: Path) -> None:
    at = open_form(tmp_path)

    assert at.session_state["config"].changes() == {}
    assert at.query_params == {}
    assert not at.error


def test_typed_text_becomes_the_config_and_the_url(tmp_path: Path) -> None:
    at = open_form(tmp_path)

    at.text_input(key="f.hidden").set_value("32").run()
    at.select_slider(key="f.lr.slider").set_value(0.1).run()

    assert at.session_state["config"].changes() == {"hidden": (32,), "lr": 0.1}
    assert at.query_params == {"hidden": "32", "lr": "0.1"}
    assert at.text_input(key="f.lr").value == "0.1"


def test_box_and_slider_of_a_field_move_together(tmp_path: Path) -> None:
    at = open_form(tmp_path)

    at.text_input(key="f.lr").set_value("0.0123").run()

    assert at.select_slider(key="f.lr.slider").value == pytest.approx(0.0123)
    assert at.session_state["config"].lr == 0.0123


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("lr", "-1", "lr is -1.0, but must be a number above 0 and up to 10."),
        ("lr", "nan", "lr is nan, but must be a number above 0 and up to 10."),
        ("batch_size", "0", "batch_size is 0, but must be a whole number from 1 to 65536."),
        ("hidden", "", "hidden is (), but must be 1 to 32 whole numbers from 1 to 4096."),
        ("epochs", "1000000000", "epochs is 1000000000, but must be a whole number from 1 to"),
    ],
)
def test_a_wrong_value_is_explained_beside_its_field_and_nothing_is_lost(
    tmp_path: Path, name: str, text: str, said: str
) -> None:
    at = open_form(tmp_path)

    at.text_input(key="f.hidden").set_value("99").run()
    at.text_input(key=f"f.{name}").set_value(text).run()

    assert at.session_state["config"] is None
    assert len(at.error) == 1
    assert at.error[0].value.replace("\\", "").startswith(said)
    assert at.text_input(key=f"f.{name}").value == text
    if name != "hidden":
        assert at.text_input(key="f.hidden").value == "99"
    assert at.query_params[name] == text


def test_a_link_brings_the_form_back_wrong_values_included(tmp_path: Path) -> None:
    at = open_form(tmp_path, lr="-1", hidden="32, 16", optimizer="adam", model="mlp")

    assert at.text_input(key="f.lr").value == "-1"
    assert at.text_input(key="f.hidden").value == "32, 16"
    assert at.selectbox(key="f.optimizer").value == "adam"
    assert [error.value for error in at.error]

    at.text_input(key="f.lr").set_value("0.5").run()

    assert at.session_state["config"].changes() == {
        "hidden": (32, 16),
        "optimizer": "adam",
        "lr": 0.5,
    }


def test_a_choice_from_the_url_that_does_not_exist_is_shown_and_refused(tmp_path: Path) -> None:
    at = open_form(tmp_path, model="rnn")

    assert at.selectbox(key="f.model").value is None
    assert "rnn" in at.error[0].value


def test_a_preset_is_one_click_and_stays_marked(tmp_path: Path) -> None:
    at = open_form(tmp_path)
    assert "check" in at.button(key="f.preset.course").proto.icon

    at.button(key="f.preset.99 % CNN").click().run()

    assert at.session_state["config"] == MNISTConfig.presets["99 % CNN"]
    assert "check" in at.button(key="f.preset.99 % CNN").proto.icon
    assert not at.button(key="f.preset.course").proto.icon
    assert at.query_params["model"] == "cnn"


def test_fields_that_do_not_matter_are_hidden_and_come_back_as_they_were(tmp_path: Path) -> None:
    at = open_form(tmp_path)
    at.text_input(key="f.momentum").set_value("0.5").run()

    at.selectbox(key="f.optimizer").set_value("adam").run()
    assert "f.momentum" not in [box.key for box in at.text_input]
    assert at.session_state["config"].momentum == 0.9

    at.selectbox(key="f.optimizer").set_value("sgd").run()
    assert at.text_input(key="f.momentum").value == "0.5"
    assert at.session_state["config"].momentum == 0.5


def test_a_group_with_a_value_from_the_url_stands_open(tmp_path: Path) -> None:
    script = SCRIPT.replace("open_groups=groups", "open_groups=()")
    at = open_form(tmp_path, script, epochs="7")

    assert [box.key for box in at.text_input if box.key == "f.epochs"]
    assert not [box.key for box in at.text_input if box.key == "f.lr"]


def test_an_error_in_a_closed_group_is_said_all_the_same(tmp_path: Path) -> None:
    at = open_form(tmp_path, lr="-1")
    at.session_state["f.group.Loss and optimizer"] = False
    at.run()

    assert "f.lr" not in [box.key for box in at.text_input]
    assert at.error[0].value.startswith("lr is")


def test_a_request_that_was_on_its_way_does_not_undo_a_change(tmp_path: Path) -> None:
    at = open_form(tmp_path)
    at.select_slider(key="f.lr.slider").set_value(0.1).run()

    # The browser has not yet heard that the box shows 0.1, and a poll sends what it showed before.
    at.text_input(key="f.lr").set_value("0.01").run()

    assert at.session_state["config"].lr == 0.1
    assert at.text_input(key="f.lr").value == "0.1"


def test_a_preset_is_not_undone_by_a_request_that_was_on_its_way(tmp_path: Path) -> None:
    at = open_form(tmp_path)
    at.button(key="f.preset.99 % CNN").click().run()

    at.selectbox(key="f.model").set_value("mlp").run()

    assert at.session_state["config"] == MNISTConfig.presets["99 % CNN"]


def test_the_replaced_value_may_be_set_again_at_once_after_another_move(tmp_path: Path) -> None:
    at = open_form(tmp_path)
    at.select_slider(key="f.lr.slider").set_value(0.1).run()
    at.text_input(key="f.lr").set_value("0.5").run()

    at.text_input(key="f.lr").set_value("0.01").run()

    assert at.session_state["config"].lr == 0.01


def test_the_replaced_value_may_be_typed_again_a_little_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = open_form(tmp_path)
    at.select_slider(key="f.lr.slider").set_value(0.1).run()
    monkeypatch.setattr("mlcore.ui.widget_state.OLD_NEWS_S", 0.0)

    at.text_input(key="f.lr").set_value("0.01").run()

    assert at.session_state["config"].lr == 0.01
