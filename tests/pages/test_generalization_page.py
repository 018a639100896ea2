"""The page *Generalization* in a simulated browser: what a slider changes, what the URL holds."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from mlcore.generalization import NoisyFunction, Penalty, double_descent, draw_features
from mlcore.generalization import errors_by_degree as by_degree
from tests.pages.chart_rows import charts
from tests.pages.conftest import Open, captions

pytestmark = pytest.mark.usefixtures("empty_store", "one_thread")


def verdict(at: AppTest) -> str:
    [words] = [m.value for m in at.markdown if m.value.startswith(("**Degree", "At **width"))]
    return words


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
