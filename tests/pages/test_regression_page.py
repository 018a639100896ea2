"""The regression page and the race, run by AppTest: every setting draws, and says so in words."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.waiting import PATIENCE

pytestmark = pytest.mark.usefixtures("store")
ROOT = Path(__file__).parents[2]


def open_page(name: str = "regression", **params: str) -> AppTest:
    at = AppTest.from_file(str(ROOT / "dashboard.py"), default_timeout=PATIENCE)
    for key, value in params.items():
        at.query_params[key.replace("__", ".")] = value
    at.switch_page(f"pages/{name}.py")
    return at.run()


def words(at: AppTest) -> str:
    assert not at.exception, at.exception
    return "\n".join(element.value for element in [*at.markdown, *at.caption, *at.info, *at.error])


def test_the_course_run_is_judged_before_it_is_trained() -> None:
    at = open_page()
    assert "**Smooth:** stable" in words(at)
    assert "is gone after **6** steps; after 1,000 steps the loss will be **112.615**" in words(at)
    assert "κ 66,031 · largest stable rate η = 0.0004013" in words(at)


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"lr": "3.9e-4"}, "**Oscillating:**"),
        ({"lr": "0.01"}, "**Divergent:**"),
        ({"optimizer": "adam", "lr": "0.1"}, "**No verdict.** Adam rescales"),
        ({"optimizer": "nesterov", "momentum": "0.95"}, "the loss will be"),
        ({"batch_size": "10"}, "Mini-batches see another curvature"),
        ({"loss": "absolute", "standardize": "true", "lr": "1"}, "straight pieces"),
        ({"loss": "huber", "lr": "0.0002"}, "judged by the largest curvature"),
        ({"model": "origin", "lr": "0.0001"}, "**Smooth:**"),
        ({"model": "polynomial", "degree": "8", "standardize": "true", "lr": "1"}, "**Divergent"),
        ({"model": "polynomial", "degree": "8"}, "chosen from the curvature"),
        ({"model": "polynomial"}, "chosen from the curvature"),
        ({"standardize": "true"}, "chosen from the curvature"),
        ({"data": "made", "outliers": "5", "count": "20"}, "the loss will be"),
        ({"data": "made", "count": "5000", "loss": "huber"}, "fits 1,000 of the 5,000 points"),
        ({"rates": "three"}, "5 % above the largest stable rate"),
        ({"points": "50_20!-3"}, "the loss will be"),
        ({"lr": "quick"}, "Learning rate η is 'quick', but must be a number above 0"),
        ({"count": "3", "data": "made", "outliers": "9"}, "9 outliers among 3 points"),
        ({"data": "mine.csv"}, "Choose a file"),
    ],
    ids=str,
)
def test_a_link_brings_the_settings_back(params: dict[str, str], said: str) -> None:
    assert said in words(open_page(**params))


@pytest.mark.parametrize(
    ("tab", "said"),
    [
        ("All rates at once", "Best of the 200"),
        ("Proof", "NumPy’s lstsq differs by"),
        ("Tasks", "0 of 5"),
        ("As a run", "No run recorded yet"),
    ],
)
def test_each_tab_draws(tab: str, said: str) -> None:
    at = open_page(tab=tab, rates="one")
    progress = [str(getattr(p.proto, "text", "")) for p in at.get("progress")]
    assert said in words(at) + "".join(progress)


def test_predicted_and_measured_agree_to_every_digit_shown() -> None:
    table = next(m.value for m in open_page(tab="Proof").markdown if "loss after" in m.value)
    row = next(line for line in table.splitlines() if "loss after 1,000 steps" in line)
    _, _, predicted, measured, _ = row.split("|")
    assert predicted == measured == " 112.61481 "


def test_moving_a_control_changes_the_run_and_the_url() -> None:
    at = open_page()
    at.text_input(key="regression.lr").set_value("0.0005").run()
    assert "**Divergent:**" in words(at)
    assert at.query_params["lr"] in (["0.0005"], "0.0005")
    at.selectbox(key="regression.model").set_value("origin").run()
    assert "model" in at.query_params
    at.button(key="regression.three.button").click().run()
    assert "5 % above the largest stable rate" in words(at)
    at.text_input(key="regression.lr").set_value("0.0001").run()
    assert "**Smooth:** stable" in words(at)


def test_the_run_is_offered_as_python_and_as_a_command() -> None:
    at = open_page(tab="As a run", lr="2e-4", steps="20")
    code = [block.value for block in at.code]
    assert any("mlcore.run(mlcore.RegressionConfig(lr=0.0002, steps=20))" in c for c in code)
    assert "mlcore run regression --lr 0.0002 --steps 20" in code


@pytest.mark.parametrize("name", ["Himmelblau", "Rosenbrock", "Beale", "Saddle", "Quadratic"])
def test_the_race_runs_on_each_surface(name: str) -> None:
    at = open_page("optimizers", race__surface=name, race__steps="1000")
    assert not at.exception
    table = at.dataframe[0].value
    assert list(table["gradient calls in all"]) == [1000] * 6
    assert (table["minimum reached"] != "none").sum() >= 2
    calls = [text for text in table["gradient calls to reach it"] if not text.startswith("not")]
    assert calls == sorted(calls, key=lambda text: int(text.replace(",", "")))


def test_an_empty_way_to_choose_rates_in_the_link_means_each_tuned() -> None:
    at = open_page("optimizers", race__rates="", race__steps="100")
    assert "Each optimizer races at the best of 200 rates" in words(at)


def test_your_regression_can_be_raced_and_adam_follows_the_valley() -> None:
    at = open_page(
        "optimizers", race__surface="Your regression", race__steps="1000", race__rates="my own"
    )
    table = at.dataframe[0].value.set_index("optimizer")
    assert table.loc["Adam", "minimum reached"] == "least squares"
    assert table.loc["gradient descent", "minimum reached"] == "none"


def test_rates_are_tuned_or_the_same_for_all_and_the_ranking_names_them() -> None:
    at = open_page("optimizers", race__steps="100")
    tuned = at.dataframe[0].value.set_index("optimizer")
    assert tuned["learning rate η"].nunique() > 3
    assert "best of 200 rates" in words(at)
    at.button_group(key="race.rates").set_value("same for all").run()
    same = at.dataframe[0].value.set_index("optimizer")
    assert set(same["learning rate η"]) == {"0.001"}
    assert {"none"} <= set(same["minimum reached"])
    at.select_slider(key="race.momentum").set_value(0.0).run()
    table = at.dataframe[0].value.set_index("optimizer")
    ends = table["f at the end"].to_dict()
    assert ends["momentum"] == ends["gradient descent"]
    assert "momentum=0" in "".join(code.value for code in at.code) or not at.code


def test_only_who_races_stands_in_the_legend_of_the_costs() -> None:
    at = open_page("optimizers", race__optimizers="Adam", race__tab="Cost")
    spec = at.get("vega_lite_chart")[0].proto.spec
    assert "Adam" in spec
    assert "RMSprop" not in spec


def test_a_race_of_nobody_says_so() -> None:
    at = open_page("optimizers")
    at.button_group(key="race.optimizers").set_value([]).run()
    assert "Choose at least one optimizer." in words(at)


def test_a_divergence_can_be_ended_with_one_button() -> None:
    for params in (
        {"lr": "0.01"},
        {"lr": "100", "optimizer": "momentum"},
        {"lr": "1e6", "batch_size": "5"},
    ):
        at = open_page(**params)
        at.button(key="regression.rescue").click().run()
        assert "Divergent" not in words(at)
        assert not [b for b in at.button if b.key == "regression.rescue"]


def test_a_rate_that_the_page_chose_goes_with_its_model_and_ones_own_stays() -> None:
    at = open_page(model="polynomial")
    chosen = float(at.text_input(key="regression.lr").value or "nan")
    assert chosen < 1e-6
    at.selectbox(key="regression.model").set_value("line").run()
    assert at.text_input(key="regression.lr").value == "0.0001"
    at.text_input(key="regression.lr").set_value("0.0002").run()
    at.toggle(key="regression.standardize").set_value(True).run()
    assert at.text_input(key="regression.lr").value == "0.0002"


@pytest.mark.parametrize("typed", ["inf", "1e400", "nan", "-0", "", "a" * 10_000, "9" * 400])
def test_a_wrong_rate_is_a_sentence_and_the_old_one_stands(typed: str) -> None:
    at = open_page(lr="0.0002")
    before = words(at)
    at.text_input(key="regression.lr").set_value(typed).run()
    [error] = at.error
    assert error.value.startswith("Learning rate η is ")
    assert error.value.endswith("but must be a number above 0 and up to 1e+06. It stays 0.0002.")
    assert len(error.value) < 160
    assert at.text_input(key="regression.lr").value == "0.0002"
    assert before in words(at)
    assert before == words(at.run())
