"""The page Sweeps: what it starts, what it shows of what was found, what it lets one ask."""

import re
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import update
from streamlit.testing.v1 import AppTest

import mlcore
from mlcore import MNISTConfig, RegressionConfig
from mlcore.charts.trial_curves import rank_colour
from mlcore.runs.execution.claims import take
from mlcore.runs.execution.recorder import execute
from mlcore.runs.process_id import ProcessId
from mlcore.runs.store.schema import sweeps
from mlcore.runs.store.store import Store, open_store
from mlcore.sweeps import LogRange, Sweep, get_sweep, list_sweeps
from mlcore.sweeps.coordinator import advance
from tests.pages.chart_rows import charts
from tests.pages.conftest import Open

PAGE = "pages/sweeps.py"
QUICK = RegressionConfig(standardize=True, steps=30)
"""Trains in a blink."""


def work_off(store: Store, most: int = 1000) -> None:
    """Carry out what the sweeps of a store have queued, here, until nothing is left."""
    for _ in range(most):
        claim = take(store, ProcessId.of())
        if claim is None:
            before = [sweep.asked for sweep in list_sweeps(store)]
            for sweep in list_sweeps(store):
                advance(store, sweep.id)
            if before == [sweep.asked for sweep in list_sweeps(store)]:
                return
            continue
        execute(claim)


