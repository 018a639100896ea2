"""The page *Generalization* in a simulated browser: what a slider changes, what the URL holds."""

from __future__ import annotations

from typing import Any, cast

import pytest
from streamlit.testing.v1 import AppTest

from mlcore import MNISTConfig
from mlcore.generalization import NoisyFunction, Penalty, double_descent, draw_features
from mlcore.generalization import errors_by_degree as by_degree
from mlcore.runs.store.progress import solved_tasks
from mlcore.runs.store.store import Store
from mlcore.ui.generalization.remedies import base_config, with_remedy
from tests.pages.chart_rows import charts
from tests.pages.conftest import Open, captions
from tests.runs.made import made

pytestmark = pytest.mark.usefixtures("empty_store", "one_thread")


def verdict(at: AppTest) -> str:
    [words] = [m.value for m in at.markdown if m.value.startswith(("**Degree", "At **width"))]
    return words


def specs(at: AppTest) -> list[str]:
    return [element.proto.spec for element in at.get("vega_lite_chart")]


def test_the_degree_moves_the_verdict_and_the_rows(open_page: Open) -> None:
    at = open_page("pages/generalization.py")
    best = by_degree(NoisyFunction(seed=2)).best
    assert "overfits" in verdict(at)
    assert not at.toast

    at.slider(key="degree").set_value(2).run()
    assert "underfits" in verdict(at)
    at.slider(key="degree").set_value(best).run()
    assert "has the smallest validation error" in verdict(at)
    assert at.toast

    fit, degree, strength, learning = charts(at)
    assert set(fit["kind"]) == {"training", "validation", "fit", "true function"}
    now = degree[degree["kind"] == "now"]["value"].tolist()
    assert now == degree[degree["kind"] == "best"]["value"].tolist() == [best]
    assert (strength["kind"] == "now").sum() == 0  # least squares has no λ
    assert learning["value"].max() == 200
    assert "they agree" in captions(at)


def test_a_link_brings_back_every_setting(open_page: Open) -> None:
    at = open_page(
        "pages/generalization.py",
        degree="12",
        method="Lasso",
        strength="0.1",
        n="50",
        noise="0.2",
        truth="step at 0",
        seed="7",
        more="Bias and variance",
    )

    function, penalty = NoisyFunction("step", 50, 0.2, 7), Penalty("lasso", 0.1)
    rows = charts(at)
    errors = rows[1][rows[1]["kind"] == "validation"]["error"].tolist()
    assert errors == pytest.approx(by_degree(function, penalty).validation.tolist())
    assert set(rows[3]["way"]) == {"measured", "now"}  # the lasso has no closed form
    assert "duality gap" in captions(at)


def test_double_descent_shows_the_peak_beside_theory(open_page: Open) -> None:
    at = open_page("pages/generalization.py", tab="Double descent", examples="30", width="3")

    assert "peaks at width **30**" in verdict(at)
    assert "theory: 30" in verdict(at)
    widths, predictions, _ = charts(at)
    test = widths[(widths["what"] == "test") & (widths["solution"] == "ridge")]["error"].tolist()
    expected = double_descent(draw_features(30, seed=2)).ridge_test.tolist()
    assert test == pytest.approx(expected)
    assert widths[widths["what"] == "now"]["width"].tolist() == [90]
    assert len(predictions) == 402

    at.select_slider(key="strength").set_value(10.0).run()
    stronger = charts(at)[0]
    norms = [r[r["what"] == "norm"].groupby("solution")["norm"].max() for r in (widths, stronger)]
    assert norms[1]["ridge"] < norms[0]["ridge"]
    assert norms[1]["minimum norm"] == pytest.approx(norms[0]["minimum norm"])

    before = specs(at)
    at.select_slider(key="width").set_value(5.0).run()
    assert specs(at) == before  # rows alone are sent, so no chart is built anew


@pytest.mark.parametrize("more", ["Learning curve", "Bias and variance"])
@pytest.mark.parametrize("method", ["Least squares", "Ridge", "Lasso"])
def test_the_smallest_data_and_degree_have_every_view(
    more: str, method: str, open_page: Open
) -> None:
    at = open_page(
        "pages/generalization.py", method=method, more=more, n="16", degree="0", noise="0"
    )

    assert not at.error
    assert len(charts(at)) == 4
    at.slider(key="degree").set_value(15).run()
    assert not at.error
    assert not at.exception


# --- few images -------------------------------------------------------------------------------


def told(at: AppTest) -> str:
    return "\n".join(m.value for m in at.markdown)


def configs(store: Store) -> list[MNISTConfig]:
    found = [run.config for run in store.list()]
    assert all(isinstance(config, MNISTConfig) for config in found)
    return cast("list[MNISTConfig]", found)


def curves(end: float, best: float, accuracy: float) -> dict[str, dict[int, float]]:
    """A run of 40 epochs of 16 steps: the validation loss falls to ``best``, then ends higher."""
    return {
        "train_loss": {step: 2.0 / (step + 1) for step in range(1, 641)},
        "validation_loss": {0: 2.3, 160: best, 640: end},
        "validation_accuracy": {0: 0.1, 160: accuracy - 0.01, 640: accuracy},
    }


