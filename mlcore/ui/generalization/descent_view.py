"""The view *Double descent*: errors of random ReLU features from few features to many."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from mlcore.charts.generalization import norm_spec, prediction_spec, width_spec
from mlcore.course.generalization import State
from mlcore.generalization import (
    DoubleDescent,
    RandomFeatures,
    WidthFit,
    double_descent,
    draw_features,
    fit_at_width,
    widths_around,
)
from mlcore.ui import page, tasks
from mlcore.ui.common import elements, numbers
from mlcore.ui.generalization.strengths import strength_control

_ENDS = (1e-4, 1e3)
_DRAWS = 5


def show() -> None:
    """Draw the view."""
    controls, picture = page.columns()
    with controls:
        n = st.slider("Training examples n", 20, 80, 40, 5, key="examples", bind="query-params")
        widths = widths_around(n)
        share = st.select_slider(
            "Width as a multiple of n",
            _shares(),
            value=0.5,
            format_func=lambda value: f"{value:g}",
            key="width",
            bind="query-params",
        )
        width = min(widths, key=lambda one: abs(one - share * n))
        strength = strength_control()
        with elements.compact():
            noise = st.slider("Noise σ", 0.0, 2.0, 0.5, 0.1, key="sigma", bind="query-params")
            inputs = st.slider("Inputs", 2, 30, 10, key="inputs", bind="query-params")
        seed = page.whole_number("Seed", 0, 9999, 2, key="seed")
    with picture, page.sentences():
        features = _features(n, inputs, seed)
        result = double_descent(features, noise=noise, strength=strength)
        fit = fit_at_width(features, width, noise=noise, strength=strength)
        with st.container(key="picture-gen-descent"):
            st.markdown(_verdict(result, width))
            rows = _rows(result, width)
            elements.chart(width_spec(n, *_ENDS), rows, key="gen.widths")
            left, right = st.columns(2, gap="small")
            with left:
                elements.chart(prediction_spec(), _predictions(fit), key="gen.predictions")
            with right:
                elements.chart(norm_spec(n), rows, key="gen.norms")
        size = float(fit.least_norm.abs().max())
        elements.agreement(fit.max_difference, "Minimum-norm predictions of the test set", size)
        page.as_code(
            "from mlcore.generalization import double_descent, draw_features\n\n"
            f"features = draw_features({n}, inputs={inputs}, draws={_DRAWS}, seed={seed})\n"
            f"result = double_descent(features, noise={noise}, strength={strength})\n"
            "print(result.peak, result.threshold)\n"
            "print(result.test, result.ridge_test)",
            key="gen.descent.code",
        )
        tasks.look("generalization", State(widths=result, width=width))


def _shares() -> list[float]:
    return [0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0, 3.0, 5.0, 7.0, 10.0]


@st.cache_resource(max_entries=4, show_spinner=False)
def _features(n: int, inputs: int, seed: int) -> RandomFeatures:
    """Drawn and decomposed once: noise and λ move without another decomposition."""
    return draw_features(n, inputs=inputs, draws=_DRAWS, seed=seed)


def _verdict(result: DoubleDescent, width: int) -> str:
    place = result.widths.index(width)
    test, ridge = float(result.test[place]), float(result.ridge_test[place])
    peak, last = float(result.test.max()), float(result.test[-1])
    return (
        f"At **width {width:,}** the test error is **{numbers.power(test)}**, with ridge "
        f"**{numbers.power(ridge)}**. It peaks at width **{result.peak:,}** "
        f"({numbers.power(peak)}; theory: {result.threshold:,}) and falls to "
        f"{numbers.power(last)} at width {result.widths[-1]:,}."
    )


def _rows(result: DoubleDescent, width: int) -> pd.DataFrame:
    solutions = {
        "minimum norm": (result.train, result.test, result.norm),
        "ridge": (result.ridge_train, result.ridge_test, result.ridge_norm),
    }
    parts: list[pd.DataFrame] = []
    for name, (train, test, norm) in solutions.items():
        shared = {"solution": name, "width": result.widths}
        parts.append(
            pd.DataFrame({**shared, "what": "training", "error": train.clamp(min=1e-30).numpy()})
        )
        parts.append(pd.DataFrame({**shared, "what": "test", "error": test.numpy()}))
        parts.append(pd.DataFrame({**shared, "what": "norm", "norm": norm.numpy()}))
    marks = [
        {"solution": "ridge", "what": what, "width": at, "error": 1.0, "norm": 1.0}
        for what, at in (("threshold", result.threshold), ("now", width))
    ]
    return pd.concat([*parts, pd.DataFrame(marks)])


def _predictions(fit: WidthFit) -> pd.DataFrame:
    target = fit.target.numpy()
    parts = [
        pd.DataFrame({"solution": name, "target": target, "prediction": predicted.numpy()})
        for name, predicted in (("minimum norm", fit.least_norm), ("ridge", fit.ridge))
    ]
    ends = pd.DataFrame({"solution": None, "target": [-4.0, 4.0], "prediction": [-4.0, 4.0]})
    return pd.concat([*parts, ends])
