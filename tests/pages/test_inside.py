"""The page Inside: every view of runs of every kind, against the package's own numbers."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from streamlit.dataframe_util import convert_arrow_bytes_to_pandas_df
from streamlit.testing.v1 import AppTest

import mlcore
from mlcore import MNISTConfig, Run
from mlcore.mnist import insight, load
from mlcore.mnist.insight import Pair
from mlcore.runs.execution.claims import take
from mlcore.runs.execution.recorder import execute
from mlcore.runs.process_id import ProcessId
from mlcore.runs.store.store import Store, open_store
from mlcore.ui.inside import relu, two_losses
from mlcore.ui.shared_digit import SharedDigit
from tests.pages.conftest import Open, captions

PAGE = "pages/inside.py"
VIEWS = ("Matrices", "Layer by layer", "Where it errs", "Plane")
SMALL = MNISTConfig(hidden=(16,), train_size=512, batch_size=256, epochs=2, lr=0.1)
KINDS = {
    "mlp": SMALL,
    "linear, cross-entropy": SMALL.replace(model="linear", loss="cross_entropy"),
    "mlp, normalized, dropout": SMALL.replace(normalization="batch", dropout=0.3),
    "cnn, bfloat16 where there is": SMALL.replace(
        model="cnn", channels=(4, 6), kernels=(5, 3), dense=12, precision="auto"
    ),
    "cnn, normalized": SMALL.replace(
        model="cnn", channels=(4,), kernels=(5,), dense=0, normalization="layer"
    ),
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Run]]:
    """A finished run of each kind, and one that kept the weights of its end alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLCORE_STORE", str(tmp_path_factory.mktemp("inside") / "runs.db"))
        found = {kind: mlcore.run(config) for kind, config in KINDS.items()}
        patch.setattr("mlcore.mnist.train.keeps", lambda *_: False)
        found["old"] = mlcore.run(SMALL.replace(seed=1))
    assert {run.status for run in found.values()} == {"finished"}
    yield found
    found["mlp"].store.close()


@pytest.fixture
def known(runs: dict[str, Run], monkeypatch: pytest.MonkeyPatch) -> dict[str, Run]:
    """The store of ``runs`` is the one in use."""
    monkeypatch.setenv("MLCORE_STORE", runs["mlp"].store.url)
    return runs


def charts(at: AppTest) -> list[pd.DataFrame]:
    """The rows each chart got, in order."""
    found = []
    for element in at.get("vega_lite_chart"):
        proto = element.proto
        raw = proto.data.data or proto.datasets[0].data.data
        found.append(convert_arrow_bytes_to_pandas_df(raw))
    return found


def words(at: AppTest) -> str:
    """All text of the page."""
    parts: list[Any] = [*at.caption, *at.markdown, *at.info, *at.error]
    return "\n".join(part.value for part in parts) + "".join(
        element.proto.body for element in at.get("html")
    )


# --- any view of any run ---------------------------------------------------------------------


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("kind", [*KINDS, "old"])
def test_every_view_opens_for_a_run_of_every_kind(
    kind: str, view: str, known: dict[str, Run], open_page: Open
) -> None:
    at = open_page(PAGE, tab=view, run=known[kind].id)

    assert not at.exception
    assert not at.error
    assert "They differ" not in words(at)
    assert known[kind].id in at.code[0].value


def test_the_newest_finished_run_is_shown_at_first(known: dict[str, Run], open_page: Open) -> None:
    at = open_page(PAGE)

    assert at.query_params["run"] == known["old"].id


def test_a_run_that_does_not_exist_is_named_and_another_shown(
    known: dict[str, Run], open_page: Open
) -> None:
    at = open_page(PAGE, run="nosuchrun")

    assert "No run has the id" in at.error[0].value
    assert at.selectbox(key="inside.run").value == known["old"].id


def test_a_chosen_run_goes_into_the_address_and_along_to_the_next_view(
    known: dict[str, Run], open_page: Open
) -> None:
    at = open_page(PAGE, tab="Where it errs")
    at.selectbox(key="inside.run").set_value(known["mlp"].id).run()

    assert at.query_params["run"] == known["mlp"].id
    assert known["mlp"].id in captions(at)


