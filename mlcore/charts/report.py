"""A comparison as one HTML page that works offline: verdicts, groups, curves, differences."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING, Any, Final

from mlcore.charts import palette
from mlcore.charts.comparison import (
    ODD_MARKS,
    Band,
    comparison_chart,
    comparison_rows,
    metric_title,
    parts_of,
    with_rows,
)
from mlcore.charts.files import chart_html, page_html
from mlcore.runs.analysis.comparison import Comparison
from mlcore.runs.non_finite import as_word

if TYPE_CHECKING:
    import pandas as pd

    from mlcore.runs import Run

_LONGEST_LABEL: Final = 60
_LONG_CELL: Final = 120
_MOST_CURVES: Final = 30
_FEW_CURVES: Final = 10
_MOST_POINTS: Final = 10_000


def report_html(
    comparison: Comparison, *, labels: Mapping[str, str] | None = None, smoothing: float = 0.0
) -> str:
    """The page's HTML; everything typed by a user is escaped.

    Args:
        comparison: What to report.
        labels: What to call each run, by id; by default its name or its group's, and its id.
        smoothing: Weight of the past in the curves, from 0 to below 1; the raw ones stay, faint.

    Returns:
        HTML. Groups of several runs are drawn as means with their spread, and single runs beside
        them where they are few; curves are thinned, and the page says so where it happened.
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
            comparison.environment,
            labels,
            "No known difference: same versions, data, host and device.",
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
        return "<p>Only one group has results, so there is nothing to hold it against.</p>"
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
    thinner = replace(comparison, points=points)
    drawn = set(thinner.curves["run"])
    shown = [run for run in comparison.runs if run.id in drawn]
    if not shown:
        return f"<p>None of these runs has measured {escape(comparison.metric)}.</p>"
    parts, notes = [], []
    groups = [group for group in comparison.groups if drawn & set(group.run_ids)]
    if any(len(group.run_ids) > 1 for group in groups):
        names = {g.letter: f"{g.letter} · {_short(g.label)}" for g in groups[:_MOST_CURVES]}
        hues = palette.run_colours({g.letter: g.runs[0].key for g in groups[:_MOST_CURVES]})
        curves = thinner.group_curves.rename(columns={"group": "run"})
        parts.append(_chart(comparison, curves, names, hues, smoothing, "spread"))
        notes.append("A group's line is the mean of its runs, its band the lowest and the highest.")
    if not parts or len(shown) <= _FEW_CURVES:
        names = {run.id: labels[run.id] for run in shown[:_MOST_CURVES]}
        hues = palette.run_colours({run.id: run.key for run in shown[:_MOST_CURVES]})
        parts.append(_chart(comparison, thinner.curves, names, hues, smoothing, "thinned"))
    left = max(len(groups), len(shown) if len(parts) > 1 else 0) - _MOST_CURVES
    if left > 0:
        notes.append(f"{left} more lines are not drawn.")
    if bool(thinner.curves["thinned"].any()):
        notes.append(
            "Curves with many points are downsampled: a point is the mean of neighbours, and the "
            "band of a run their lowest and highest."
        )
    if bool((thinner.curves["odd"] > 0).any()):
        notes.append(ODD_MARKS)
    if smoothing:
        notes.append(f"Smoothed with a weight of {smoothing:g}; the raw curves are faint.")
    return f"{''.join(parts)}<p>{escape(' '.join(notes))}</p>"


def _chart(
    comparison: Comparison,
    curves: pd.DataFrame,
    names: Mapping[str, str],
    hues: Mapping[str, str],
    smoothing: float,
    band: Band,
) -> str:
    rows = comparison_rows(curves, names, metric=comparison.metric, smoothing=smoothing)
    chart = comparison_chart(
        {name: hues[key] for key, name in names.items()},
        metric=comparison.metric,
        axis=comparison.axis,
        band=band,
        parts=parts_of(rows),
    )
    # on a narrow screen the chart is scrolled, not the page
    return f'<div style="overflow-x:auto">{chart_html(with_rows(chart, rows))}</div>'


def _runs(comparison: Comparison, labels: Mapping[str, str]) -> str:
    letters = {run_id: group.letter for group in comparison.groups for run_id in group.run_ids}
    header = ("Run", "Group", "Id", "State", str(comparison.measure), "Seed", "Seconds", "Note")
    rows = [
        (
            labels[run.id],
            letters[run.id],
            run.id,
            str(run.status) + (f", from {run.source}" if run.source else ""),
            _measured(comparison, run),
            "" if run.seed is None else str(run.seed),
            "" if run.duration is None else f"{run.duration:.1f}",
            run.note,
        )
        for run in comparison.runs
    ]
    return _table(header, rows)


def _differing(table: pd.DataFrame, labels: Mapping[str, str], nothing: str) -> str:
    """The differing fields, one row per run, as runs usually outnumber fields."""
    if table.empty:
        return f"<p>{escape(nothing)}</p>"
    header = ("Run", *map(str, table.index))
    rows = [
        (labels[str(run)], *("" if value is None else str(value) for value in column))
        for run, column in zip(table.columns, table.T.to_numpy().tolist(), strict=True)
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
        "the measured difference in 8 of 10 tries, if the measured means and spreads were true. "
        "Decide on a number of seeds and then look: adding seeds until a difference shows will "
        "find one sooner or later, by luck."
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
    return f"{value:.5g}" if math.isfinite(value) else ""


def _measured(comparison: Comparison, run: Run) -> str:
    """A run's measure as text; NaN or infinite as a word, empty if it has none."""
    value = float(comparison.measures[run.id])
    was_measured = comparison.metric in run.last and comparison.measure.kind == "last"
    return _number(value) or (as_word(value) if was_measured or math.isinf(value) else "")


def _table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A table; ``bdi`` keeps right-to-left text from moving its neighbours."""

    def cells(values: Sequence[Any], tag: str) -> str:
        return "".join(f"<{tag}>{_cell(str(value))}</{tag}>" for value in values)

    lines = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    return f"<table><thead><tr>{cells(header, 'th')}</tr></thead><tbody>{lines}</tbody></table>"


def _cell(text: str) -> str:
    if len(text) <= _LONG_CELL:
        return f"<bdi>{escape(text)}</bdi>"
    begin = escape(_short(text))
    return f"<details><summary><bdi>{begin}</bdi></summary><bdi>{escape(text)}</bdi></details>"
