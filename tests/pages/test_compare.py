"""The page Compare: its numbers against the package and SciPy, its link, its buttons, its files."""

import io
import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from streamlit.dataframe_util import convert_arrow_bytes_to_pandas_df
from streamlit.testing.v1 import AppTest

import mlcore
from mlcore import MNISTConfig, Run
from mlcore.charts import files
from mlcore.charts.spaces import heatmap, parallel_coordinates, scatter
from mlcore.runs.analysis.comparison import Comparison, compare
from mlcore.runs.export import to_zip
from mlcore.runs.imports import import_zip
from mlcore.runs.store.organize import edit
from mlcore.runs.store.store import Store, open_store
from mlcore.ui.runs import export_menu, spaces, tables, verdicts
from mlcore.ui.runs.lines import Lines, run_labels
from tests.pages.conftest import TINY, Open
from tests.runs.made import made as recorded

PAGE = "pages/compare.py"
RATES = (0.001, 0.05)
SEEDS = 3


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with three seeds of each of two learning rates."""
    folder = tmp_path_factory.mktemp("compare")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLCORE_STORE", str(folder / "runs.db"))
        for lr in RATES:
            for seed in range(SEEDS):
                mlcore.run(TINY.replace(lr=lr, seed=seed), progress=False)
        open_store().close()
    return folder


@pytest.fixture
def store(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A copy of it for one test."""
    shutil.copytree(made, tmp_path / "copy")
    monkeypatch.setenv("MLCORE_STORE", str(tmp_path / "copy" / "runs.db"))
    return open_store()


def by_age(store: Store) -> list[Run]:
    return store.list(newest_first=False)


def link(*runs: Run) -> str:
    return ",".join(run.id for run in runs)


def words(at: AppTest) -> str:
    return " ".join(element.value for element in at.markdown).replace("\\", "")


def drawn(at: AppTest) -> pd.DataFrame:
    proto = at.get("vega_lite_chart")[0].proto
    raw = proto.data.data or proto.datasets[0].data.data
    rows: pd.DataFrame = convert_arrow_bytes_to_pandas_df(raw)
    return rows


def spec(at: AppTest) -> dict[str, object]:
    whole: dict[str, object] = json.loads(at.get("vega_lite_chart")[0].proto.spec)
    return whole


# --- the answer --------------------------------------------------------------------------------


def test_the_verdict_is_that_of_welchs_test(store: Store, open_page: Open) -> None:
    runs = by_age(store)
    at = open_page(PAGE, runs=link(*runs))

    [contrast] = compare(runs).contrasts
    last = [run.latest()["test_accuracy"] for run in runs]
    scipy = stats.ttest_ind(last[SEEDS:], last[:SEEDS], equal_var=False)
    assert contrast.p == pytest.approx(scipy.pvalue, rel=1e-9)
    assert scipy.pvalue < 0.05
    assert contrast.sentence in words(at)
    assert "B is better by" in words(at)


def test_runs_equal_but_for_the_seed_are_one_line_with_its_spread(
    store: Store, open_page: Open
) -> None:
    runs = by_age(store)
    at = open_page(PAGE, runs=link(*runs))
    table = at.dataframe[0].value
    assert table["n"].tolist() == [SEEDS, SEEDS]
    rows = drawn(at)
    assert rows["label"].nunique() == 2
    curves = pd.DataFrame([run.metrics(["test_accuracy"])["value"] for run in runs[:SEEDS]])
    mean = rows[rows["label"].str.startswith("A")]["value"]
    assert mean.tolist() == pytest.approx(curves.mean().tolist())

    at.segmented_control(key="lines").set_value("each run").run()
    assert drawn(at)["label"].nunique() == 2 * SEEDS


def test_the_table_of_runs_is_sorted_best_first_with_the_stores_numbers(
    store: Store, open_page: Open
) -> None:
    runs = by_age(store)
    at = open_page(PAGE, runs=link(*runs), lines="each run")
    table = at.dataframe[0].value.set_index("id")
    assert table["value"].is_monotonic_decreasing
    for run in runs:
        assert table.loc[run.id, "value"] == run.latest()["test_accuracy"]