@pytest.mark.parametrize("view", VIEWS)
def test_from_run_to_run_every_control_finds_something_to_stand_on(
    view: str, known: dict[str, Run], open_page: Open
) -> None:
    at = open_page(PAGE, tab=view, run=known["mlp, normalized, dropout"].id)
    if view == "Matrices":
        at.segmented_control(key="inside.matrices.what").set_value("Feature maps").run()
        layers = at.selectbox(key="inside.matrices.layer.Feature maps")
        layers.set_value(layers.options[-1]).run()
    if view == "Layer by layer":
        at.selectbox(key="inside.algebra.break").set_value("hidden1").run()
    for kind in ("linear, cross-entropy", "cnn, normalized", "old"):
        at.selectbox(key="inside.run").set_value(known[kind].id).run()
        assert not at.exception
        assert known[kind].id in at.code[0].value


def test_a_hidden_layer_of_one_unit_is_shown_too(empty_store: Store, open_page: Open) -> None:
    run = mlcore.run(SMALL.replace(hidden=(1,)))
    at = open_page(PAGE, tab="Layer by layer", run=run.id)
    at.selectbox(key="inside.algebra.layer.4").set_value(1).run()

    assert not at.exception
    assert empty_store.list() == [run]


def test_a_run_at_its_start_shows_the_weights_before_the_first_step(
    empty_store: Store, open_page: Open
) -> None:
    run = empty_store.submit(SMALL)
    claim = take(empty_store, ProcessId.of(), run.id)
    assert claim is not None
    execute(claim, interrupted=lambda: True)

    at = open_page(PAGE, run=run.id)

    assert not at.exception
    assert "only the initial weights" in words(at)


def test_without_a_run_one_button_trains_the_course_and_a_waiting_run_says_so(
    empty_store: Store, open_page: Open
) -> None:
    at = open_page(PAGE)
    assert "No network has been trained yet" in at.info[0].value

    at.button(key="inside.first").click().run()

    [run] = empty_store.list()
    assert run.config == MNISTConfig()
    assert not at.exception
    assert "has saved no weights yet" in at.error[0].value
    assert at.button(key=f"inside.card.{run.id}.Stop")


def test_an_unfinished_run_is_shown_as_it_was_after_its_last_epoch(
    empty_store: Store, open_page: Open
) -> None:
    run = empty_store.submit(SMALL.replace(epochs=3))
    claim = take(empty_store, ProcessId.of(), run.id)
    assert claim is not None
    seen: list[int] = []
    execute(
        claim,
        interrupted=lambda: bool(seen and seen[-1] >= 3),
        watch=lambda s: seen.append(s.index),
    )

    at = open_page(PAGE, tab="Where it errs", run=run.id)

    assert run.refresh().status == "stopped"
    assert f"Run `{run.id}`, after epoch 1." in captions(at)
    assert "They agree." in words(at)


@pytest.mark.usefixtures("broken_store")
def test_a_broken_store_is_a_sentence(open_page: Open) -> None:
    at = open_page(PAGE)

    assert not at.exception
    assert "no SQLite database" in at.error[0].value


def test_a_deleted_run_is_named_and_another_shown(empty_store: Store, open_page: Open) -> None:
    gone = mlcore.run(SMALL)
    gone.delete()

    at = open_page(PAGE, run=gone.id)

    assert not at.exception
    assert "No network has been trained yet" in at.info[0].value
    assert f"Run {gone.id} was deleted" in at.error[0].value
    assert empty_store.list() == []


# --- matrices --------------------------------------------------------------------------------


def test_the_history_is_that_of_the_package(known: dict[str, Run], open_page: Open) -> None:
    run = known["mlp"]
    at = open_page(PAGE, tab="Matrices", run=run.id)

    [rows] = charts(at)
    models = [
        (step / 2, mlcore.mnist.load_weights(run.config, mlcore.Snapshot(run.arrays(step))))  # type: ignore[arg-type]  # a run of MNIST
        for step in run.array_steps()
    ]
    expected = insight.weight_history(models)
    pd.testing.assert_frame_equal(rows, expected, check_dtype=False)
    assert "max|Δ| = 0. They agree." in words(at)


