"""The regression page and the race, run by AppTest: every setting draws, and says so in words."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

pytestmark = pytest.mark.usefixtures("store")
ROOT = Path(__file__).parents[2]


def open_page(name: str = "regression", **params: str) -> AppTest:
    at = AppTest.from_file(str(ROOT / "dashboard.py"), default_timeout=60)
    for key, value in params.items():
        at.query_params[key.replace("__", ".")] = value
    at.switch_page(f"pages/{name}.py")
    return at.run()


def words(at: AppTest) -> str:
    assert not at.exception, at.exception
    return "\n".join(element.value for element in [*at.markdown, *at.caption, *at.info, *at.error])


def test_the_course_run_is_judged_before_it_is_trained() -> None:
    at = open_page()
    assert "**Stable:**" in words(at)
    assert "is gone after **6** steps; after 1,000 the loss will be **112.615**" in words(at)
    assert "κ 66,031 · diverges above η = 0.0004013" in words(at)


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"lr": "3.9e-4"}, "**Oscillating:**"),
        ({"lr": "0.01"}, "**Divergent:**"),
        ({"optimizer": "adam", "lr": "0.1"}, "**No verdict.** Adam rescales"),
        ({"optimizer": "nesterov", "momentum": "0.95"}, "the loss will be"),
        ({"batch_size": "10"}, "Mini-batches see another Hessian"),
        ({"loss": "absolute", "standardize": "true", "lr": "1"}, "straight pieces"),
        ({"loss": "huber", "lr": "0.0002"}, "as a bound"),
        ({"model": "origin", "lr": "0.0001"}, "**Stable:**"),
        ({"model": "polynomial", "degree": "8", "standardize": "true"}, "**Divergent:**"),
        ({"data": "made", "outliers": "5", "count": "20"}, "the loss will be"),
        ({"data": "made", "count": "5000", "loss": "huber"}, "fits 1,000 of the 5,000 points"),
        ({"rates": "three"}, "5 % over the border"),
        ({"points": "50_20!-3"}, "the loss will be"),
        ({"lr": "quick"}, "lr is"),
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
    assert "5 % over the border" in words(at)
    at.text_input(key="regression.lr").set_value("0.0001").run()
    assert "**Stable:**" in words(at)


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
    assert list(table["calls in all"]) == [1000] * 6
    assert (table["reached"] != "no minimum").sum() >= 2


def test_your_regression_can_be_raced_and_adam_follows_the_valley() -> None:
    at = open_page("optimizers", race__surface="Your regression", race__steps="1000")
    table = at.dataframe[0].value.set_index("optimizer")
    assert table.loc["Adam", "reached"] == "least squares"
    assert table.loc["gradient descent", "reached"] == "no minimum"


def test_a_race_of_nobody_says_so() -> None:
    at = open_page("optimizers")
    at.button_group(key="race.optimizers").set_value([]).run()
    assert "Nobody starts" in words(at)
