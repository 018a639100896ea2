"""The MNIST page: each tab against what is known otherwise."""

import lzma
from pathlib import Path

import numpy as np
import pytest

import mlcore
import mlcore.mnist
from mlcore import MNISTConfig, Run
from mlcore.runs.store.store import Store
from tests.pages.chart_rows import charts
from tests.pages.conftest import TINY, Open, captions

PAGE = "pages/mnist.py"
FILES = Path(mlcore.mnist.__file__).parent / "files"


def true_counts(name: str) -> list[int]:
    raw = lzma.decompress((FILES / f"{name}-labels-idx1-ubyte.xz").read_bytes())
    counts: list[int] = np.bincount(np.frombuffer(raw, np.uint8, offset=8), minlength=10).tolist()
    return counts


# --- data ------------------------------------------------------------------------------------


@pytest.mark.usefixtures("empty_store")
def test_data_counts_are_those_of_the_files(open_page: Open) -> None:
    at = open_page(PAGE)

    counts = charts(at)[0]
    assert counts.loc[counts["split"] == "train", "count"].tolist() == true_counts("train")
    assert counts.loc[counts["split"] == "test", "count"].tolist() == true_counts("t10k")
    assert "5,421 to 6,742 per class" in captions(at)


@pytest.mark.usefixtures("empty_store")
def test_one_digit_is_shown_as_the_numbers_of_its_file(open_page: Open) -> None:
    at = open_page(PAGE)
    at.selectbox(key="mnist.data.class").set_value("4").run()
    place = int(str(at.select_slider(key="mnist.data.place").value))

    raw = lzma.decompress((FILES / "train-images-idx3-ubyte.xz").read_bytes())
    pixels = np.frombuffer(raw, dtype=np.uint8, offset=16).reshape(-1, 784)[place]
    assert charts(at)[1]["value"].tolist() == pixels.tolist()


@pytest.mark.usefixtures("empty_store")
def test_a_data_set_that_is_not_to_be_had_is_explained_in_a_sentence(
    open_page: Open, tmp_path: Path
) -> None:
    at = open_page(PAGE, dataset="folder", data_dir=str(tmp_path))

    assert not at.exception
    assert "train-images-idx3-ubyte" in at.error[0].value


# --- shapes ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("empty_store")
def test_the_ledger_has_the_parameters_of_the_closed_form(open_page: Open) -> None:
    at = open_page(PAGE, tab="Shapes", hidden="32, 16", batch_size="8")

    table = at.dataframe[0].value
    linear = table[table["Layer"].str.startswith("Linear")]
    assert linear["Shapes"].tolist() == [
        "(8, 784) @ (784, 32) → (8, 32)",
        "(8, 32) @ (32, 16) → (8, 16)",
        "(8, 16) @ (16, 10) → (8, 10)",
    ]
    assert linear["Parameters"].tolist() == [784 * 32 + 32, 32 * 16 + 16, 16 * 10 + 10]
    assert "They agree." in captions(at)
    assert "hidden=(32, 16)" in at.code[0].value


@pytest.mark.usefixtures("empty_store")
def test_a_wrong_network_is_explained_beside_its_field(open_page: Open) -> None:
    at = open_page(PAGE, tab="Shapes", hidden="0")

    assert at.error[0].value.startswith("hidden is 0, but must be 1 to")
    assert not at.dataframe


# --- train -----------------------------------------------------------------------------------


def test_start_queues_the_config_of_the_form_and_shows_it(
    empty_store: Store, open_page: Open
) -> None:
    at = open_page(PAGE, tab="Train")
    assert "No network has been trained on these digits yet" in at.info[0].value

    at.session_state["mnist.group.Network"] = True
    at.run()
    at.text_input(key="mnist.hidden").set_value("32").run()
    at.button(key="mnist.start").click().run()

    [run] = empty_store.list()
    assert run.config == MNISTConfig(hidden=(32,))
    assert at.query_params["runs"] == run.id
    assert at.button(key=f"mnist.live.{run.id}.Pause")
    assert "mlcore run mnist --hidden 32" in [code.value for code in at.code]


def test_a_wrong_value_disables_start_and_nothing_is_queued(
    empty_store: Store, open_page: Open
) -> None:
    at = open_page(PAGE, tab="Train", lr="-1", hidden="32")

    assert at.button(key="mnist.start").disabled
    assert at.error[0].value.replace("\\", "").startswith("lr is -1.0, but must be")
    assert at.text_input(key="mnist.hidden").value == "32"
    assert empty_store.list() == []


def test_stop_and_resume_change_the_state_of_the_run(empty_store: Store, open_page: Open) -> None:
    run = empty_store.submit(MNISTConfig())
    at = open_page(PAGE, tab="Train", runs=run.id)

    at.button(key=f"mnist.live.{run.id}.Stop").click().run()
    assert run.refresh().status == "stopped"
    at.button(key=f"mnist.live.{run.id}.Resume").click().run()
    assert run.refresh().status == "queued"
    at.button(key=f"mnist.live.{run.id}.Pause").click().run()
    assert run.refresh().status == "paused"


