"""The page Runs: what the table shows against the store, and what each button does to it."""

import math
import shutil
from base64 import b64decode
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
import torch
from streamlit.testing.v1 import AppTest
from torch.utils.tensorboard import SummaryWriter

import mlcore
from mlcore import Image, MNISTConfig, Run, Table
from mlcore.mnist import load
from mlcore.mnist.batches import normalized
from mlcore.mnist.losses import loss_for, targets_for
from mlcore.runs.export import to_zip
from mlcore.runs.imports import follow, import_content
from mlcore.runs.store.organize import edit, trash
from mlcore.runs.store.run_table import run_table
from mlcore.runs.store.store import Store, open_store
from mlcore.ui import page
from mlcore.ui.runs import columns
from mlcore.ui.runs.listing import cells_of
from tests.pages.chart_rows import charts
from tests.pages.conftest import TINY, Open
from tests.runs.made import made as made_run
from tests.waiting import until

PAGE = "pages/runs.py"
HOSTILE = {
    "image": "<img src=x onerror=alert(1)>",
    "markup": "**x** $x$ :red[x] `y` [z](http://a.b)",
    "long": "x" * 10_000,
    "arabic": "مرحبا بالعالم",
    "turned": "abc\u202edef",
    "lines": "one\n# two\n\n- three",
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with three seeds of each of two learning rates, and a run that failed."""
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLCORE_STORE", str(folder / "runs.db"))
        for lr in (0.01, 0.05):
            for seed in range(3):
                mlcore.run(TINY.replace(lr=lr, seed=seed), progress=False)
        failed = mlcore.run(TINY.replace(lr=10.0, momentum=0.99, epochs=20), progress=False)
        assert failed.status == "failed"
        open_store().close()
    return folder


@pytest.fixture
def store(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A copy of it for one test."""
    shutil.copytree(made, tmp_path / "copy")
    monkeypatch.setenv("MLCORE_STORE", str(tmp_path / "copy" / "runs.db"))
    opened = open_store()
    yield opened
    opened.close()


def shown(at: AppTest) -> pd.DataFrame:
    table: pd.DataFrame = at.dataframe[0].value
    return table


def choose(at: AppTest, *runs: Run) -> AppTest:
    at.session_state["runs.chosen"] = [run.id for run in runs]
    return at.run()


def words(at: AppTest) -> str:
    return " ".join(element.value for element in at.markdown)


# --- finding -----------------------------------------------------------------------------------


@pytest.mark.usefixtures("empty_store")
def test_an_empty_store_says_so_and_makes_the_course_run_in_one_click(open_page: Open) -> None:
    at = open_page(PAGE)
    assert "There are no runs yet" in at.info[0].value

    at.button(key="runs.first").click().run()

    assert not at.exception
    [run] = open_store().list()
    assert run.config == MNISTConfig()
    assert len(shown(at)) == 1


def test_the_table_holds_every_run_newest_first(store: Store, open_page: Open) -> None:
    at = open_page(PAGE)

    assert shown(at)["id"].tolist() == [run.id for run in store.list()]
    assert "**7** runs" in words(at)


@pytest.mark.parametrize(
    ("params", "keep"),
    [
        ({"where": "lr < 0.05"}, lambda run: run.config_fields["lr"] < 0.05),
        ({"where": "seed = 1 and status = finished"}, lambda run: run.seed == 1),
        ({"status": "failed"}, lambda run: run.status == "failed"),
        ({"where": "test_accuracy > 0"}, lambda run: run.latest()["test_accuracy"] > 0),
    ],
)
def test_the_url_filters_the_table(
    store: Store,
    open_page: Open,
    params: dict[str, str],
    keep: Callable[[Run], bool],
) -> None:
    at = open_page(PAGE, **params)

    assert shown(at)["id"].tolist() == [run.id for run in store.list() if keep(run)]


@pytest.mark.usefixtures("store")
def test_a_filter_that_cannot_be_read_is_explained_and_hides_nothing(open_page: Open) -> None:
    at = open_page(PAGE, where="lr <")
    assert "A value is missing here" in at.error[0].value
    assert len(shown(at)) == 7

    at.text_input(key="where").set_value("colour = red").run()
    assert "colour" in at.error[0].value
    assert len(shown(at)) == 7


def test_sorting_puts_missing_values_last(store: Store, open_page: Open) -> None:
    queued = store.submit(TINY.replace(lr=0.2))
    at = open_page(PAGE, sort="test accuracy")

    accuracy = shown(at)["metric.test_accuracy"]
    assert accuracy.dropna().is_monotonic_decreasing
    assert shown(at)["id"].iloc[-1] == queued.id


def test_chosen_columns_are_shown_in_that_order(store: Store, open_page: Open) -> None:
    del store
    at = open_page(PAGE)
    at.multiselect(key="columns").set_value(["seed", "id"]).run()
    assert shown(at).columns.tolist() == ["star", "hue", "name", "config.seed", "id"]


# --- marking -----------------------------------------------------------------------------------


def test_star_tag_archive_and_back(store: Store, open_page: Open) -> None:
    first, second = store.list()[1:3]
    at = choose(open_page(PAGE), first, second)

    at.button(key="runs.star").click().run()
    assert [run.starred for run in store.list()[:3]] == [False, True, True]
    assert at.button(key="runs.star").label == "Unstar"

    at.multiselect(key="runs.tags.names").set_value(["week3"])
    at.button(key="runs.tags.Add").click().run()
    assert first.refresh().tags == second.refresh().tags == ("week3",)

    at.button(key="runs.archive").click().run()
    assert first.refresh().archived
    assert first.id not in shown(at)["id"].tolist()

    at.segmented_control(key="show").set_value("archived").run()
    assert set(shown(at)["id"]) == {first.id, second.id}
    at.button(key="runs.archive").click().run()
    assert not first.refresh().archived


def test_deleting_offers_an_undo_that_stays_until_it_is_used(store: Store, open_page: Open) -> None:
    run = store.list()[2]
    at = choose(open_page(PAGE), run)

    at.button(key="runs.delete").click().run()
    assert run.refresh().deleted is not None
    assert run.id not in shown(at)["id"].tolist()
    at.run()
    at.button(key="runs.undo.do").click().run()

    assert run.refresh().deleted is None
    assert run.id in shown(at)["id"].tolist()
    assert not [button for button in at.button if button.key == "runs.undo.do"]


def test_the_trash_gives_back_and_is_emptied_for_good(store: Store, open_page: Open) -> None:
    kept, gone = store.list()[:2]
    trash(store, [kept.id, gone.id])
    at = open_page(PAGE, show="trash")
    assert set(shown(at)["id"]) == {kept.id, gone.id}

    choose(at, kept)
    at.button(key="runs.restore").click().run()
    assert kept.refresh().deleted is None

    at.button(key="runs.purge.do").click().run()
    assert not at.exception
    assert gone.id not in {run.id for run in [*store.list(), *store.list(deleted=True)]}


def test_words_are_written_field_by_field(store: Store, open_page: Open) -> None:
    run = store.list()[0]
    at = choose(open_page(PAGE), run)
    edit(store, [run.id], note="written in another tab", add_tags=["theirs"])

    at.text_input(key=f"runs.words.name.{run.id}").set_value("mine").run()
    at.multiselect(key=f"runs.words.tags.{run.id}").set_value(["theirs", "ours"]).run()

    now = run.refresh()
    assert (now.name, now.note, now.tags) == ("mine", "written in another tab", ("theirs", "ours"))
    assert at.text_area(key=f"runs.words.note.{run.id}").value == "written in another tab"


def test_a_tag_too_long_is_refused_in_a_sentence(store: Store, open_page: Open) -> None:
    run = store.list()[0]
    at = choose(open_page(PAGE), run)
    at.multiselect(key="runs.tags.names").set_value(["x" * 300])
    at.button(key="runs.tags.Add").click().run()
    assert "300 characters" in at.error[0].value
    assert run.refresh().tags == ()


# --- baseline ----------------------------------------------------------------------------------


def test_a_pinned_run_is_the_baseline_of_every_difference(store: Store, open_page: Open) -> None:
    at = open_page(PAGE, status="finished")
    pinned = store.list(status="finished")[1]
    choose(at, pinned)

    at.button(key="runs.pin").click().run()

    table = shown(at).set_index("id")
    assert at.query_params["baseline"] == pinned.id
    expected = 100 * (table["metric.test_accuracy"] - pinned.latest()["test_accuracy"])
    pd.testing.assert_series_equal(table["delta.metric.test_accuracy"], expected, check_names=False)
    assert str(table.loc[pinned.id, "name"]).startswith("◆ ")


# --- one run -----------------------------------------------------------------------------------


def test_a_failed_run_shows_its_error_its_traceback_and_its_code(
    store: Store, open_page: Open
) -> None:
    [failed] = store.list(status="failed")
    assert failed.error
    at = choose(open_page(PAGE), failed)

    assert page.plain(failed.error) in [error.value for error in at.error]
    code = [block.value for block in at.code]
    assert failed.traceback is not None
    assert failed.traceback.strip() in code
    assert failed.config.as_command() in code
    assert f"import mlcore\n\nrun = {failed.config.as_python()}" in code


def test_a_zip_is_brought_in_marked_and_cannot_be_resumed(
    store: Store, open_page: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = store.list(status="finished")[0]
    content = to_zip([run])
    monkeypatch.setenv("MLCORE_STORE", str(tmp_path / "elsewhere.db"))
    other = open_store()

    [copy] = import_content(other, content, "run.zip")
    at = choose(open_page(PAGE), copy)

    assert "imported" in at.info[0].value
    assert copy.latest() == run.latest()
    assert f"runs.card.{copy.id}.Resume" not in [button.key for button in at.button]
    with pytest.raises(ValueError, match="damaged"):
        import_content(other, content[: len(content) // 2], "run.zip")
    other.close()


# --- the same runs elsewhere -------------------------------------------------------------------


def test_home_deletes_a_run_and_takes_it_back(store: Store, open_page: Open) -> None:
    run = store.list()[0]
    at = open_page()

    at.button(key=f"home.runs.{run.id}.Delete").click().run()
    assert run.refresh().deleted is not None
    assert f"home.runs.{run.id}.Delete" not in [button.key for button in at.button]

    at.button(key="home.runs.undo.do").click().run()
    assert run.refresh().deleted is None
    assert at.button(key=f"home.runs.{run.id}.Delete")


def test_the_live_view_of_a_failed_run_shows_its_traceback_and_of_a_deleted_one_its_way_back(
    store: Store, open_page: Open
) -> None:
    [failed] = store.list(status="failed")
    assert failed.traceback is not None
    at = open_page("pages/mnist.py", tab="Train", runs=failed.id)
    assert failed.traceback.strip() in [block.value for block in at.code]

    at.button(key=f"mnist.live.{failed.id}.Delete").click().run()
    assert failed.refresh().deleted is not None
    at.button(key=f"mnist.live.{failed.id}.Restore").click().run()
    assert failed.refresh().deleted is None


# --- text is text ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", HOSTILE.values(), ids=list(HOSTILE))
def test_hostile_words_are_shown_as_text(store: Store, open_page: Open, name: str) -> None:
    run = store.list()[0]
    edit(store, [run.id], name=name, note=name, add_tags=[name[:100]])

    at = choose(open_page(PAGE, where=run.id), run)

    assert not at.exception
    cell = shown(at)["name"].iloc[0]
    assert "\n" not in cell
    assert len(cell) <= 82
    assert at.text_area(key=f"runs.words.note.{run.id}").value == name
    title = next(m.value for m in at.markdown if m.value.endswith(f"`{run.id}`"))
    unescaped = title.replace("\\", "")
    assert page.one_line(name) in unescaped
    for sign in "<*$:[`":
        assert title.count(f"\\{sign}") == page.one_line(name).count(sign)


def test_one_line_cannot_turn_what_stands_beside_it() -> None:
    assert page.one_line("abc\u202edef\u2069") == "abcdef"
    assert page.one_line("مرحبا") == "\u2068مرحبا\u2069"
    assert page.one_line("a\n\n b") == "a b"
    assert page.one_line("x" * 100, 10) == "x" * 9 + "…"


# --- cells -------------------------------------------------------------------------------------


def test_the_table_tells_a_last_value_that_is_nan_from_none(empty_store: Store) -> None:
    for seed, loss in enumerate([math.nan, 0.5]):
        made_run(empty_store, MNISTConfig(seed=seed), {"loss": {0: 1.0, 1: loss}, "f1": {1: 0.1}})
    empty_store.submit(MNISTConfig(seed=9))
    table = run_table(empty_store)
    names = {run_id: run_id for run_id in table["id"]}
    cells = cells_of(table, table, ["metric.loss", "metric.f1", "seed"], names, None)
    assert list(cells.columns[3:]) == ["metric.loss", "nan", "metric.f1", "seed"]
    assert cells["nan"].fillna("").tolist() == ["", "", "loss"]
    finite = table[table["seed"] != 0]
    assert "nan" in cells_of(finite, table, ["metric.loss"], names, None), "the column stays"
    assert "nan" not in cells_of(table, table, ["metric.f1"], names, None)


def test_cells_leave_out_columns_that_the_table_lacks(store: Store) -> None:
    table = run_table(store)
    names = dict.fromkeys(table["id"], "a")
    cells = cells_of(table, table, ["config.lr", "config.nothing"], names, None)
    assert cells.columns.tolist() == ["star", "hue", "name", "config.lr"]


def test_usual_columns_hold_the_fields_that_were_varied(store: Store) -> None:
    usual = columns.usual(run_table(store))
    assert "config.lr" in usual
    assert usual.index("config.seed") > usual.index("config.lr"), "what tells best comes first"
    assert "config.loss" not in usual


def test_a_logged_run_shows_a_chart_for_each_metric_of_a_group(
    empty_store: Store, open_page: Open
) -> None:
    with mlcore.start_run("autoencoder", {"lr": 0.1, "net": {"width": 8}}) as run:
        for step in range(3):
            run.log({"train/loss": 1 / (step + 1), "val/准确率": step, "lr": 0.1}, step=step)
        run.log({"train/loss": math.nan}, step=3)
        run.save_file(__file__)
        until(lambda: run.read().step == 3)
        at = open_page(PAGE)
        assert shown(at)["name"].tolist() == ["autoencoder, lr 0.1, net.width 8"]
        choose(at, run.read())
        assert not at.exception
        labels = {button.label for button in at.button}
        assert "Stop" in labels
        assert not {"Pause", "Resume"} & labels
    (rows,) = charts(at)
    assert rows[rows["kind"] == "train"]["value"].tolist()[:3] == [1, 1 / 2, 1 / 3]
    assert "NaN" in set(rows["kind"])
    at.segmented_control(key=f"runs.curves.group.{run.id}").set_value("val").run()
    (rows,) = charts(at)
    assert rows[rows["kind"] == "train"]["value"].tolist() == [0, 1, 2]
    assert empty_store.get(run.id).files().keys() == {Path(__file__).name}


def test_a_followed_run_shows_its_curves_its_settings_and_where_it_comes_from(
    empty_store: Store, open_page: Open, tmp_path: Path
) -> None:
    with SummaryWriter(str(tmp_path / "logs")) as writer:
        writer.add_hparams({"lr": 0.1}, {"best": 0.5}, run_name=".")
        for step in range(3):
            writer.add_scalar("train/loss", 1 / (step + 1), step)

    def looked() -> bool:
        (run,) = empty_store.list()
        at = choose(open_page(PAGE), run)
        assert not at.exception
        said = " ".join(one.value for one in at.caption).replace("\\", "")
        assert f"reads this run from the event files in {tmp_path / 'logs'}." in said
        assert "*Stop* ends the reading, not the training" in said
        labels = {button.label for button in at.button}
        assert "Stop" in labels
        assert not {"Pause", "Resume"} & labels
        (rows,) = charts(at)
        drawn = rows[rows["kind"] == "train"]["value"].tolist()
        assert drawn == pytest.approx([1, 1 / 2, 1 / 3])
        return True

    (run,) = follow(tmp_path / "logs", store=empty_store, stop=looked)
    assert run.status == "stopped"


def test_a_table_shows_the_images_that_its_cells_name(empty_store: Store, open_page: Open) -> None:
    table = Table({"picture": ["t/0", "t/1"], "label": [3, 7]})
    with mlcore.start_run("pictures", store=empty_store) as run:
        run.log({"t": table, "t/0": Image([[0, 9]]), "t/1": Image([[1, 2]])})
    at = choose(open_page(PAGE), run.read())
    assert not at.exception
    drawn = at.dataframe[1].value
    assert drawn["label"].tolist() == [3, 7]
    pictures = [b64decode(url.partition(",")[2]) for url in drawn["picture"]]
    assert pictures == [run.read().media_file(name, 0) for name in ("t/0", "t/1")]


# --- the network ---------------------------------------------------------------------------------


def opened_model(open_page: Open, run: Run) -> AppTest:
    at = open_page(PAGE)
    at.session_state["runs.model"] = True
    at = choose(at, run)
    assert not at.exception
    return at


def test_the_layers_of_a_run_s_network_add_up(store: Store, open_page: Open) -> None:
    run = next(run for run in store.list() if run.status == "finished")
    at = opened_model(open_page, run)
    [table] = [t.value for t in at.dataframe if "Multiply-adds" in t.value]
    counted = sum(parameter.numel() for parameter in run.model().parameters())
    assert table["Parameters"].sum() == counted
    assert table["Layer"].tolist() == ["(model)", "flatten", "output"]
    assert {m.label: m.value for m in at.metric}["Parameters"] == f"{counted:,}"


def test_the_graph_of_a_run_s_network_has_the_gradients_of_its_own_loss(
    store: Store, open_page: Open
) -> None:
    run = next(run for run in store.list() if run.status == "finished")
    at = open_page(PAGE)
    at.session_state["runs.model"] = True
    at.session_state["runs.model.what"] = "Autograd graph"
    at = choose(at, run)
    assert not at.exception
    [table] = [t.value for t in at.dataframe if "parameter_gradient_norm" in t.value]
    assert table["layer"].tolist()[:4] == ["input", "flatten", "output", "loss"]
    model, config, digits = run.model(), MNISTConfig.from_json(run.config.to_json()), load("mnist")
    out = model(normalized(digits, digits.train_images[:1]))
    loss = loss_for(config)(out, targets_for(config, digits.train_labels[:1]))
    gradients = torch.autograd.grad(loss, list(model.parameters()))
    norm = math.hypot(*(float(grad.norm()) for grad in gradients))
    assert table["parameter_gradient_norm"].max() == pytest.approx(norm, rel=1e-5)


@pytest.mark.usefixtures("empty_store")
def test_the_saved_tensors_of_a_logged_run_are_listed_in_order(open_page: Open) -> None:
    layers = torch.nn.Sequential(*(torch.nn.Linear(2, 2) for _ in range(11)))
    with mlcore.start_run("layers") as run:
        run.log({"loss": 1.0})
        run.save_model(layers)
    with mlcore.start_run("nothing saved") as bare:
        bare.log({"loss": 1.0})
    at = opened_model(open_page, mlcore.get_run(run.id))
    [table] = [t.value for t in at.dataframe if "Tensor" in t.value]
    assert table["Values"].sum() == 11 * 6
    assert table["Tensor"].tolist()[-2:] == ["10.bias", "10.weight"]
    at = opened_model(open_page, mlcore.get_run(bare.id))
    assert "Model" not in [part.label for part in at.expander]