def test_a_run_without_kept_weights_shows_those_of_its_end_and_says_why(
    known: dict[str, Run], open_page: Open
) -> None:
    at = open_page(PAGE, tab="Matrices", run=known["old"].id)

    assert "saved only its final weights" in words(at)
    assert charts(at) == []


@pytest.mark.parametrize("kind", ["mlp", "cnn, bfloat16 where there is"])
def test_feature_maps_of_a_digit_are_shown_for_each_layer(
    kind: str, known: dict[str, Run], open_page: Open
) -> None:
    at = open_page(PAGE, tab="Matrices", run=known[kind].id)
    at.segmented_control(key="inside.matrices.what").set_value("Feature maps").run()
    layers = at.selectbox(key="inside.matrices.layer.Feature maps")
    for layer in layers.options:
        at.selectbox(key="inside.matrices.layer.Feature maps").set_value(layer).run()
        assert not at.exception
        assert not at.error


# --- layer by layer --------------------------------------------------------------------------


def test_breaking_a_width_shows_torchs_own_words_at_the_row_that_receives(
    known: dict[str, Run], open_page: Open
) -> None:
    at = open_page(PAGE, tab="Layer by layer", run=known["mlp"].id)
    assert "they agree" in words(at)

    at.selectbox(key="inside.algebra.break").set_value("hidden1").run()
    at.number_input(key="inside.algebra.in.hidden1.784").set_value(784).run()
    assert "PyTorch says" not in words(at)
    at.number_input(key="inside.algebra.out.hidden1.16").set_value(15).run()

    said = at.error[0].value.replace("\\", "")
    assert "mat1 and mat2 shapes cannot be multiplied (1x15 and 16x10)" in said
    assert "**output**" in said
    assert "insight.Broken(layer='hidden1', inputs=784, outputs=15)" in at.code[0].value


def test_the_written_sum_follows_the_unit(known: dict[str, Run], open_page: Open) -> None:
    at = open_page(PAGE, tab="Layer by layer", run=known["mlp"].id)
    slider = next(s for s in at.slider if str(s.key).startswith("inside.algebra.unit"))

    slider.set_value(3).run()

    assert at.latex[0].value.strip("$\n ").startswith("z_{3} =")
    assert "They agree." in words(at)


# --- where it errs ---------------------------------------------------------------------------


def test_the_matrix_is_the_runs_own_and_the_classes_have_intervals(
    known: dict[str, Run], open_page: Open
) -> None:
    run = known["linear, cross-entropy"]
    at = open_page(PAGE, tab="Where it errs", run=run.id)

    confusion, classes, bins = charts(at)
    recorded = run.arrays(run.step)["confusion"].numpy()
    assert confusion["count"].tolist() == recorded.ravel().tolist()
    assert classes["right"].tolist() == recorded.diagonal().tolist()
    assert (classes["low"] < classes["high"]).all()
    assert bins["images"].sum() == 10_000


# --- plane -----------------------------------------------------------------------------------


def test_the_plane_is_that_of_the_last_hidden_layer(known: dict[str, Run], open_page: Open) -> None:
    run = known["mlp"]
    at = open_page(PAGE, tab="Plane", run=run.id)

    [rows] = charts(at)
    digits = load()
    model = insight.on_pixels(run.model(), digits)
    plane = insight.principal_plane(insight.forward(model, digits.test_images[:2000]).features)
    np.testing.assert_allclose(rows[["x", "y"]], plane.places, atol=1e-3)
    assert rows["class"].tolist() == [str(label) for label in digits.test_labels[:2000].tolist()]
    assert rows["image"].str.startswith("data:image/png;base64,").all()


def test_drawn_digits_stand_among_the_others_where_the_network_puts_them(
    known: dict[str, Run], open_page: Open
) -> None:
    digits = load()
    own = SharedDigit(digits.test_images[3].numpy(), "your drawing", "d1", own=True)
    at = open_page(PAGE, tab="Matrices", run=known["mlp"].id)
    at.session_state["drawn.own"] = (own,)
    at.query_params["tab"] = "Plane"
    at.session_state["tab"] = "Plane"
    at.run()

    [rows] = charts(at)
    mine = rows[rows["kind"] == "own"]
    twin = rows.iloc[3]
    assert mine["words"].tolist() == ["your drawing"]
    np.testing.assert_allclose(mine[["x", "y"]].iloc[0], [twin["x"], twin["y"]], atol=1e-4)
    assert mine["guess"].iloc[0] == twin["guess"]


