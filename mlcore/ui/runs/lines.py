"""The lines of a comparison's chart: one per run, or one per seed group."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Final, Literal

from mlcore.charts import palette
from mlcore.charts.comparison import (
    ODD_MARKS,
    Band,
    Part,
    comparison_chart,
    comparison_rows,
    parts_of,
    with_rows,
)
from mlcore.charts.specs import bare_spec
from mlcore.ui import page, run_parts
from mlcore.ui.common.numbers import counted

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

    from mlcore.runs.analysis.comparison import Comparison
    from mlcore.runs.analysis.seed_groups import SeedGroup

MOST_LINES: Final = 30
"""Maximum number of lines; more cannot be distinguished."""

_LABEL: Final = 60
_AROUND: Final = 90
_SHORT: Final = 20


@dataclass(frozen=True, slots=True)
class LineStyle:
    """A chart's options without its rows; see ``mlcore.charts.comparison.comparison_chart``."""

    colours: tuple[tuple[str, str], ...]
    metric: str
    axis: str
    log_x: bool
    log_y: bool
    band: Band
    parts: tuple[Part, ...]

    def chart(self) -> alt.LayerChart:
        """The chart without its rows."""
        longest = max((len(label) for label, _ in self.colours), default=0)
        return comparison_chart(
            dict(self.colours),
            metric=self.metric,
            axis=self.axis,
            log_x=self.log_x,
            log_y=self.log_y,
            band=self.band,
            legend_columns=1 if longest > _SHORT else 2,
            parts=self.parts,
        )


@lru_cache(maxsize=64)
def _spec(look: LineStyle) -> dict[str, Any]:
    chart = look.chart()
    # a page fits title, axis and legend into the height, a file puts them around it
    return bare_spec(chart.properties(height=chart.height + _AROUND))


@dataclass(frozen=True)
class Lines:
    """The lines of a comparison, and how to draw them.

    Attributes:
        comparison: What is drawn.
        kind: ``run`` or ``group``.
        smoothing: Weight of the past, from 0 to below 1.
        log_x: Logarithmic x.
        log_y: Logarithmic values.
    """

    comparison: Comparison
    kind: Literal["group", "run"]
    smoothing: float
    log_x: bool
    log_y: bool

    @cached_property
    def labels(self) -> dict[str, str]:
        """Labels of the lines, by id of run or letter of group; at most ``MOST_LINES``."""
        if self.kind == "run":
            whole = run_labels(self.comparison)
        else:
            whole = {
                group.letter: f"{group.letter} · {group_label(self.comparison, group)}"
                for group in self.comparison.groups
            }
        return dict(list(whole.items())[:MOST_LINES])

    @cached_property
    def colours(self) -> dict[str, str]:
        """Hue of each line, by id of run or letter of group."""
        if self.kind == "run":
            return run_parts.colours_of(self.comparison.runs)
        return palette.run_colours({g.letter: g.runs[0].key for g in self.comparison.groups})

    @property
    def left_out(self) -> int:
        """Number of lines that are not drawn."""
        there = len(self.comparison.runs if self.kind == "run" else self.comparison.groups)
        return there - len(self.labels)

    @cached_property
    def curves(self) -> pd.DataFrame:
        """Columns run (id, or letter of the group), x, value, low, high."""
        import pandas as pd

        curves = self.comparison.curves
        if self.kind == "run":
            return curves
        alone = {g.letter for g in self.comparison.groups if len(g.run_ids) == 1}
        together = self.comparison.group_curves
        single = curves[curves["group"].isin(alone)].drop(columns="run")
        parts = [single, together[~together["group"].isin(alone)]]
        return pd.concat(parts).rename(columns={"group": "run"})

    @property
    def band(self) -> Band:
        """The meaning of a band: points merged into one, or seeds."""
        spread = self.kind == "group" and any(len(g.run_ids) > 1 for g in self.comparison.groups)
        return "spread" if spread else "thinned"

    @cached_property
    def rows(self) -> pd.DataFrame:
        """Rows for ``chart`` and ``spec``."""
        return comparison_rows(
            self.curves,
            self.labels,
            metric=self.comparison.metric,
            smoothing=self.smoothing,
            log_x=self.log_x,
            log_y=self.log_y,
        )

    @property
    def look(self) -> LineStyle:
        """Everything that decides the chart but its rows."""
        return LineStyle(
            colours=tuple((label, self.colours[name]) for name, label in self.labels.items()),
            metric=self.comparison.metric,
            axis=self.comparison.axis,
            log_x=self.log_x,
            log_y=self.log_y,
            band=self.band,
            parts=parts_of(self.rows),
        )

    def spec(self) -> dict[str, Any]:
        """The chart's spec, without rows; do not change it."""
        return _spec(self.look)

    def whole_chart(self) -> alt.LayerChart:
        """The chart with its rows, for a file."""
        return with_rows(self.look.chart(), self.rows)

    def words(self) -> str:
        """A caption: the meaning of a band, what was downsampled, and what is missing."""
        said = []
        if self.band == "spread":
            said.append(
                "Each line is the mean over seeds, its band the lowest and the highest seed."
            )
        if bool(self.comparison.curves["thinned"].any()):
            said.append(
                f"Curves are downsampled to about {self.comparison.points} points: a line is the "
                "mean of the points it stands for"
                + ("." if self.band == "spread" else ", a band their lowest and highest.")
                + " The files under *Export* hold every point."
            )
        if bool((self.comparison.curves["odd"] > 0).any()):
            said.append(ODD_MARKS)
        if self.left_out:
            said.append(f"{self.left_out:,} more lines are not drawn; choose fewer runs.")
        lost = self.comparison.without_axis
        if lost:
            said.append(f"{counted(len(lost), 'run')} without values for {self.comparison.axis}.")
        return " ".join(said)


def run_labels(comparison: Comparison) -> dict[str, str]:
    """A label for each run, by id: its group's letter, and its name or what makes it different.

    Runs that are still called alike get their ids.
    """
    names = {}
    for group in comparison.groups:
        for run in group.runs:
            name = page.one_line(run.name, _LABEL) or _what(comparison, group)
            seed = f", seed {run.seed}" if len(group.runs) > 1 and not run.name else ""
            names[run.id] = f"{group.letter} · {name}{seed}"
    taken = list(names.values())
    return {
        run_id: f"{names[run_id]} · {run_id}" if taken.count(names[run_id]) > 1 else names[run_id]
        for run_id in comparison.ids
    }


def group_label(comparison: Comparison, group: SeedGroup) -> str:
    """A group's label on one line: what makes it different, and its number of seeds."""
    what = _what(comparison, group)
    return f"{what} ({len(group.run_ids)} seeds)" if len(group.run_ids) > 1 else what


def _what(comparison: Comparison, group: SeedGroup) -> str:
    label = page.one_line(group.label, _LABEL)
    if len(comparison.groups) > 1 and label != group.experiment:
        return label
    # nothing tells it apart, as it is alone: say what it is
    return page.one_line(run_parts.config_name(group.experiment, group.config_fields), _LABEL)