def test_more_seeds_are_queued_with_seeds_that_are_new(store: Store, open_page: Open) -> None:
    runs = by_age(store)
    at = open_page(PAGE, runs=link(runs[0], runs[SEEDS]))
    assert "are not distinguishable with 1 seed each" in words(at)

    at.button(key="compare.more").click().run()

    assert not at.exception
    ids = at.query_params["runs"].split(",")
    assert len(ids) == 6
    configs = [store.get(run_id).config for run_id in ids]
    assert {(c.lr, c.seed) for c in configs if isinstance(c, MNISTConfig)} == {
        (lr, seed) for lr in RATES for seed in range(SEEDS)
    }


def test_a_queued_run_is_followed(store: Store, open_page: Open) -> None:
    runs = [*by_age(store)[:2], store.submit(TINY.replace(lr=0.2))]
    at = open_page(PAGE, runs=link(*runs))
    assert not at.exception
    assert "compare.more" not in [button.key for button in at.button]
    assert "0 running, 1 waiting" in at.get("progress")[0].proto.text


def test_with_three_groups_a_verdict_says_than_which(store: Store) -> None:
    runs = by_age(store)
    three = compare([*runs, store.submit(TINY.replace(lr=0.2))])
    [contrast] = three.contrasts
    assert contrast.sentence.startswith("B is better by")
    assert verdicts.said(three, contrast).startswith("B is better than A by")


def test_many_pairs_are_one_line_and_one_button(store: Store, open_page: Open) -> None:
    runs = by_age(store)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLCORE_STORE", store.url)
        runs.append(mlcore.run(TINY.replace(lr=0.2), progress=False))
    at = open_page(PAGE, runs=link(*runs), view="How sure")

    comparison = compare(runs)
    assert len(comparison.contrasts) == 3
    sure = sum(contrast.better is not None for contrast in comparison.contrasts)
    assert f"{sure} of 3 pairs" in verdicts.summary(comparison).replace("All 3", "3 of 3")
    for contrast in comparison.contrasts:
        assert verdicts.said(comparison, contrast) in words(at)
    asked = verdicts.lacking(comparison)
    assert asked == {
        letter: max(contrast.more_seeds.get(letter, 0) for contrast in comparison.contrasts)
        for letter in asked
    }
    assert [button.key for button in at.button].count("compare.more") == 1


def test_no_seeds_are_offered_that_can_only_be_refused(store: Store) -> None:
    runs = by_age(store)
    [copy] = import_zip(store, to_zip([runs[SEEDS]]), "run.zip")
    few = compare([runs[0], copy], store=store)
    [contrast] = few.contrasts
    assert set(contrast.more_seeds) == {"A"}
    assert set(verdicts.lacking(few)) == {"A"}


# --- the question ------------------------------------------------------------------------------


def test_a_link_opens_the_view_it_names(store: Store, open_page: Open) -> None:
    runs = by_age(store)
    at = open_page(
        PAGE,
        runs=link(*runs),
        metric="train_loss",
        better="lower",
        measure="best",
        axis="epoch",
        lines="each run",
        logx="true",
        logy="true",
        smoothing="0.5",
        baseline=runs[0].id,
        view="What differs",
    )

    assert at.selectbox(key="metric").value == "train_loss"
    assert at.selectbox(key="measure").value == "best"
    assert at.slider(key="smoothing").value == 0.5
    assert at.toggle(key="logx").value
    assert at.toggle(key="logy").value
    assert at.selectbox(key="compare.baseline").value == runs[0].id
    assert spec(at)["title"] == "Train loss"
    rows = drawn(at)
    assert (rows["x"] > 0).all()
    assert rows["x"].max() == TINY.epochs
    assert "raw" in rows
    assert at.dataframe[0].value.index.tolist() == ["lr", "seed"]


def test_without_a_choice_the_newest_finished_runs_are_compared(
    store: Store, open_page: Open
) -> None:
    at = open_page(PAGE)
    assert at.query_params["runs"].split(",") == [run.id for run in store.list()]
    assert at.get("vega_lite_chart")


