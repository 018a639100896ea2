"""The view *Fit*: a polynomial on noisy points, its errors and what they are made of."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

import pandas as pd
import streamlit as st
import torch

from mlcore.charts.generalization import FIT, TRUTH, error_spec, fit_spec, parts_spec
from mlcore.course.generalization import State
from mlcore.generalization import (
    BiasVariance,
    ErrorCurve,
    NoisyFunction,
    Penalty,
    PolynomialFit,
    bias_variance,
    errors_by_degree,
    errors_by_strength,
    fit_polynomial,
    learning_curve,
    training_sample,
    true_function,
    validation_sample,
)
from mlcore.generalization.data import TRUTHS, Truth
from mlcore.generalization.polynomial import PENALTIES, PenaltyKind
from mlcore.ui import page, tasks
from mlcore.ui.common import elements, numbers, tabs
from mlcore.ui.generalization.strengths import strength_control

_TRUTH_TITLES: Final[dict[Truth, str]] = {
    "sine": "sin(3πx/2)",
    "cubic": "(5x³ − 3x)/2",
    "runge": "2/(1 + 25x²) − 1",
    "step": "step at 0",
}
_METHODS: Final[dict[PenaltyKind, str]] = {
    "none": "Least squares",
    "ridge": "Ridge",
    "lasso": "Lasso",
}
_MORE: Final = ("Learning curve", "Bias and variance")
_CURVE_STRENGTHS: Final = tuple(10 ** (-5 + 6 * k / 36) for k in range(37))
_RESAMPLES: Final[dict[PenaltyKind, int]] = {"none": 200, "ridge": 200, "lasso": 50}
_MOST_N: Final = 200


@dataclass(frozen=True, slots=True)
class _Settings:
    function: NoisyFunction
    degree: int
    penalty: Penalty


def show() -> None:
    """Draw the view."""
    controls, picture = page.columns()
    with controls:
        settings = _controls()
    with picture, page.sentences():
        by_degree = errors_by_degree(settings.function, settings.penalty)
        sample = training_sample(settings.function)
        fit = fit_polynomial(sample.x, sample.y, settings.degree, settings.penalty)
        with st.container(key="picture-gen-fit"):
            st.markdown(_verdict(settings, by_degree))
            _fit_chart(settings, fit)
            left, right = st.columns(2, gap="small")
            with left:
                _degree_chart(settings, by_degree)
            with right:
                _strength_chart(settings)
        _agreement(fit, settings)
        _more(settings)
        plain = by_degree
        if settings.penalty.kind != "none":
            plain = errors_by_degree(settings.function)
        state = State(
            kind=settings.penalty.kind,
            degree=settings.degree,
            curve=by_degree,
            plain=plain,
        )
        _code(settings)
        tasks.look("generalization", state)


def _controls() -> _Settings:
    degree = st.slider("Degree", 0, 15, 9, key="degree", bind="query-params")
    kinds: list[PenaltyKind] = list(PENALTIES)
    chosen = st.segmented_control(
        "Method",
        kinds,
        default="none",
        format_func=_METHODS.__getitem__,
        required=True,
        key="method",
        bind="query-params",
    )
    kind: PenaltyKind = tabs.picked(chosen, "none")
    strength = strength_control(disabled=kind == "none")
    with elements.compact():
        n = st.slider("Training points n", 16, _MOST_N, 30, key="n", bind="query-params")
        noise = st.slider("Noise σ", 0.0, 1.0, 0.3, 0.05, key="noise", bind="query-params")
    with elements.compact():
        names: list[Truth] = list(TRUTHS)
        truth = st.selectbox(
            "True function",
            names,
            format_func=_TRUTH_TITLES.__getitem__,
            key="truth",
            bind="query-params",
        )
        seed = page.whole_number("Seed", 0, 9999, 2, key="seed")
    function = NoisyFunction(tabs.picked(truth, "sine"), n, noise, seed)
    return _Settings(function, degree, Penalty(kind, strength))


def _verdict(settings: _Settings, curve: ErrorCurve) -> str:
    degree, best = settings.degree, curve.best
    train, validation = float(curve.train[degree]), float(curve.validation[degree])
    told = (
        f"training error **{numbers.power(train)}**, validation error "
        f"**{numbers.power(validation)}**"
    )
    if degree == best:
        return f"**Degree {degree}** has the smallest validation error: {told}."
    least = f"the smallest is {numbers.power(float(curve.validation[best]))} at degree {best}"
    if degree < best:
        return f"**Degree {degree} underfits**: {told}; {least}."
    if validation <= 1.1 * float(curve.validation[best]):
        return f"**Degree {degree}** is about as good as the best: {told}; {least}."
    return f"**Degree {degree} overfits**: {told}; {least}."


def _fit_chart(settings: _Settings, fit: PolynomialFit) -> None:
    x = torch.linspace(-1, 1, 201, dtype=torch.float64)
    sample, check = training_sample(settings.function), validation_sample(settings.function)
    parts = (
        ("validation", check.x, check.y),
        (TRUTH, x, true_function(settings.function.truth, x)),
        (FIT, x, fit.predict(x).clamp(-1e3, 1e3)),
        ("training", sample.x, sample.y),
    )
    rows = pd.concat(
        [pd.DataFrame({"kind": kind, "x": a.numpy(), "y": b.numpy()}) for kind, a, b in parts]
    )
    elements.chart(fit_spec(), rows, key="gen.fit")


def _degree_chart(settings: _Settings, curve: ErrorCurve) -> None:
    # no subtitle names a number: while it stays the same, only rows are sent and drawn anew
    subtitle = _METHODS[settings.penalty.kind]
    if settings.penalty.kind != "none":
        subtitle += ", at the λ chosen"
    label = f"degree {curve.best}"
    rows = error_rows(curve, label, settings.degree)
    spec = error_spec("degree", subtitle, *_ends(settings.function.noise))
    elements.chart(spec, rows, key="gen.by.degree")


def _strength_chart(settings: _Settings) -> None:
    kind: PenaltyKind = "lasso" if settings.penalty.kind == "lasso" else "ridge"
    curve = errors_by_strength(settings.function, settings.degree, kind, _CURVE_STRENGTHS)
    label = f"λ = {numbers.power(float(curve.values[curve.best]))}"
    now = settings.penalty.strength if settings.penalty.kind != "none" else None
    subtitle = f"{_METHODS[kind]}, at the degree chosen"
    spec = error_spec("strength", subtitle, *_ends(settings.function.noise))
    elements.chart(spec, error_rows(curve, label, now), key="gen.by.strength")


def _agreement(fit: PolynomialFit, settings: _Settings) -> None:
    if settings.penalty.kind == "lasso":
        gone = int((fit.coefficients[1:] == 0).sum())
        st.caption(
            f":material/check_circle: The lasso leaves {settings.degree - gone} of "
            f"{numbers.counted(settings.degree, 'coefficient')} other than 0. Its duality gap is "
            f"{numbers.power(fit.gap)} of the loss: no other choice is better by more than that."
        )
        return
    size = float(fit.predict(training_sample(settings.function).x).abs().max())
    elements.agreement(fit.max_difference, "The fitted values at the training points", size)


def _more(settings: _Settings) -> None:
    chosen = st.segmented_control(
        "Below", _MORE, default=_MORE[0], required=True, key="more", bind="query-params"
    )
    if tabs.picked(chosen, _MORE[0]) == _MORE[0]:
        _learning_curve(settings)
    else:
        _bias_variance(settings)


def _learning_curve(settings: _Settings) -> None:
    sizes = _sizes(settings.degree)
    curve = learning_curve(settings.function, settings.degree, settings.penalty, sizes=sizes)
    spec = error_spec(
        "n", "at the degree chosen, median over 30 samples", *_ends(settings.function.noise)
    )
    elements.chart(spec, error_rows(curve, None, settings.function.n), key="gen.learning")
    page.prose("generalization_learning")


def _bias_variance(settings: _Settings) -> None:
    kind = settings.penalty.kind
    parts = bias_variance(settings.function, settings.penalty, resamples=_RESAMPLES[kind])
    spec = parts_spec(parts.resamples, *_ends(settings.function.noise))
    elements.chart(spec, _part_rows(parts, settings.degree), key="gen.parts")
    k = settings.degree
    measured = [float(v[k]) for v in (parts.bias2, parts.variance)]
    names = ["bias²", "variance", "noise σ²", "**sum**", "**measured error**"]
    spread = numbers.power(float(parts.measured_error[k]))
    values = [*measured, parts.noise, float(parts.total[k]), float(parts.measured[k])]
    columns: dict[str, Iterable[object]] = {
        f"Degree {k}": names,
        f"{parts.resamples} fits": [
            numbers.power(v) + (f" ± {spread}" if name == names[-1] else "")
            for name, v in zip(names, values, strict=True)
        ],
    }
    if parts.exact_bias2 is not None and parts.exact_variance is not None:
        exact = [float(parts.exact_bias2[k]), float(parts.exact_variance[k]), parts.noise]
        columns["Closed form"] = [*map(numbers.power, [*exact, sum(exact)]), ""]
    elements.table(columns)
    page.prose("generalization_parts")


def error_rows(curve: ErrorCurve, label: str | None, now: float | None) -> pd.DataFrame:
    """The rows of ``error_spec``; no diamond without a label, no dotted line without ``now``."""
    values, errors = curve.values.numpy(), (curve.train.numpy(), curve.validation.numpy())
    found = [
        pd.DataFrame({"kind": kind, "value": values, "error": error})
        for kind, error in zip(("training", "validation"), errors, strict=True)
    ]
    rows = pd.concat(found)
    rows["error"] = rows["error"].clip(lower=1e-30)
    rows["label"] = ""
    more: list[dict[str, object]] = []
    if label is not None:
        best = curve.best
        error = float(curve.validation[best])
        value = float(curve.values[best])
        more.append({"kind": "best", "value": value, "error": error, "label": label})
    if now is not None:
        more.append({"kind": "now", "value": float(now), "error": 1.0, "label": ""})
    return pd.concat([rows, pd.DataFrame(more)]) if more else rows


def _part_rows(parts: BiasVariance, degree: int) -> pd.DataFrame:
    noise = torch.full_like(parts.variance, parts.noise)
    lines: list[tuple[str, Literal["measured", "theory"], torch.Tensor]] = [
        ("bias²", "measured", parts.bias2),
        ("variance", "measured", parts.variance),
        ("noise σ²", "measured", noise),
        ("measured error", "measured", parts.measured),
    ]
    if parts.exact_bias2 is not None and parts.exact_variance is not None:
        lines += [
            ("bias²", "theory", parts.exact_bias2),
            ("variance", "theory", parts.exact_variance),
            ("measured error", "theory", parts.exact_bias2 + parts.exact_variance + noise),
        ]
    rows = pd.concat(
        [
            pd.DataFrame(
                {"part": part, "way": way, "degree": parts.degrees.numpy(), "error": error.numpy()}
            )
            for part, way, error in lines
        ]
    )
    rows["error"] = rows["error"].where(rows["error"] > 0)  # a logarithmic axis has no place for 0
    now = pd.DataFrame([{"part": "measured error", "way": "now", "degree": degree, "error": 1.0}])
    return pd.concat([rows, now])


def _ends(noise: float) -> tuple[float, float]:
    """Ends of the axis of errors: they change with the noise alone, so that curves can be seen."""
    floor = max(noise**2, 0.001)
    low, high = floor / 20, 30 * (0.5 + floor)
    return 10.0 ** math.floor(math.log10(low)), 10.0 ** math.ceil(math.log10(high))


def _sizes(degree: int) -> list[int]:
    """Numbers of training points from just enough to 200, evenly on a logarithmic axis."""
    least = degree + 2
    ratio = _MOST_N / least
    return sorted({round(least * ratio ** (k / 13)) for k in range(14)})


def _code(settings: _Settings) -> None:
    f, p = settings.function, settings.penalty
    page.as_code(
        "from mlcore.generalization import (\n    NoisyFunction, Penalty, bias_variance, "
        "errors_by_degree, fit_polynomial, training_sample)\n\n"
        f'function = NoisyFunction("{f.truth}", n={f.n}, noise={f.noise}, seed={f.seed})\n'
        f'penalty = Penalty("{p.kind}", {p.strength})\n'
        "sample = training_sample(function)\n"
        f"fit = fit_polynomial(sample.x, sample.y, {settings.degree}, penalty)\n"
        "curve = errors_by_degree(function, penalty)\n"
        "print(fit.powers, curve.best, curve.validation)\n"
        "print(bias_variance(function, penalty).total)",
        key="gen.fit.code",
    )
