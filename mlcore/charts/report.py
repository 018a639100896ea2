"""A comparison as one HTML page that stands alone: verdicts, groups, curves, what differs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING, Any, Final

from mlcore.charts import palette
from mlcore.charts.comparison import comparison_chart, comparison_rows, metric_title, with_rows
from mlcore.charts.files import chart_html, page_html
from mlcore.runs.comparison import Comparison

if TYPE_CHECKING:
    import pandas as pd

    from mlcore.runs import Run

_LONGEST_LABEL: Final = 60
_MOST_CURVES: Final = 50
_MOST_POINTS: Final = 10_000


def report_html(
    comparison: Comparison, *, labels: Mapping[str, str] | None = None, smoothing: float = 0.0
) -> str:
    """One page without a network, everything that a person typed shown as text.

    Args:
        comparison: What to report.
        labels: What to call each run, by id; by default its name or its group's, and its id.
        smoothing: Weight of the past in the curves, from 0 to below 1; the raw ones stay, faint.

    Returns:
        HTML. Curves are drawn for the first 50 runs, and thinned as ``Comparison.curves`` is; the
        page says so where it happened.
    """
    labels = _labels(comparison) if labels is None else labels
    title = f"{metric_title(comparison.metric)} of {len(comparison.runs)} runs"
    parts = [
        f"<p>{escape(_question(comparison))}</p>",
        _verdicts(comparison),
        "<h2>Groups</h2>",
        _groups(comparison),
        "<h2>Curves</h2>",
        _curves(comparison, labels, smoothing),
        "<h2>Runs</h2>",
        _runs(comparison, labels),
        "<h2>Config fields that differ</h2>",
        _differing(comparison.differing, labels, "The configs are equal."),
        "<h2>What else differs</h2>",
        _differing(
            comparison.surroundings,
            labels,
            "Nothing that is known: same versions, data, host and device.",
        ),
        "<h2>How this was reckoned</h2>",
        f"<p>{escape(_method(comparison))}</p>",
    ]
    return page_html(title, "\n".join(parts))


def _question(comparison: Comparison) -> str:
    direction = "larger" if comparison.measure.goal(comparison.goal) == "max" else "smaller"
    made = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    return (
        f"Measure: {comparison.measure} of {comparison.metric}; {direction} is better. "
        f"Written {made}."
    )


def _verdicts(comparison: Comparison) -> str:
    if not comparison.contrasts:
        return (
            "<p>There is one group with results only, so there is nothing to hold it against.</p>"
        )
    lines = (f"<li>{escape(contrast.sentence)}</li>" for contrast in comparison.contrasts)
    return f"<ul>{''.join(lines)}</ul>"


def _groups(comparison: Comparison) -> str:
    level = f"{comparison.level:.0%} interval"
    header = ("Group", "Setting", "Seeds", "Mean", "Spread (sd)", level, "Left out")
    rows = [
        (
            group.letter,
            _short(group.label),
            str(group.n),
            _number(group.mean),
            _number(group.sd),
            "" if group.n < 2 else f"{_number(group.low)} to {_number(group.high)}",
            "; ".join(f"{run_id}: {why}" for run_id, why in group.left_out.items()),
        )
        for group in comparison.groups
    ]
    return _table(header, rows)


def _curves(comparison: Comparison, labels: Mapping[str, str], smoothing: float) -> str:
    points = min(comparison.points, max(100, _MOST_POINTS // len(comparison.runs)))
    curves = replace(comparison, points=points).curves
    shown = [run for run in comparison.runs if run.id in set(curves["run"])][:_MOST_CURVES]
    if not shown:
        return f"<p>None of these runs has measured {escape(comparison.metric)}.</p>"
    names = {run.id: labels[run.id] for run in shown}
    rows = comparison_rows(curves, names, metric=comparison.metric, smoothing=smoothing)
    hues = palette.run_colours({run.id: run.key for run in shown})
    chart = comparison_chart(
        {names[run.id]: hues[run.id] for run in shown},
        metric=comparison.metric,
        axis=comparison.axis,
    )
    notes = []
    if len(shown) < len(comparison.runs):
        notes.append(f"{len(shown)} of {len(comparison.runs)} runs are drawn.")
    if bool(curves["thinned"].any()):
        notes.append(
            "Curves with many points are thinned: a line is the mean of neighbours, its band their "
            "lowest and highest."
        )
    if smoothing:
        notes.append(f"Smoothed with a weight of {smoothing:g}; the raw curves are faint.")
    return f"{chart_html(with_rows(chart, rows))}<p>{escape(' '.join(notes))}</p>"


def _runs(comparison: Comparison, labels: Mapping[str, str]) -> str:
    letters = {run_id: group.letter for group in comparison.groups for run_id in group.run_ids}
    header = ("Run", "Group", "Id", "State", str(comparison.measure), "Seed", "Seconds", "Note")
    rows = [
        (
            labels[run.id],
            letters[run.id],
            run.id,
            str(run.status) + (f", from {run.source}" if run.source else ""),
            _number(comparison.measures[run.id]),
            "" if run.seed is None else str(run.seed),
            "" if run.duration is None else f"{run.duration:.1f}",
            run.note,
        )
        for run in comparison.runs
    ]
    return _table(header, rows)


def _differing(table: pd.DataFrame, labels: Mapping[str, str], nothing: str) -> str:
    if table.empty:
        return f"<p>{escape(nothing)}</p>"
    header = ("", *(labels[str(run)] for run in table.columns))
    rows = [
        (str(name), *("" if value is None else str(value) for value in row))
        for name, row in zip(table.index, table.to_numpy().tolist(), strict=True)
    ]
    return _table(header, rows)


def _method(comparison: Comparison) -> str:
    test = (
        "Welch's t test (spreads may differ)"
        if comparison.method == "welch"
        else "the percentile bootstrap of the difference of means (9,999 draws, seed 0)"
    )
    return (
        "Runs that are equal but for the seed form a group; a group's finished runs count, one a "
        f"seed. Differences: {test}, intervals of {comparison.level:.0%}; a group is called better "
        "where Holm's p-value, which allows for the number of comparisons made, is below "
        f"{1 - comparison.level:.2g}. Missing seeds: the number with which Welch's test would find "
        "the measured difference in 8 of 10 tries, if the measured means and spreads were true."
    )


def _labels(comparison: Comparison) -> dict[str, str]:
    names = {run_id: group.label for group in comparison.groups for run_id in group.run_ids}

    def label(run: Run) -> str:
        seed = "" if run.seed is None else f", seed {run.seed}"
        return f"{_short(run.name or names[run.id])}{seed} · {run.id}"

    return {run.id: label(run) for run in comparison.runs}


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_LABEL else text[: _LONGEST_LABEL - 1] + "…"


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.5g}"


def _table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A table; ``bdi`` keeps text of another direction from moving what stands beside it."""

    def cells(values: Sequence[Any], tag: str) -> str:
        return "".join(f"<{tag}><bdi>{escape(str(value))}</bdi></{tag}>" for value in values)

    lines = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    return f"<table><thead><tr>{cells(header, 'th')}</tr></thead><tbody>{lines}</tbody></table>"
