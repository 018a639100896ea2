"""The page Draw: what it shows of a digit, against the functions behind it and the files."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

import mlcore
from mlcore import MNISTConfig, Run
from mlcore.mnist import insight, load
from mlcore.mnist.insight import DrawingError
from mlcore.runs.store.store import Store
from mlcore.ui.draw.canvas import FOLLOWING, SIDE, read_ink
from tests.mnist.conftest import write_folder
from tests.pages.conftest import TINY, Open

PAGE = "pages/draw.py"


def scene(at: AppTest, component: str) -> dict[str, Any]:
    """What a component of the page was given."""
    [found] = [
        element.proto
        for element in at.get("bidi_component")
        if element.proto.component_name == f"mlcore.draw_{component}"
    ]
    given: dict[str, Any] = json.loads(found.json)
    return given


def pixels_of(at: AppTest) -> list[int]:
    return list(base64.b64decode(scene(at, "answers")["pixels"]))


# --- what stands there at first --------------------------------------------------------------


def test_without_a_run_one_can_draw_and_the_page_offers_to_train_one(
    empty_store: Store, open_page: Open
) -> None:
    at = open_page(PAGE)
    assert "No network has been trained yet" in at.info[0].value
    assert pixels_of(at) == load("mnist").test_images[0].flatten().tolist()
    assert scene(at, "answers")["runs"] == []
    at.button(key="draw.class.4").click().run()
    at.run()
    assert scene(at, "answers")["words"].endswith("class 4")

    at.button(key="draw.first").click().run()

    assert not at.exception
    assert [run.config for run in empty_store.list()] == [MNISTConfig()]


def test_a_run_that_has_no_weights_yet_is_told_of_in_a_sentence(
    empty_store: Store, open_page: Open
) -> None:
    run = empty_store.submit(MNISTConfig())
    at = open_page(PAGE)

    assert not at.exception
    assert "The initial weights of **course** are on their way" in at.info[0].value
    assert at.session_state[FOLLOWING]
    run.stop()
    at.run()
    assert not at.session_state[FOLLOWING]
    assert "has saved no weights yet" in at.error[0].value


@pytest.mark.usefixtures("broken_store")
def test_a_store_that_is_none_is_told_of_in_a_sentence(open_page: Open) -> None:
    at = open_page(PAGE)

    assert not at.exception
    assert "is not a store" in at.error[0].value


def test_the_page_opens_with_a_seven_and_what_the_network_says_of_it(
    with_run: Run, open_page: Open
) -> None:
    at = open_page(PAGE)

    digits = load("mnist")
    seven = digits.test_images[0].numpy()
    assert pixels_of(at) == seven.ravel().tolist()
    [panel] = scene(at, "answers")["runs"]
    said = insight.answer(TINY, insight.on_pixels(with_run.model(), digits), seven)
    np.testing.assert_allclose(panel["outputs"], said.outputs, rtol=1e-4)
    np.testing.assert_allclose(panel["probabilities"], said.probabilities, rtol=1e-4)
    assert panel["answer"] == said.label
    assert scene(at, "pad")["under"] == scene(at, "answers")["pixels"]


def test_two_runs_answer_side_by_side_and_an_unknown_one_is_left_out(
    with_run: Run, open_page: Open
) -> None:
    other = mlcore.run(TINY.replace(seed=5), progress=False)

    at = open_page(PAGE, run=with_run.id, beside=f"nosuchrun,{other.id}")

    panels = scene(at, "answers")["runs"]
    assert [panel["id"] for panel in panels] == [with_run.id, other.id]
    assert panels[0]["outputs"] != panels[1]["outputs"]
    assert panels[0]["colour"] != panels[1]["colour"]
    other.delete()


def test_each_press_gives_the_next_test_image_of_the_class(with_run: Run, open_page: Open) -> None:
    at = open_page(PAGE, run=with_run.id)
    digits = load("mnist")
    threes = digits.test_images[digits.test_labels == 3].numpy()

    for three in threes[:2]:
        at.button(key="draw.class.3").click().run()
        at.run()
        assert pixels_of(at) == three.ravel().tolist()
        assert scene(at, "answers")["words"].endswith("class 3")


def test_a_data_set_of_other_classes_is_drawn_with_its_own(
    empty_store: Store, open_page: Open, tmp_path: Path
) -> None:
    write_folder(tmp_path / "own", train=70, test=30, classes=3)
    config = MNISTConfig(
        dataset="folder", data_dir=str(tmp_path / "own"), model="linear", batch_size=8, epochs=1
    )
    run = mlcore.run(config, progress=False)
    assert run.store is empty_store

    at = open_page(PAGE, tab="Neighbours")

    assert not at.exception
    assert scene(at, "answers")["runs"][0]["classes"] == ["0", "1", "2"]
    assert "of 70 training images" in scene(at, "maps")["groups"][0]["title"]


# --- what it sees ----------------------------------------------------------------------------


@pytest.mark.parametrize("tab", ["Pixels", "Layers", "Neighbours"])
def test_every_view_shows_that_two_ways_agree(with_run: Run, open_page: Open, tab: str) -> None:
    at = open_page(PAGE, tab=tab, run=with_run.id)

    proofs = [caption.value for caption in at.caption if "off by" in caption.value]
    assert proofs
    assert all("they agree" in proof for proof in proofs), proofs
    assert scene(at, "maps")["groups"]


def test_the_maps_are_those_of_the_functions(with_run: Run, open_page: Open) -> None:
    at = open_page(PAGE, tab="Pixels", run=with_run.id)
    at.selectbox(key="draw.label").set_value("4").run()
    at.run()

    digits = load("mnist")
    model = insight.on_pixels(with_run.model(), digits)
    picture = digits.test_images[0].numpy()
    expected = (
        insight.saliency(model, picture, 4).gradient,
        insight.integrated_gradients(model, picture, 4).values,
        insight.occlusion(model, picture, 4).drop,
    )
    groups = scene(at, "maps")["groups"]
    assert len(groups) == len(expected)
    for group, values in zip(groups, expected, strict=True):
        shown = np.frombuffer(base64.b64decode(group["tiles"][0]["values"]), "<f4")
        np.testing.assert_allclose(shown, values.ravel(), rtol=1e-5, atol=1e-6)


def test_the_walk_is_that_of_the_function_and_its_flip_is_said(
    with_run: Run, open_page: Open
) -> None:
    at = open_page(PAGE, tab="Fool it", run=with_run.id)

    digits = load("mnist")
    found = insight.walk(insight.on_pixels(with_run.model(), digits), digits.test_images[0].numpy())
    shown = scene(at, "walk")
    assert shown["flip"] == found.flips_at
    assert f"ε = {found.flips_at} of 255" in shown["words"]
    np.testing.assert_allclose(shown["outputs"], found.outputs, rtol=1e-4, atol=1e-6)
    signs = np.frombuffer(base64.b64decode(shown["direction"]), np.int8)
    assert signs.tolist() == found.direction.ravel().tolist()


def test_the_script_of_the_page_gives_what_the_page_shows(
    with_run: Run, open_page: Open, capsys: pytest.CaptureFixture[str]
) -> None:
    at = open_page(PAGE, tab="As Python", run=with_run.id)
    names: dict[str, Any] = {}

    exec(at.code[0].value, names)  # noqa: S102 - the page offers it for just that

    panel = scene(at, "answers")["runs"][0]
    assert names["picture"].ravel().tolist() == pixels_of(at)
    assert names["said"].label == panel["answer"]
    assert capsys.readouterr().out.startswith(panel["classes"][panel["answer"]])


# --- what the browser sends ------------------------------------------------------------------


@settings(max_examples=8)
@given(st.integers(0, 10**6), st.integers(1, 60))
def test_a_sheet_arrives_as_it_was_drawn(seed: int, blocks: int) -> None:
    random = np.random.default_rng(seed)
    sheet = np.zeros((SIDE, SIDE), dtype=np.uint8)
    for _ in range(blocks):
        top, left = random.integers(0, SIDE, 2)
        sheet[top : top + 20, left : left + 30] = random.integers(0, 256)
    runs: list[int] = []
    for value in sheet.ravel().tolist():
        if runs and runs[-2] == value and runs[-1] < 255:
            runs[-1] += 1
        else:
            runs += [value, 0]

    assert (read_ink(base64.b64encode(bytes(runs)).decode()) == sheet).all()


@pytest.mark.parametrize("text", ["", "no base64!", base64.b64encode(b"\x00\x05\xff").decode()])
def test_a_sheet_that_is_not_whole_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(DrawingError, match="did not arrive completely"):
        read_ink(text)