def test_one_click_trains_the_network_without_and_with_a_remedy(
    open_page: Open, empty_store: Store
) -> None:
    at = open_page("pages/generalization.py", tab="Few images", remedy="Dropout", p="0.8")
    [words] = [info.value for info in at.info]
    assert "trains 6 networks of 407,050 weights on 500 images" in words
    assert len(at.get("image")) == 1  # what the augmentation does is shown before the first run

    at.button(key="gen.few.start").click().run()

    assert not at.exception
    queued = configs(empty_store)
    assert sorted((c.seed, c.dropout) for c in queued) == [
        (s, d) for s in range(3) for d in (0, 0.8)
    ]
    assert all(c.sealed() and c.train_size == 500 for c in queued)
    assert at.button(key="gen.few.start").disabled
    assert len(at.get("image")) == 0


def test_finished_runs_show_the_drift_and_are_compared(open_page: Open, empty_store: Store) -> None:
    base = base_config(500)
    for seed, wobble in enumerate((0.0, 0.001, -0.001)):
        made(empty_store, base.replace(seed=seed), curves(0.55 + wobble, 0.45, 0.86 + wobble))
        decay = with_remedy(base, "weight decay", 0.01).replace(seed=seed)
        made(empty_store, decay, curves(0.56 - wobble, 0.45, 0.86 - wobble))
        early = with_remedy(base, "early stopping", 4).replace(seed=seed)
        kept = {"best_validation_accuracy": {640: 0.9 + wobble}, "best_epoch": {640: 10.0}}
        made(empty_store, early, {**curves(0.5, 0.45 + wobble, 0.87), **kept})

    at = open_page("pages/generalization.py", tab="Few images", remedy="Early stopping")

    assert "minimum **0.45** at step 160 and then rises to **0.55**" in told(at)
    # judged by the weights that are kept: those of the best epoch
    assert "Early stopping is better than no remedy by 0.1000 ± 0.0023" in told(at)
    drift, results = charts(at)
    assert set(drift["arm"]) == {"no remedy", "early stopping"}
    assert drift[drift["kind"] == "validation"]["step"].max() == 640
    assert set(results["arm"]) == {"no remedy", "weight decay", "early stopping"}
    assert (results["kind"] == "seed").sum() == 9
    assert "remedy" in solved_tasks(empty_store)["generalization"]

    at.segmented_control(key="judge").set_value("accuracy").run()
    assert "Early stopping is better than no remedy by 4.00 ± 0.23 points" in told(at)
    assert "No remedy and weight decay gave the same" in told(at) or "not distinguish" in told(at)


# --- folds ------------------------------------------------------------------------------------


def test_a_leak_lifts_the_estimate_above_the_truth(open_page: Open, empty_store: Store) -> None:
    at = open_page("pages/generalization.py", tab="Folds", sample="100", copies="4", fold="3")
    assert "On 4,000 images that are in no fold" in told(at)
    lines, estimate, places = charts(at)
    assert lines[lines["kind"] == "fold"]["fold"].nunique() == 5
    assert len(places) == 100
    per_class = places.groupby(["class", "fold"]).size().unstack(fill_value=0)
    assert int((per_class.max(axis=1) - per_class.min(axis=1)).max()) <= 1

    before = specs(at)
    at.slider(key="fold").set_value(5).run()
    assert specs(at) == before  # rows alone are sent
    lines, _, places = charts(at)
    for rows in (lines[lines["kind"] == "fold"], places):
        assert set(rows[rows["chosen"].astype(bool)]["fold"]) == {5}

    at.segmented_control(key="leak").set_value("copies").run()

    [script] = [code.value for code in at.code if "train_folds(" in code.value]
    shown: dict[str, Any] = {}
    exec(script, shown)  # noqa: S102 - what the page offers to copy gives what the page shows
    found = shown["folds"]
    assert f"estimates **{100 * found.estimate:.1f} ± {100 * found.standard_error:.1f}%**" in told(
        at
    )
    assert "above the truth" in told(at)
    leaking = charts(at)[1]
    mean = leaking[leaking["kind"] == "mean"].set_index("way")["value"]
    truth = leaking[leaking["kind"] == "truth"].set_index("way")["value"]
    assert mean["No leak"] == pytest.approx(estimate[estimate["kind"] == "mean"]["value"].item())
    assert mean["Copies"] > mean["No leak"] + 0.05
    assert abs(truth["Copies"] - truth["No leak"]) < 0.05
    assert "leak" in solved_tasks(empty_store)["generalization"]


def test_the_folds_are_cross_validated_as_recorded_runs(
    open_page: Open, empty_store: Store
) -> None:
    at = open_page("pages/generalization.py", tab="Folds", sample="100", folds="2")
    at.button(key="gen.folds.runs.start").click().run()

    assert not at.exception
    assert sorted((c.folds, c.fold) for c in configs(empty_store)) == [(2, 1), (2, 2)]

    at = open_page("pages/generalization.py", tab="Folds", sample="100", folds="10")
    assert "each fold needs" in " ".join(error.value for error in at.error)
