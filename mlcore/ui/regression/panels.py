"""The tabs of the regression page: four views, all rates at once, proof, tasks, and the run."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd
import streamlit as st
import torch

from mlcore.charts import palette
from mlcore.charts.regression import rates_chart
from mlcore.regression import (
    BANDS,
    TASKS,
    Attempt,
    Dataset,
    Path,
    RegressionConfig,
    Verdict,
    descend_on,
    judge,
    rule_of,
    split,
    validation_loss,
)
from mlcore.ui import tasks as course_tasks
from mlcore.ui.regression import settings
from mlcore.ui.regression.bench import Bench
from mlcore.ui.regression.bench import bench as make_bench
from mlcore.ui.regression.views import Shown, descent_views, scene

RATES = 200
MOST_STEPS = 10_000
"""More than the page draws; a recorded run may take a million."""


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """Everything the tabs show, computed once per rerun.

    Attributes:
        config: The settings.
        source: The points before edits.
        data: The points.
        bench: Problem, fit and surface.
        verdict: What theory says.
        shown: The descent of the rate set, or of three rates.
    """

    config: RegressionConfig
    source: Dataset
    data: Dataset
    bench: Bench
    verdict: Verdict
    shown: tuple[Shown, ...]


MOST_POINTS = 1000
"""Losses without a reduced form are drawn from at most so many points, chosen evenly."""


def prepare(config: RegressionConfig, source: Dataset) -> Scene:
    """Compute verdict and descent: at the chosen rate, or at too small, best and too large ones.

    Raises:
        DataError: (a ValueError) if the points cannot be used.
    """
    data = settings.edits().apply(source)
    if config.steps > MOST_STEPS:
        config = config.replace(steps=MOST_STEPS)
    if len(data) > MOST_POINTS and (config.loss != "squared" or config.batch_size):
        data = _thinned(data)
    bench = make_bench(config, data)
    start, batch = config.start(), config.batch_size or None
    verdict = judge(bench.problem, optimizer=rule_of(config), start=start, batch_size=batch)
    rates, labels, colours = [config.lr], ["yours"], [palette.VALUE]
    three = verdict.three_rates(config.steps) if settings.three() else None
    if three is not None:
        rates, labels = list(three), ["too small", "best", "too large"]
        colours = [palette.RUN_COLOURS[2], palette.GOOD, palette.BAD]
    paths = _descents(bench, config, rates)
    shown = zip(labels, colours, paths, strict=True)
    return Scene(config, source, data, bench, verdict, tuple(Shown(*each) for each in shown))


def held_out_words(here: Scene) -> str | None:
    """The loss of the points held out beside that of those fitted; None without any."""
    held = split(here.config, here.data)[1]
    if held is None:
        return None
    path = here.shown[0].path
    loss = validation_loss(here.bench.problem, held, path.theta[-1][:, None])
    return (
        f"{len(held)} of {len(here.data)} points are held out. In the end: loss "
        f"{float(path.loss[-1]):.4g}, validation loss {float(loss):.4g}."
    )


def better_rate(here: Scene) -> float | None:
    """A sound rate if the chosen one diverges or barely moves; None otherwise.

    It leads nowhere where it diverges, or where half of the excess loss will be left.
    """
    verdict, config = here.verdict, here.config
    if not diverges(here):
        if not verdict.exact:
            return None
        loss = here.shown[0].path.loss
        floor = here.bench.fit.loss
        if float(loss[-1]) - floor <= 0.5 * (float(loss[0]) - floor):
            return None
    return stable_rate(here, config)


def diverges(here: Scene) -> bool:
    """Whether the descent at the chosen rate ends farther off than it began."""
    loss = here.shown[0].path.loss
    return len(here.shown) == 1 and not float(loss[-1]) <= float(loss[0])


def stable_rate(here: Scene, config: RegressionConfig) -> float | None:
    """A rate that does not diverge: from the curvature, or the largest of a few that descend."""
    known = here.verdict.stable_rate(config.steps)
    if known is not None:
        return float(f"{known:.3g}")
    rates = config.lr * 10.0 ** -torch.arange(1, 13, dtype=torch.float64)
    loss = _descend(here.bench, config, rates).loss
    good = (loss[-1] < loss[0]).nonzero()[:, 0]
    return float(f"{float(rates[int(good[0])]):.3g}") if len(good) else None


def _thinned(data: Dataset) -> Dataset:
    kept = torch.linspace(0, len(data) - 1, MOST_POINTS).round().long()
    note = f"The page fits {MOST_POINTS:,} of the {len(data):,} points, evenly chosen."
    return Dataset(data.x[kept], data.y[kept], data.x_name, data.y_name, (*data.notes, note))


def _descents(bench: Bench, config: RegressionConfig, rates: list[float]) -> list[Path]:
    path = _descend(bench, config, torch.tensor(rates, dtype=torch.float64))
    return [
        Path(path.theta[..., k], path.loss[:, k], path.lr[k], path.names) for k in range(len(rates))
    ]


def _descend(bench: Bench, config: RegressionConfig, rates: torch.Tensor) -> Path:
    return descend_on(
        bench.problem,
        lr=rates,
        steps=config.steps,
        optimizer=rule_of(config),
        start=config.start(),
        batch_size=config.batch_size or None,
        generator=torch.Generator().manual_seed(config.seed),
    )


def views(here: Scene) -> None:
    """The four linked views; clicks change the start and the points."""

    def start_chosen() -> None:
        chosen = st.session_state["regression.views"].get("start")
        if chosen:
            settings.put(start_w=chosen[0], start_b=chosen[1])

    def point_chosen() -> None:
        chosen = st.session_state["regression.views"].get("edit")
        if chosen:
            settings.edit(chosen, len(here.source))

    focus = 1 if len(here.shown) == 3 else 0
    descent_views(
        scene(
            here.bench,
            here.data,
            here.config,
            here.shown,
            here.verdict,
            focus,
            editable=len(here.source) <= 1000,
        ),
        key="regression.views",
        on_start=start_chosen,
        on_edit=point_chosen,
    )


def all_rates(here: Scene) -> None:
    """200 rates in one descent: measured, predicted, and the borders between the bands."""
    verdict = here.verdict
    middle = verdict.divergent or 3e-2
    low, high = math.log10(middle) - 4.5, math.log10(middle) + 0.6
    rates = torch.logspace(low, high, RATES, dtype=torch.float64)
    path = _descend(here.bench, here.config, rates)
    final = path.loss[-1]
    closed = verdict.predicted_loss(rates, here.config.steps)
    table = pd.DataFrame(
        {
            "rate": rates.numpy(),
            "loss": final.where(final.isfinite(), torch.nan).numpy(),
            "predicted": math.nan
            if closed is None
            else closed.where(closed.isfinite(), torch.nan).numpy(),
            "band": [verdict.band(float(rate)) or "not known" for rate in rates],
        }
    )
    strips, borders = _strips(verdict, float(rates[0]), float(rates[-1]))
    chart = rates_chart(
        table,
        strips,
        borders,
        steps=here.config.steps,
        current=here.config.lr,
        loss_name=f"{here.config.loss} loss",
    )

    def picked() -> None:
        points = st.session_state["regression.rates"]["selection"].get("rate")
        if points:
            settings.put(lr=float(f"{points[0]['rate']:.4g}"))

    st.altair_chart(
        chart, key="regression.rates", on_select=picked, selection_mode="rate", width="stretch"
    )
    dead = int((~final.isfinite()).sum())
    lowest = int(final.nan_to_num(posinf=math.inf).argmin())
    st.caption(
        f"Best of the {RATES}: η = {float(rates[lowest]):.4g} with a loss of "
        f"{float(final[lowest]):.6g}. {_overflowed(dead)}Click a point to use its rate."
        + (" Dashed: the closed form, computed without training." if closed is not None else "")
    )


def _overflowed(count: int) -> str:
    if not count:
        return ""
    return (
        f"{count} rate{'s' * (count > 1)} overflowed and {'are' if count > 1 else 'is'} not shown. "
    )


def _strips(verdict: Verdict, low: float, high: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    slow, oscillating, divergent = verdict.slow, verdict.oscillating, verdict.divergent
    if slow is None or oscillating is None or divergent is None:
        return pd.DataFrame(columns=["band", "low", "high"]), pd.DataFrame(columns=["rate", "name"])
    edges = [low, slow, oscillating, divergent, high]
    strips = pd.DataFrame(
        {
            "band": list(BANDS),
            "low": [min(max(edge, low), high) for edge in edges[:-1]],
            "high": [min(max(edge, low), high) for edge in edges[1:]],
        }
    )
    names = ["overshoots above", "largest stable rate"]
    if here_plain(verdict):
        names = ["overshoots above 1/λmax", "largest stable rate 2/λmax"]
    borders = pd.DataFrame({"rate": [oscillating, divergent], "name": names})
    return strips[strips["low"] < strips["high"]], borders


def here_plain(verdict: Verdict) -> bool:
    """Whether the borders are 1/λmax and 2/λmax, as for gradient descent without momentum."""
    largest = float(verdict.eigenvalues[-1])
    return verdict.divergent is not None and math.isclose(verdict.divergent * largest, 2)


def tasks(here: Scene) -> None:
    """The five tasks, checked on what the page shows."""
    if len(here.shown) == 3:
        st.info("The tasks check one rate. Press *Back to one rate*.")
        return
    done = course_tasks.solved("regression")
    attempt = attempt_of(here)
    for number, task in enumerate(TASKS, 1):
        answer = task.check(attempt)
        icon = (
            ":material/check_circle:" if task.key in done else ":material/radio_button_unchecked:"
        )
        colour = "green" if task.key in done else "gray"
        st.markdown(f":{colour}[{icon}] **{number}. {task.goal}**", help=task.hint)
        st.caption(("Solved by what the page shows now. " if answer.solved else "") + answer.text)
    st.progress(len(done) / len(TASKS), text=f"{len(done)} of {len(TASKS)} solved")


def attempt_of(here: Scene) -> Attempt:
    """What the page shows, as the tasks check it."""
    path = here.shown[0].path
    return Attempt(
        config=here.config,
        path=path,
        verdict=here.verdict,
        fit=here.bench.fit,
        untouched=not settings.edits(),
        true_slope=here.config.slope if here.config.data == "made" else None,
        slope=float(path.w[-1]) / here.bench.problem.scaling.deviation,
    )