@pytest.fixture(scope="session")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sweep]:
    """A finished sweep of 12 settings of two fields of a regression."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLCORE_STORE", str(tmp_path_factory.mktemp("swept") / "runs.db"))
        patch.setenv("MLCORE_WORKERS", "0")
        sweep = mlcore.sweep(
            QUICK,
            {"lr": mlcore.log_range(0.01, 1.1), "start_w": mlcore.linear_range(-5, 5)},
            12,
            sampler="random",
            wait=False,
        )
        work_off(sweep.store)
    found = sweep.refresh()
    assert found.status == "finished"
    yield found
    found.store.close()


@pytest.fixture
def with_sweep(swept: Sweep, monkeypatch: pytest.MonkeyPatch) -> Sweep:
    """The store of ``swept`` is the one in use; do not change the sweep."""
    monkeypatch.setenv("MLCORE_STORE", swept.store.url)
    return swept


def captions(at: AppTest) -> str:
    return "\n".join(caption.value for caption in at.caption)


def only_sweep() -> Sweep:
    [sweep] = list_sweeps(open_store())
    return sweep


# --- starting --------------------------------------------------------------------------------


@pytest.mark.usefixtures("empty_store")
def test_with_no_sweep_one_click_starts_a_small_one(open_page: Open) -> None:
    at = open_page(PAGE)
    assert "There is no sweep yet" in at.info[0].value
    assert "**12 runs**" in captions(at)

    at.button(key="sweeps.start").click().run()

    assert not at.exception
    sweep = only_sweep()
    assert at.query_params["sweep"] == sweep.id
    assert len(sweep.runs()) == 12
    baseline = MNISTConfig.presets["linear baseline"].replace(epochs=1)
    rates = [run.config.replace(lr=0.05) for run in sweep.runs()]
    assert rates == [baseline.replace(lr=0.05)] * 12
    assert isinstance(sweep.space.ranges["lr"], LogRange)
    assert "0 of 12 runs done · 12 queued" in captions(at)


@pytest.mark.usefixtures("empty_store")
def test_an_empty_experiment_in_the_url_is_the_usual_one(open_page: Open) -> None:
    at = open_page(PAGE, experiment="")
    assert at.button(key="sweeps.start")
    assert "MNIST" in "".join(tab.value for tab in at.code)


@pytest.mark.usefixtures("empty_store")
def test_the_form_says_what_is_swept(open_page: Open) -> None:
    at = open_page(PAGE, experiment="Regression", **{"range.lr": "log:0.01:1"})
    at.button(key="sweeps.regression.ranges.steps.Vary").click().run()
    at.selectbox(key="sampler").set_value("random").run()
    at.multiselect(key="objective.regression").set_value(["loss"]).run()
    at.number_input(key="settings").set_value(5).run()
    at.number_input(key="seeds").set_value(2).run()
    assert "**10 runs** (5 trials × 2 seeds)" in captions(at)

    at.button(key="sweeps.start").click().run()

    spec = only_sweep().spec
    assert spec.sampler == "random"
    assert set(spec.space.fields) == {"lr", "steps"}
    assert [(one.metric, one.direction) for one in spec.objectives] == [("loss", "minimize")]
    assert spec.seeds == (0, 1)
    assert len(only_sweep().runs()) == 10


@pytest.mark.usefixtures("empty_store")
def test_a_switch_runs_each_trial_on_each_fold(open_page: Open) -> None:
    at = open_page(PAGE, **{"range.lr": "log:0.01:1"}, settings="3", cv="true")
    assert "**15 runs** (3 trials × 5 folds)" in captions(at)

    at.button(key="sweeps.start").click().run()

    assert not at.exception
    spec = only_sweep().spec
    assert (spec.folds, spec.repeats, spec.config) == (5, 5, MNISTConfig(folds=5))
    assert [one.metric for one in spec.objectives] == ["validation_accuracy"]


@pytest.mark.usefixtures("empty_store")
@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"range.lr": "log:1:0.001"}, "inverted"),
        ({"range.lr": "log:0:1"}, "goes through zero"),
        ({"range.lr": "log:0.1:100"}, "must stay within"),
        ({"range.lr": "log:0.1:1", "epochs": "0"}, "epochs is 0"),
    ],
)
def test_what_cannot_be_swept_is_explained_and_not_started(
    open_page: Open, params: dict[str, str], said: str
) -> None:
    at = open_page(PAGE, **params)

    assert any(said in error.value for error in at.error)
    assert at.button(key="sweeps.start").disabled


@pytest.mark.usefixtures("empty_store")
def test_with_nothing_varied_the_page_says_how_to(open_page: Open) -> None:
    at = open_page(PAGE)

    at.button(key="sweeps.mnist.ranges.lr.One value").click().run()

    assert "Press \\*Vary\\*" in at.info[0].value or "Press *Vary*" in at.info[0].value
    assert at.button(key="sweeps.start").disabled


@pytest.mark.usefixtures("empty_store")
def test_each_experiment_keeps_a_form_of_its_own(open_page: Open) -> None:
    at = open_page(PAGE)
    at.text_input(key="sweeps.mnist.ranges.lr.to").set_value("0.5").run()

    at.segmented_control(key="experiment").set_value("Regression").run()

    assert not at.exception
    assert not at.error
    assert at.multiselect(key="objective.regression").value == ["loss"]
    assert at.query_params["range.lr"] == "log:0.001:1.2"
    assert "model" not in at.query_params
    assert not at.button(key="sweeps.start").disabled

    at.segmented_control(key="experiment").set_value("MNIST").run()

    assert not at.exception
    assert at.multiselect(key="objective.mnist").value == ["validation_accuracy"]
    assert at.text_input(key="sweeps.mnist.ranges.lr.to").value == "0.5"
    assert at.query_params["model"] == "linear"


@pytest.mark.usefixtures("empty_store")
def test_minutes_and_pruning_reach_the_sweep(open_page: Open) -> None:
    at = open_page(PAGE, experiment="Regression", **{"range.lr": "log:0.01:1"})
    at.selectbox(key="sampler").set_value("tpe").run()
    at.segmented_control(key="budget").set_value("Minutes").run()
    at.number_input(key="minutes").set_value(0.5).run()
    at.toggle(key="prune").set_value(True).run()
    at.text_input(key="sweeps.rungs.median").set_value("0.2, 0.6").run()

    at.button(key="sweeps.start").click().run()

    sweep = only_sweep()
    assert sweep.settings is None
    assert sweep.deadline is not None
    assert sweep.spec.pruning is not None
    assert sweep.spec.pruning.text() == "median@0.2,0.6"


@pytest.mark.usefixtures("empty_store")
def test_rungs_that_are_none_are_explained(open_page: Open) -> None:
    at = open_page(PAGE)
    at.toggle(key="prune").set_value(True).run()
    at.text_input(key="sweeps.rungs.median").set_value("0.5, 2").run()

    assert any("The rungs are" in info.value for info in at.info)
    assert at.button(key="sweeps.start").disabled


def test_a_sweep_that_is_known_costs_nothing_and_is_found_again(
    with_sweep: Sweep, open_page: Open
) -> None:
    at = open_page(
        PAGE,
        experiment="Regression",
        sampler="random",
        settings="12",
        standardize="true",
        steps="30",
        **{"range.lr": "log:0.01:1.1", "range.start_w": "lin:-5:5"},
    )
    assert "12 reused from earlier runs · nothing to train" in captions(at)

    at.button(key="sweeps.start").click().run()

    assert at.query_params["sweep"] == with_sweep.id
    assert len(list_sweeps(open_store())) == 1


# --- what was found --------------------------------------------------------------------------


def test_the_pictures_hold_each_run_where_it_was(with_sweep: Sweep, open_page: Open) -> None:
    at = open_page(PAGE, sweep=with_sweep.id)

    frame = with_sweep.frame().set_index("run")
    drawn = {tuple(rows.columns): rows for rows in charts(at)}
    scatters = [rows for rows in charts(at) if "marked" in rows]
    assert drawn
    assert len(scatters) == 2
    for rows, field in zip(scatters, ("lr", "start_w"), strict=True):
        rows = rows.set_index("run")
        assert len(rows) == 12
        same = frame.loc[rows.index]
        np.testing.assert_allclose(rows["x"], same[f"config.{field}"].astype(float))
        np.testing.assert_allclose(rows["y"], same["loss"].astype(float))
        assert rows.index[rows["marked"]].tolist() == [frame["loss"].idxmin()]


def test_the_best_setting_is_the_one_with_the_lowest_loss(
    with_sweep: Sweep, open_page: Open
) -> None:
    at = open_page(PAGE, sweep=with_sweep.id)

    best = with_sweep.frame().sort_values("loss").iloc[0]
    [shown] = [one.value for one in at.markdown if "**Best**" in one.value]
    assert f"**{best['loss']:.4g}**" in shown
    assert any(f"`{best['run']}`" in caption.value for caption in at.caption)


def test_curves_are_those_of_the_runs(with_sweep: Sweep, open_page: Open) -> None:
    at = open_page(PAGE, sweep=with_sweep.id, view="Curves")

    rows = charts(at)[-1]
    assert rows["run"].nunique() == 12
    for run in with_sweep.runs()[:3]:
        mine = rows[rows["run"] == run.id]
        points = run.metrics(["loss"])
        points = points[points["value"] > 0]
        np.testing.assert_allclose(mine["value"], points["value"])
        np.testing.assert_allclose(mine["x"], points["step"])
    frame = with_sweep.frame()
    place = (len(frame) - frame["loss"].rank()) / (len(frame) - 1)
    expected = dict(zip(frame["run"], map(rank_colour, place), strict=True))
    assert dict(zip(rows["run"], rows["colour"], strict=True)) == expected


def test_two_at_once_and_what_matters(with_sweep: Sweep, open_page: Open) -> None:
    at = open_page(PAGE, sweep=with_sweep.id, view="Two at once")
    rows = charts(at)[-1]
    assert {"cell", "point"} <= set(rows["kind"])
    assert (rows["kind"] == "point").sum() == 12

    at = open_page(PAGE, sweep=with_sweep.id, view="What matters")
    rows = charts(at)[-1]
    expected = with_sweep.importance()
    assert rows["importance"].tolist() == pytest.approx(list(expected.values()))


def test_runs_are_listed_best_first_and_lead_to_compare(with_sweep: Sweep, open_page: Open) -> None:
    at = open_page(PAGE, sweep=with_sweep.id, view="Runs")

    table: pd.DataFrame = at.dataframe[0].value
    order = with_sweep.frame().sort_values("loss")["run"].tolist()
    assert table["Run"].tolist() == [f"compare?runs={run}" for run in order]
    links = [str(link.proto.query_string) for link in at.get("page_link")]
    assert any(re.search("runs=" + "(%2C|,)".join(order[:3]), link) for link in links)


def test_the_code_gives_this_very_sweep(
    with_sweep: Sweep, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = open_page(PAGE, sweep=with_sweep.id)

    [python] = [code.value for code in at.code if "mlcore.RegressionConfig(" in code.value]
    scope: dict[str, object] = {}
    monkeypatch.setenv("MLCORE_WORKERS", "0")
    exec(python, scope)  # noqa: S102 - the page's own line, as a person would paste it
    assert isinstance(scope["sweep"], Sweep)
    assert scope["sweep"].id == with_sweep.id
    [command] = [code.value for code in at.code if "mlcore sweep regression" in code.value]
    assert "--lr log:0.01:1.1" in command


def test_a_sweep_that_does_not_exist_is_a_sentence(with_sweep: Sweep, open_page: Open) -> None:
    at = open_page(PAGE, sweep="nonsense")

    assert "No sweep has the id" in at.error[0].value
    assert with_sweep.id not in captions(at)


def test_a_sweep_of_an_experiment_that_is_not_here_is_a_sentence(
    open_page: Open, empty_store: Store
) -> None:
    strange = mlcore.sweep(QUICK, {"lr": [0.1, 0.2]}, wait=False)
    known = mlcore.sweep(QUICK, {"lr": [0.3, 0.4]}, wait=False)
    with empty_store.writing() as connection:
        spec = strange.spec.to_json().replace('"regression"', '"nowhere:Config"')
        connection.execute(update(sweeps).where(sweeps.c.id == strange.id).values(spec=spec))

    at = open_page(PAGE, sweep=strange.id)
    assert "cannot be imported" in at.error[0].value

    at = open_page(PAGE, sweep=known.id)
    assert f"regression · {strange.id}" in at.selectbox(key="sweeps.chosen").options
    assert "0 of 2 runs done" in captions(at)


def test_names_that_look_like_markup_are_shown_as_text(open_page: Open, empty_store: Store) -> None:
    sweep = mlcore.sweep(QUICK, {"lr": [0.1, 0.2]}, wait=False, name="<img onerror=x> **x** $x$")

    at = open_page(PAGE, sweep=sweep.id)

    (listed,) = (box for box in at.selectbox if box.label == "Sweep")
    assert "<img onerror=x> **x** $x$" in listed.options[0]
    assert empty_store.url == sweep.store.url


# --- what one may ask ------------------------------------------------------------------------


def test_stop_resume_extend_and_change(open_page: Open, empty_store: Store) -> None:
    sweep = mlcore.sweep(QUICK, {"lr": mlcore.log_range(0.01, 1)}, 4, sampler="random", wait=False)
    at = open_page(PAGE, sweep=sweep.id)

    at.button(key="sweeps.stop").click().run()
    assert sweep.refresh().status == "stopped"
    at.button(key="sweeps.resume").click().run()
    assert sweep.refresh().status == "running"

    at.number_input(key="sweeps.extend.settings").set_value(3).run()
    at.button(key="sweeps.extend.go").click().run()
    assert sweep.refresh().settings == 7

    [box] = [one for one in at.text_input if str(one.key).startswith(f"sweeps.ranges.{sweep.id}")]
    box.set_value("log:0.1:0.5").run()
    at.button(key="sweeps.ranges.go").click().run()
    assert sweep.refresh().space.ranges == {"lr": LogRange(0.1, 0.5)}
    assert not at.error

    [box] = [one for one in at.text_input if str(one.key).startswith(f"sweeps.ranges.{sweep.id}")]
    box.set_value("log:5:0.5").run()
    at.button(key="sweeps.ranges.go").click().run()
    assert "inverted" in at.error[0].value
    assert sweep.refresh().space.ranges == {"lr": LogRange(0.1, 0.5)}
    assert get_sweep(sweep.id, empty_store).settings == 7


def test_a_sweep_is_renamed_and_deleted_and_its_runs_stay(
    open_page: Open, empty_store: Store
) -> None:
    kept = mlcore.sweep(QUICK, {"lr": [1e-6]}, name="kept", wait=False)
    sweep = mlcore.sweep(QUICK, {"lr": [1e-5, 1e-4]}, wait=False)
    at = open_page("pages/sweeps.py", sweep=sweep.id)
    at.text_input(key=f"sweeps.name.{sweep.id}").input("*first* try").run()
    at.button(key="sweeps.rename").click().run()
    assert sweep.refresh().name == "*first* try"
    assert at.button(key="sweeps.delete").disabled
    sweep.stop()
    at.run()
    at.button(key="sweeps.delete").click().run()

    assert not at.exception
    assert not at.error
    assert [one.id for one in list_sweeps(empty_store)] == [kept.id]
    assert "sweep" not in at.query_params
    assert kept.id in {box.value for box in at.selectbox}
    assert len(empty_store.list()) == 3


def test_two_objectives_show_the_front(open_page: Open, empty_store: Store) -> None:
    sweep = mlcore.sweep(
        QUICK,
        {"lr": mlcore.log_range(0.05, 1.0, 6)},
        objective=["loss", "b"],
        direction=["minimize", "minimize"],
        wait=False,
    )
    work_off(empty_store)
    at = open_page(PAGE, sweep=sweep.id)

    front = {run.id for run in sweep.refresh().pareto}
    first = next(rows for rows in charts(at) if "marked" in rows)
    assert set(first[first["marked"]]["run"]) == front
    assert f"{len(front)} trials are on the Pareto front" in captions(at)


def test_the_winner_of_a_sweep_with_a_split_is_examined_on_test_once(
    open_page: Open, empty_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLCORE_WORKERS", "0")
    config = MNISTConfig(train_size=200, validation_size=100, hidden=(4,), epochs=1)
    sweep = mlcore.sweep(config, {"lr": [0.01, 0.1]}, wait=False)
    work_off(empty_store)
    at = open_page(PAGE, sweep=sweep.id)
    assert "The test set is sealed: no run in this store has opened it." in captions(at).replace(
        "\\", ""
    )

    at.button(key="sweeps.examine").click().run()

    assert not at.exception
    assert "chosen by validation among 2 trials, asked by local" in captions(at).replace("\\", "")
    assert "This test set was opened 1 time in this store." in captions(at).replace("\\", "")
    assert at.button(key="sweeps.examine").disabled


@pytest.mark.usefixtures("empty_store")
@pytest.mark.parametrize("given", ["regression", "Regression"])
def test_a_link_names_the_experiment_by_its_title_or_as_scripts_do(
    open_page: Open, given: str
) -> None:
    at = open_page(PAGE, experiment=given)
    assert at.segmented_control(key="experiment").value == "Regression"