@pytest.mark.usefixtures("empty_store")
def test_without_runs_the_page_says_how_to_get_some(open_page: Open) -> None:
    at = open_page(PAGE)
    assert "Runs to compare" in at.info[0].value
    assert not at.get("vega_lite_chart")


def test_a_run_that_is_gone_is_named_and_the_others_are_drawn(
    store: Store, open_page: Open
) -> None:
    kept, trashed = by_age(store)[:2]
    trashed.delete()
    at = open_page(PAGE, runs=f"{kept.id},{trashed.id},nosuchid")
    assert [trashed.id in at.error[0].value, "nosuchid" in at.error[1].value] == [True, True]
    assert at.get("vega_lite_chart")


def test_time_to_a_target_is_in_seconds_and_less_is_better(store: Store, open_page: Open) -> None:
    runs = by_age(store)
    at = open_page(PAGE, runs=link(*runs), measure="time to")
    at.number_input(key="target").set_value(0.2).run()
    at.segmented_control(key="lines").set_value("each run").run()

    table = at.dataframe[0].value.set_index("id")
    for run in runs:
        points = run.metrics(["test_accuracy"])
        reached = points.loc[points["value"] >= 0.2, "time"]
        expected = reached.iloc[0] if len(reached) else float("nan")
        assert table["value"][run.id] == pytest.approx(expected, nan_ok=True)


def test_a_pinned_baseline_is_what_the_others_are_held_against(
    store: Store, open_page: Open
) -> None:
    runs = by_age(store)
    at = open_page(PAGE, runs=link(*runs), lines="each run")
    at.selectbox(key="compare.baseline").set_value(runs[SEEDS].id).run()

    assert at.query_params["baseline"] == runs[SEEDS].id
    table = at.dataframe[0].value.set_index("id")
    against = runs[SEEDS].latest()["test_accuracy"]
    expected = 100 * (runs[0].latest()["test_accuracy"] - against)
    assert table.loc[runs[0].id, "difference"] == pytest.approx(expected)


# --- settings and results ----------------------------------------------------------------------


@pytest.mark.parametrize("way", ["Parallel", "Scatter", "Heatmap", "Importance"])
def test_every_way_to_see_settings_works(store: Store, open_page: Open, way: str) -> None:
    at = open_page(PAGE, runs=link(*by_age(store)), view="Settings", space=way)
    assert not at.exception
    assert not at.error


@pytest.mark.parametrize("way", ["Parallel", "Scatter", "Heatmap", "Importance"])
def test_a_measure_that_no_run_has_breaks_no_view(store: Store, open_page: Open, way: str) -> None:
    at = open_page(
        PAGE,
        runs=link(*by_age(store)),
        measure="epochs to",
        target="2",
        view="Settings",
        space=way,
    )
    assert not at.exception
    assert "0 of 2 groups" in at.info[0].value


def test_the_table_of_settings_has_the_fields_that_differ(store: Store) -> None:
    frame = spaces.frame_of(compare(by_age(store)))
    assert spaces.fields_of(frame) == ["lr", "seed"]
    assert frame["lr"].tolist() == [lr for lr in RATES for _ in range(SEEDS)]
    assert frame[spaces.MEASURE].tolist() == frame["last test_accuracy"].tolist()


def test_every_chart_of_settings_becomes_a_file(store: Store) -> None:
    frame = spaces.frame_of(compare(by_age(store)))
    for chart in (
        scatter(frame, "lr", spaces.MEASURE, "seed", label="run"),
        heatmap(frame, "lr", "seed", spaces.MEASURE),
        parallel_coordinates(frame, ["lr", "seed"], spaces.MEASURE, label="run"),
    ):
        assert files.as_svg(chart).count("<path") > 2
        assert "vega-lite+json" in files.as_html(chart, "Settings")


def test_how_sure_shows_both_methods(store: Store, open_page: Open) -> None:
    at = open_page(PAGE, runs=link(*by_age(store)), view="How sure")
    [row] = at.dataframe[0].value.to_dict("records")
    assert row["pair"] == "B − A"
    assert row["Welch from"] < row["bootstrap from"] < row["difference"]


