"""How runs, lists of runs, comparisons and sweeps show themselves: a table, then a chart.

They are two outputs, as a front end draws but one content of an output, and of HTML and Vega-Lite
it takes the HTML.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from mlcore.core import MlcoreError
from mlcore.notebook import pictures
from mlcore.notebook.live import drawn_here, publish
from mlcore.notebook.progress import Progress, bar_text, progress_of, run_title, values_said
from mlcore.notebook.tables import (
    Bundle,
    facts_bundle,
    rows_bundle,
    said,
    seconds_said,
)

if TYPE_CHECKING:
    import pandas as pd

    from mlcore.runs import ActiveRun, Run
    from mlcore.runs.analysis.comparison import Comparison
    from mlcore.sweeps import Sweep

_BEST_TRIALS: Final = 10
_MOST_FIELDS: Final = 8
_POINTS_IN_ALL: Final = 4_000


def show_run(run: Run) -> None:
    """Show a run: its facts, then its curves unless its live chart stands in the same cell."""
    publish(facts_bundle(run_title(run), _facts(run)))
    if not drawn_here(run.id):
        spec = pictures.run_spec(run, run_title(run), [], pictures.POINTS_AT_LAST)
        _publish_chart(spec, values_said(run))


def show_active_run(active: ActiveRun) -> None:
    """Show a run that a loop logs to, as the store has it now."""
    try:
        run = active.read()
    except MlcoreError:
        publish({"text/plain": repr(active)})
        return
    show_run(run)


def show_runs(runs: Sequence[Run]) -> Bundle:
    """Show several runs as a table.

    Returns:
        The chart of their main metric, to be shown next; the table where there is none.
    """
    from mlcore.runs.analysis.comparison_tables import differing_config

    metric = pictures.main_metric(runs)
    unlike = differing_config(list(runs)) if len(runs) > 1 else None
    fields = [] if unlike is None else [str(name) for name in unlike.index[:_MOST_FIELDS]]
    columns = ["Run", "Experiment", "Status", "Work", *([metric] if metric else []), *fields]
    rows = [
        [
            f"{run.name} {run.id}".strip(),
            run.experiment,
            run.status,
            seconds_said(run.duration),
            *([run.last.get(metric)] if metric else []),
            *(run.config_fields.get(name) for name in fields),
        ]
        for run in runs
    ]
    table = rows_bundle(f"{len(runs)} runs", columns, rows)
    spec = None if metric is None else _overlaid(runs, metric)
    if spec is None:
        return table
    publish(table)
    return pictures.bundle(spec, f"{metric} of {len(runs)} runs", still=True)


def show_comparison(found: Comparison) -> None:
    """Show a comparison: its seed groups, what differs between them, and their curves."""
    rows = [
        [group.letter, group.label, group.n, group.mean, group.sd, group.low, group.high]
        for group in found.groups
    ]
    level = f"{found.level:.0%}"
    columns = ["Group", "Setting", "n", "Mean", "SD", f"{level} from", f"{level} to"]
    title = f"{len(found.runs)} runs compared by {found.measure} {found.metric}"
    publish(rows_bundle(title, columns, rows))
    told = [contrast.sentence for contrast in found.contrasts] + found.test_set
    if told:
        publish(rows_bundle("Differences", ["In words"], [[sentence] for sentence in told], 1_000))
    _publish_chart(_comparison_spec(found), title)


def show_sweep(sweep: Sweep) -> None:
    """Show a sweep: its facts, its best trials, and the curves of its runs."""
    best = sweep.best
    counts = sweep.counts
    facts: dict[str, object] = {
        "Status": sweep.status if sweep.error is None else f"{sweep.status}: {sweep.error}",
        "Runs": f"{counts.done} of {counts.total} done, {counts.failed} failed",
        "Sampler": sweep.sampler,
        "Objective": ", ".join(f"{one.metric}, {one.direction}" for one in sweep.objectives),
        "Fields": ", ".join(sweep.space.fields),
        "Best run": None if best is None else best.id,
    }
    publish(facts_bundle(progress_of(sweep).title, facts))
    metric, table = sweep.objectives[0].metric, sweep.frame()
    fields = list(sweep.space.fields)
    down = sweep.objectives[0].direction == "minimize"
    top = table.sort_values(metric, ascending=down, kind="stable").head(_BEST_TRIALS)
    rows = [
        [row["run"], row["status"], *(row[f"config.{name}"] for name in fields), row[metric]]
        for row in top.to_dict("records")
    ]
    publish(rows_bundle("Its best runs", ["Run", "Status", *fields, metric], rows))
    if not drawn_here(sweep.id):
        _publish_chart(_sweep_spec(sweep, table, []), f"{metric} of the sweep's runs")


def live_spec(now: Any, progress: Progress, *, still: bool) -> dict[str, Any] | None:
    """The chart of a run, a sweep or several runs at one moment; None without points.

    Args:
        now: As it was just read.
        progress: Of it, which stands above the chart.
        still: It will not change, so that it may have more points.
    """
    points = pictures.POINTS_AT_LAST if still else pictures.POINTS
    lines = [bar_text(progress), *progress.lines]
    if isinstance(now, Sequence):
        metric = pictures.main_metric(now)
        spec = None if metric is None else _overlaid(now, metric)
        return None if spec is None else _titled(spec, progress.title, lines)
    if hasattr(now, "progress"):
        return pictures.run_spec(now, progress.title, lines, points)
    spec = _sweep_spec(now, now.frame(), lines)
    return None if spec is None else _titled(spec, progress.title, lines)


def _facts(run: Run) -> dict[str, object]:
    return {
        "Status": run.status if run.error is None else f"{run.status}: {run.error}",
        "Step": f"{run.step:,}" + (f" ({run.progress:.0%} done)" if run.total else ""),
        "Started": None if run.started is None else f"{run.started:%Y-%m-%d %H:%M:%S} UTC",
        "Work": seconds_said(run.duration),
        "Tags": ", ".join(run.tags) or None,
        "Note": run.note or None,
        "Device": run.environment.get("device"),
        **{f"last {name}": value for name, value in islice(run.last.items(), _MOST_FIELDS)},
        **{name: said(value) for name, value in run.config_fields.items()},
    }


def _publish_chart(spec: dict[str, Any] | None, words: str) -> None:
    if spec is not None:
        publish(pictures.bundle(spec, words, still=True))


def _titled(spec: dict[str, Any], title: str, lines: Sequence[str]) -> dict[str, Any]:
    return spec | {"title": {"text": title, "subtitle": list(lines), **pictures.TITLE}}


def _overlaid(runs: Sequence[Run], metric: str) -> dict[str, Any] | None:
    """The curves of one metric of several runs of one store."""
    from mlcore.charts import curves

    drawn = [run for run in runs if metric in run.last][: pictures.MOST_CURVES]
    if not drawn or any(run.store.url != drawn[0].store.url for run in drawn):
        return None
    points = _POINTS_IN_ALL // len(drawn)
    frame = drawn[0].store.curves([run.id for run in drawn], metric, min(300, points))
    if not len(frame):
        return None
    left = len(runs) - len(drawn)
    title = f"{metric}, {len(drawn)} of {len(runs)} runs" if left else metric
    return pictures.chart_spec(curves(frame.assign(metric=metric), metric=metric), title)


def _comparison_spec(found: Comparison) -> dict[str, Any] | None:
    from mlcore.charts import curves

    frame = found.curves
    if len(found.runs) > pictures.MOST_CURVES:
        frame = found.group_curves.rename(columns={"group": "run"})
        frame = frame[frame["run"].isin(list(dict.fromkeys(frame["run"]))[: pictures.MOST_CURVES])]
    if not len(frame):
        return None
    return pictures.chart_spec(curves(frame, axis=found.axis))


def _sweep_spec(sweep: Sweep, table: pd.DataFrame, _lines: Sequence[str]) -> dict[str, Any] | None:
    """The curves of a sweep's runs by rank, of the best where there are many."""
    import pandas as pd

    from mlcore.charts.parallel import chosen_lines, ranks
    from mlcore.charts.trial_curves import member_curve_spec, rank_colour

    metric = sweep.objectives[0].metric
    table = table[table["run"].notna()].reset_index(drop=True)
    ended = table[[metric]].where(table["status"] == "finished")
    down = sweep.objectives[0].direction == "minimize"
    rank = ranks(ended, metric, "min" if down else "max")
    chosen = chosen_lines(rank, pictures.MOST_CURVES * 3) if len(table) else []
    parts = []
    for place in chosen:
        run_id = str(table["run"].iloc[place])
        found = sweep.store.curves([run_id], metric, max(20, _POINTS_IN_ALL // len(chosen)))
        if len(found):
            row = table.iloc[place]
            setting = ", ".join(
                f"{name} {said(row[f'config.{name}'])}" for name in sweep.space.fields
            )
            colour = rank_colour(float(rank[place]))
            part = pd.DataFrame({"x": found["step"], "value": found["value"]})
            parts.append(part.assign(run=run_id, setting=setting, colour=colour))
    if not parts:
        return None
    return pictures.filled(member_curve_spec(metric), pd.concat(parts, ignore_index=True))