def test_a_config_that_was_run_before_answers_at_once_and_says_cached(
    with_run: Run, open_page: Open
) -> None:
    params = {name: str(value) for name, value in TINY.changes().items()}
    at = open_page(PAGE, tab="Train", **params)
    assert "cached" not in " ".join(element.value for element in at.markdown)

    at.button(key="mnist.start").click().run()

    assert "cached" in " ".join(element.value for element in at.markdown)
    assert at.query_params["runs"] == with_run.id
    assert [run.id for run in with_run.store.list()] == [with_run.id]


def test_the_curves_are_the_recorded_points(with_run: Run, open_page: Open) -> None:
    at = open_page(PAGE, tab="Train", runs=with_run.id)

    rows = charts(at)[0]
    for kind in ("train", "test"):
        drawn = rows[rows["kind"] == kind]
        recorded = with_run.metrics([f"{kind}_loss"])
        assert drawn["x"].tolist() == recorded["step"].tolist()
        assert drawn["value"].tolist() == recorded["value"].tolist()
    assert rows.loc[rows["kind"] == "end", "x"].tolist() == [4]


def test_log_scale_draws_the_error_rate(with_run: Run, open_page: Open) -> None:
    at = open_page(PAGE, tab="Train", runs=with_run.id)

    at.toggle(key="mnist.live.log").set_value(True).run()

    rows = charts(at)[1]
    recorded = with_run.metrics(["test_accuracy"])["value"]
    assert rows.loc[rows["kind"] == "test", "value"].tolist() == (1 - recorded).tolist()


def test_an_unknown_run_is_named_and_the_others_are_shown(with_run: Run, open_page: Open) -> None:
    at = open_page(PAGE, tab="Train", runs=f"nosuchrun,{with_run.id}")

    assert "No run has the id nosuchrun" in at.error[0].value
    assert len(charts(at)) == 2


def test_the_switch_cross_validates_the_form_and_the_page_shows_the_folds_together(
    empty_store: Store, open_page: Open
) -> None:
    given = TINY.replace(epochs=1)
    at = open_page(PAGE, tab="Train", **{k: str(v) for k, v in given.changes().items()})
    at.toggle(key="mnist.cv").set_value(True).run()
    at.number_input(key="mnist.cv.folds").set_value(2.0).run()
    at.button(key="mnist.cv.start").click().run()

    runs = empty_store.list(newest_first=False)
    assert [run.config for run in runs] == [given.replace(folds=2, fold=f) for f in (1, 2)]
    assert at.query_params["runs"] == ",".join(run.id for run in runs)
    assert "The mean over 2 folds follows when all have finished." in captions(at)
    command = given.replace(folds=2).as_command("cv")
    assert command in [code.value for code in at.code]

    for run in runs:
        mlcore.run(run.config)
    at.run()
    result = mlcore.cross_validate(given, folds=2)
    said = result.sentence()[1:]
    assert any(said in element.value.replace("\\", "") for element in at.markdown)
    at.session_state[f"mnist.cv.{runs[0].id}"] = True
    at.run()
    confusion = next(rows for rows in charts(at) if "predicted" in rows)
    assert confusion["count"].tolist() == result.confusion().flatten().tolist()


def test_folds_that_do_not_fit_the_form_are_refused_in_a_sentence(
    empty_store: Store, open_page: Open
) -> None:
    at = open_page(PAGE, tab="Train", validation_size="100")
    at.toggle(key="mnist.cv").set_value(True).run()

    assert at.button(key="mnist.cv.start").disabled
    assert at.error[0].value.startswith("folds is 5, but validation\\_size is 100, and a run has")
    assert empty_store.list() == []


# --- predictions -----------------------------------------------------------------------------


def test_predictions_of_the_last_epoch_agree_with_the_recorded_accuracy(
    with_run: Run, open_page: Open
) -> None:
    at = open_page(PAGE, tab="Predictions")

    assert at.select_slider(key=f"mnist.predictions.step.{with_run.id}").value == 4
    assert "They agree." in captions(at)
    confusion = charts(at)[0]
    assert confusion["count"].sum() == 10_000
    assert confusion["count"].tolist() == with_run.arrays(4)["confusion"].flatten().tolist()


def test_an_earlier_epoch_shows_its_own_matrix(with_run: Run, open_page: Open) -> None:
    at = open_page(PAGE, tab="Predictions")

    at.select_slider(key=f"mnist.predictions.step.{with_run.id}").set_value(0).run()

    assert not at.exception
    drawn = charts(at)[0]["count"].tolist()
    assert drawn == with_run.arrays(0)["confusion"].flatten().tolist()
    assert "run.arrays(0)" in at.code[0].value


def test_predictions_without_runs_offer_to_train(empty_store: Store, open_page: Open) -> None:
    at = open_page(PAGE, tab="Predictions")

    at.button(key="mnist.first").click().run()

    assert not at.exception
    assert [run.config for run in empty_store.list()] == [MNISTConfig()]


def test_predictions_of_a_run_that_waits_show_its_card(empty_store: Store, open_page: Open) -> None:
    run = empty_store.submit(MNISTConfig())

    at = open_page(PAGE, tab="Predictions")

    assert "The first predictions appear when the run starts" in at.info[0].value
    assert at.button(key=f"mnist.predictions.card.{run.id}.Stop")
