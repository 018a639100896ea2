"""A form whose fields turn into ranges, in a simulated browser."""

from pathlib import Path

from streamlit.testing.v1 import AppTest

from mlcore import MNISTConfig
from mlcore.sweeps import Choices, LogRange
from tests.ui.forms import open_form

SCRIPT = """
import streamlit as st
from mlcore.mnist import MNISTConfig
from mlcore.ui import form
from mlcore.ui.ranges.form import RangeForm

ranges = RangeForm(MNISTConfig, key="f")
groups = {spec.group for spec in MNISTConfig.specs()}
st.session_state["config"] = form.config_form(
    MNISTConfig, key="f", open_groups=groups, ranges=ranges
)
st.session_state["ranges"] = ranges.ranges()
"""


def opened(tmp_path: Path, **params: str) -> AppTest:
    return open_form(tmp_path, SCRIPT, **params)


def config_of(at: AppTest) -> MNISTConfig:
    config = at.session_state["config"]
    assert isinstance(config, MNISTConfig)
    return config


def test_a_field_becomes_a_range_and_one_value_again(tmp_path: Path) -> None:
    at = opened(tmp_path)
    assert at.session_state["ranges"] == {}

    at.button(key="f.ranges.lr.Vary").click().run()

    assert at.session_state["ranges"] == {"lr": LogRange(0.0001, 1.0)}
    assert at.query_params == {"range.lr": "log:0.0001:1"}
    assert "f.lr" not in [box.key for box in at.text_input]

    at.button(key="f.ranges.lr.One value").click().run()

    assert at.session_state["ranges"] == {}
    assert at.query_params == {}
    assert at.text_input(key="f.lr").value == "0.01"


def test_a_fields_fixed_value_comes_back_as_it_was(tmp_path: Path) -> None:
    at = opened(tmp_path)
    at.text_input(key="f.lr").set_value("0.3").run()

    at.button(key="f.ranges.lr.Vary").click().run()
    assert at.session_state["config"].changes() == {}, "what is varied is not fixed as well"
    at.button(key="f.ranges.lr.One value").click().run()

    assert at.session_state["config"].lr == 0.3


def test_slider_and_boxes_of_a_range_move_together(tmp_path: Path) -> None:
    at = opened(tmp_path)
    at.button(key="f.ranges.lr.Vary").click().run()

    [slider] = [one for one in at.select_slider if str(one.key).startswith("f.ranges.lr.slider")]
    slider.set_value((0.01, 0.5)).run()
    assert at.text_input(key="f.ranges.lr.from").value == "0.01"
    assert at.session_state["ranges"] == {"lr": LogRange(0.01, 0.5)}

    at.text_input(key="f.ranges.lr.to").set_value("0.77").run()
    [slider] = [one for one in at.select_slider if str(one.key).startswith("f.ranges.lr.slider")]
    assert slider.value == (0.01, 0.77)
    assert at.session_state["ranges"] == {"lr": LogRange(0.01, 0.77)}


def test_a_range_turns_into_values_and_choices_are_picked(tmp_path: Path) -> None:
    at = opened(tmp_path)
    at.button(key="f.ranges.lr.Vary").click().run()
    at.segmented_control(key="f.ranges.lr.spread").set_value("values").run()
    at.text_input(key="f.ranges.lr.values").set_value("0.1, 0.2").run()
    at.button(key="f.ranges.hidden.Vary").click().run()
    at.text_input(key="f.ranges.hidden.values").set_value("32; 128, 64").run()
    at.button(key="f.ranges.loss.Vary").click().run()

    assert at.session_state["ranges"] == {
        "lr": Choices((0.1, 0.2)),
        "hidden": Choices(((32,), (128, 64))),
        "loss": Choices(("mse", "cross_entropy")),
    }


def test_a_wrong_range_is_explained_and_the_config_waits(tmp_path: Path) -> None:
    at = opened(tmp_path, **{"range.lr": "log:1:0.001"})

    assert at.session_state["config"] is None
    assert at.session_state["ranges"] is None
    assert "inverted" in at.error[0].value

    at.text_input(key="f.ranges.lr.from").set_value("0.0001").run()

    assert not at.error
    assert at.session_state["ranges"] == {"lr": LogRange(0.0001, 0.001)}


def test_fields_that_matter_to_one_of_the_swept_values_are_shown(tmp_path: Path) -> None:
    at = opened(tmp_path, optimizer="adam")
    assert "f.momentum" not in [box.key for box in at.text_input]

    at.button(key="f.ranges.optimizer.Vary").click().run()
    at.text_input(key="f.momentum").set_value("0.5").run()

    assert at.session_state["config"].momentum == 0.5


def test_a_swept_field_is_judged_by_its_range_alone(tmp_path: Path) -> None:
    at = opened(tmp_path, channels="8", kernels="9", model="cnn")
    assert "kernels is" in at.error[0].value

    at.button(key="f.ranges.kernels.Vary").click().run()
    at.text_input(key="f.ranges.kernels.values").set_value("3; 5").run()

    assert not at.error
    assert config_of(at).kernels == (3,)