def test_without_umap_the_page_says_how_to_get_it(
    known: dict[str, Run], open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "umap", None)
    at = open_page(PAGE, tab="Plane", run=known["mlp"].id)

    at.segmented_control(key="inside.plane.way").set_value("UMAP").run()

    assert not at.exception
    assert "pip install" in at.info[0].value


def test_with_umap_the_places_are_those_it_lays(
    known: dict[str, Run], open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Reducer:
        def __init__(self, **_options: object) -> None:
            pass

        def fit_transform(self, points: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
            return points[:, :2] + 100

    monkeypatch.setitem(sys.modules, "umap", SimpleNamespace(UMAP=Reducer))
    at = open_page(PAGE, tab="Plane", run=known["linear, cross-entropy"].id)

    at.segmented_control(key="inside.plane.way").set_value("UMAP").run()

    assert not at.exception
    [rows] = charts(at)
    assert rows["x"].min() > 50


# --- the paired experiments ------------------------------------------------------------------


@pytest.fixture
def tiny_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both experiments on networks that train in a blink."""

    def pair_of(module: Any, field: str, loss: str) -> None:
        monkeypatch.setattr(
            module,
            "experiment",
            lambda lr, seeds: Pair(field, module.ARMS, SMALL.replace(lr=lr, loss=loss), seeds),
        )

    pair_of(two_losses, "loss", "mse")
    pair_of(relu, "activation", "cross_entropy")


@pytest.mark.usefixtures("tiny_pairs")
@pytest.mark.parametrize(
    ("tab", "key"), [("Two losses", "inside.losses"), ("With or without ReLU", "inside.relu")]
)
def test_one_click_starts_both_arms_of_every_seed(
    tab: str, key: str, empty_store: Store, open_page: Open
) -> None:
    at = open_page(PAGE, tab=tab)
    assert "start from the same weights (max|Δ| = 0)" in words(at)

    at.button(key=f"{key}.start").click().run()

    assert not at.exception
    queued = empty_store.list()
    assert len(queued) == 6
    assert {run.seed for run in queued} == {0, 1, 2}
    assert at.button(key=f"{key}.start").disabled
    at.button(key=f"{key}.stop").click().run()
    assert {run.status for run in empty_store.list()} == {"stopped"}


@pytest.mark.usefixtures("tiny_pairs", "empty_store")
def test_finished_pairs_show_differences_and_the_digits_they_disagree_about(
    open_page: Open,
) -> None:
    pair = two_losses.experiment(0.05, (0, 1, 2))
    found = {who: mlcore.run(config) for who, config in pair.configs().items()}

    at = open_page(PAGE, tab="Two losses")

    assert not at.exception
    ended = {who: run.latest()["test_accuracy"] for who, run in found.items()}
    table = insight.paired_accuracy(ended, tuple(pair.arms))
    made = insight.paired_difference(table["difference"].to_numpy())
    assert "The weights recorded at step 0 by the 3 pairs: max|Δ| = 0." in words(at)
    assert f"**{100 * made.mean:+.2f} points** on average over 3 pairs" in words(at)
    answers = {metric.label: int(metric.value.replace(",", "")) for metric in at.metric}
    assert sum(answers.values()) == 10_000
    for arm in pair.arms:
        right = answers["Both correct"] + answers[f"Only {arm}"]
        assert right / 10_000 == pytest.approx(ended[arm, 0])


@pytest.mark.usefixtures("tiny_pairs", "empty_store")
def test_without_relu_the_matrices_are_one_map_and_with_it_they_are_not(open_page: Open) -> None:
    for config in relu.experiment(0.05, (0, 1, 2)).configs().values():
        mlcore.run(config)

    at = open_page(PAGE, tab="With or without ReLU")

    assert not at.exception
    assert "without ReLU: the map is the network" in words(at)
    assert "with ReLU: it is not" in words(at)
    open_store().close()