# --- taking along ------------------------------------------------------------------------------


@pytest.fixture
def lines(store: Store) -> Lines:
    return Lines(compare(by_age(store)), "run", 0.0, False, False)


def test_nothing_is_built_before_it_is_asked_for(
    store: Store, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[object] = []

    def build(runs: object) -> bytes:
        built.append(runs)
        return b""

    for name in ("to_csv", "to_parquet", "to_json", "to_zip"):
        monkeypatch.setattr(export_menu, name, build)
    at = open_page(PAGE, runs=link(*by_age(store)), view="Take along")
    labels = [button.proto.label for button in at.get("download_button")]
    assert labels == [
        "SVG",
        "PNG",
        "HTML",
        "HTML report",
        "CSV",
        "Parquet",
        "JSON",
        "Runs as a zip",
    ] + (["TensorBoard files"] if "TensorBoard files" in labels else [])
    assert built == []


def test_the_code_gives_the_same_comparison(lines: Lines) -> None:
    python, command = export_menu.code_of(lines.comparison)
    scope: dict[str, object] = {}
    exec(python, scope)  # noqa: S102 - the page's own text, which a person would run
    again = scope["comparison"]
    assert isinstance(again, Comparison)
    pd.testing.assert_frame_equal(again.curves, lines.comparison.curves)
    assert command.startswith(f"mlcore compare {lines.comparison.ids[0]}")


def test_event_files_come_as_one_zip_with_a_folder_a_run(store: Store) -> None:
    pytest.importorskip("tensorboard")
    runs = by_age(store)[:2]
    with zipfile.ZipFile(io.BytesIO(export_menu.event_files(runs))) as archive:
        folders = {name.split("/")[0] for name in archive.namelist()}
    assert len(folders) == 2


def test_hostile_names_are_text_in_labels_and_in_the_spec(store: Store, open_page: Open) -> None:
    runs = by_age(store)[:3]
    names = ["</script><img src=x onerror=alert(1)>", "**x** $x$ :red[x]", "x" * 10_000]
    for run, name in zip(runs, names, strict=True):
        edit(store, [run.id], name=name)
    at = open_page(PAGE, runs=link(*runs), lines="each run")
    assert not at.exception
    labels = run_labels(compare(runs))
    assert all(len(label) < 80 for label in labels.values())
    assert set(drawn(at)["label"]) == set(labels.values())


def test_the_folds_of_a_cross_validation_are_one_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLCORE_STORE", str(tmp_path / "folds.db"))
    store = open_store()
    plain, split = MNISTConfig(lr=0.2), MNISTConfig(train_size=300, folds=3)
    scores = (0.9, 0.92, 0.97)
    runs = [recorded(store, plain, {"validation_accuracy": {9: 0.8}})]
    for fold, score in enumerate(scores, start=1):
        runs.append(recorded(store, split.replace(fold=fold), {"validation_accuracy": {9: score}}))
    ids = [run.id for run in runs]

    comparison = compare(ids, metric="validation_accuracy", baseline=ids[0], store=store)

    for frame in (tables.run_frame(comparison), tables.group_frame(comparison)):
        assert len(frame) == 2
        mean, alone = frame.to_dict("records")
        assert "mean of 3 folds" in mean["name"]
        assert mean["value"] == pytest.approx(np.mean(scores))
        assert mean["error"] == pytest.approx(stats.sem(scores))
        assert mean["difference"] == pytest.approx(100 * (np.mean(scores) - 0.8))
        assert alone["name"].startswith("◆ ")
        assert np.isnan(alone["error"])

    within = compare(ids[1:], metric="validation_accuracy", baseline=ids[2], store=store)
    [only] = tables.run_frame(within).to_dict("records")
    assert only["name"].startswith("◆ ")
    assert only["difference"] == 0
    partly = compare(ids[1:3], metric="validation_accuracy", store=store)
    assert len(tables.run_frame(partly)) == 2  # a fold lacks: no mean is told
