"""Charts of system metrics: processor, memory, disk, network and GPU over the time of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import altair as alt

from mlcore.charts import palette
from mlcore.charts.specs import ROWS, bare_spec

if TYPE_CHECKING:
    import pandas as pd

_GIB: Final = 2.0**30
_MB: Final = 1e6
_HEIGHT: Final = 230


@dataclass(frozen=True, slots=True)
class SystemPanel:
    """One chart.

    Attributes:
        title: Of the chart.
        axis: Title of its vertical axis, with the unit.
        lines: For each column its words in the legend and what its values are divided by.
    """

    title: str
    axis: str
    lines: Mapping[str, tuple[str, float]]

    def rows(self, frame: pd.DataFrame, cores: int) -> pd.DataFrame:
        """Rows for ``spec``: seconds, what, value.

        Args:
            frame: System metrics, see ``mlcore.runs.Run.system_metrics``.
            cores: Of the machine: its use is drawn as a number of cores.
        """
        import pandas as pd

        parts = []
        for column, (what, unit) in self.lines.items():
            if column in frame:
                scale = cores / unit if column == "machine_cpu" else 1 / unit
                part = pd.DataFrame({"seconds": frame["seconds"], "value": frame[column] * scale})
                parts.append(part.assign(what=what).dropna())
        empty = pd.DataFrame({"seconds": [], "value": [], "what": []})
        return pd.concat(parts, ignore_index=True) if parts else empty

    def spec(self) -> dict[str, Any]:
        """The Vega-Lite spec, without rows."""
        names = [what for what, _ in self.lines.values()]
        colours = [palette.VALUE, palette.GRADIENT][: len(names)]
        hue = alt.Color(
            "what:N",
            title=None,
            scale=alt.Scale(domain=names, range=colours),
            legend=alt.Legend(orient="top", offset=4) if len(names) > 1 else None,
        )
        lines = (
            alt.Chart(ROWS)
            .mark_line(point=alt.OverlayMarkDef(size=12))
            .encode(
                x=alt.X("seconds:Q", title="Time of the run (s)", scale=alt.Scale(nice=False)),
                y=alt.Y("value:Q", title=self.axis, scale=alt.Scale(zero=True)),
                color=hue,
                strokeDash=alt.StrokeDash(
                    "what:N",
                    scale=alt.Scale(domain=names, range=[[1, 0], [6, 3]][: len(names)]),
                    legend=None,
                ),
                tooltip=[
                    alt.Tooltip("what:N", title="Of"),
                    alt.Tooltip("seconds:Q", title="Time (s)", format=",.0f"),
                    alt.Tooltip("value:Q", title=self.axis, format=",.3~g"),
                ],
            )
        )
        return bare_spec(
            lines.properties(
                title=alt.TitleParams(self.title, anchor="start"),
                height=_HEIGHT,
                description=f"{self.title} over the time of the run: {self.axis}, "
                f"{' and '.join(names)}.",
            )
        )


SYSTEM_PANELS: Final = (
    SystemPanel(
        "Processor",
        "Cores in use",
        {"cpu": ("this run", 100.0), "machine_cpu": ("whole machine", 100.0)},
    ),
    SystemPanel("Memory, this run", "Memory (GiB)", {"memory": ("memory", _GIB)}),
    SystemPanel("GPU", "Use (%)", {"gpu": ("busiest GPU", 1.0)}),
    SystemPanel("GPU memory", "Memory (GiB)", {"gpu_memory": ("all GPUs", _GIB)}),
    SystemPanel("GPU temperature", "Temperature (°C)", {"gpu_temperature": ("hottest GPU", 1.0)}),
    SystemPanel(
        "Disk, this run",
        "Disk (MB/s)",
        {"disk_read": ("read", _MB), "disk_written": ("written", _MB)},
    ),
    SystemPanel(
        "Network, whole machine",
        "Network (MB/s)",
        {
            "network_received": ("received", _MB),
            "network_sent": ("sent", _MB),
        },
    ),
)
"""The charts, in the order in which they are shown; those without a column are left out."""


def panels_of(frame: pd.DataFrame) -> list[SystemPanel]:
    """The charts for which there are columns."""
    return [panel for panel in SYSTEM_PANELS if any(column in frame for column in panel.lines)]
