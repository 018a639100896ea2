"""The page's end of the live stream: a component that draws new points into the page's charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import streamlit as st

from mlcore.charts import palette
from mlcore.charts.training_curves import Axis, Quantity
from mlcore.runs import Run, Status
from mlcore.ui import live_data, run_parts
from mlcore.ui.common.assets import asset
from mlcore.ui.common.component import component
from mlcore.ui.stream import route
from mlcore.ui.stream.tails import moment

SLOW_POLL_S: Final = 30.0
"""How often a page polls that the stream feeds. Streamlit runs a page anew when its server was
restarted only if the page polls, and a click needs a page that the new server knows."""

_follow: Final = component(
    "mlcore.stream",
    html="<span></span>",
    js=asset("stream/rows.js") + asset("stream/stream.js"),
)


@dataclass(frozen=True, slots=True)
class LiveChart:
    """A chart that the stream draws into.

    Attributes:
        key: Of the chart's container.
        quantity: What it shows; None for a metric of any name.
        axis: What its horizontal axis measures.
        smoothing: Weight of earlier points, as in ``mlcore.charts.training_curves.curve_rows``.
        metric: Name of that metric.
        positive: Whether values of 0 and below are gaps, as on a logarithmic scale.
    """

    key: str
    quantity: Quantity | None
    axis: Axis
    smoothing: float
    metric: str = ""
    positive: bool = False


def follow(runs: list[Run], charts: Sequence[LiveChart], *, key: str) -> None:
    """Let the stream draw into these charts and the lines of these runs, without a rerun.

    Args:
        runs: As they were read for this run of the page.
        charts: The charts on the page.
        key: Prefix of the keys of the runs' lines (see ``mlcore.ui.run_parts.line``).
    """
    labels, colours = run_parts.labels_of(runs), run_parts.colours_of(runs)
    data = {
        "path": route.path(),
        "key": key,
        "short": len(runs) > 1,
        "runs": {
            run.id: {
                "label": labels[run.id],
                "colour": colours[run.id],
                "dash": str(palette.run_dash(place)),
            }
            for place, run in enumerate(runs)
        },
        "moments": {run.id: moment(run) for run in runs},
        "charts": [_told(chart) for chart in charts],
    }
    _follow(
        key=_state_key(key),
        data=data,
        default={"connected": False, "moment": ""},
        on_connected_change=lambda: None,
        on_moment_change=lambda: None,
    )


def poll_every(runs: Sequence[Run], *, key: str) -> float:
    """Seconds between two polls: the stream serves instead where the page has one.

    While a run waits the page polls as well, for it says why.
    """
    state: Mapping[str, Any] = st.session_state.get(_state_key(key)) or {}
    waits = any(run.status == Status.QUEUED for run in runs)
    if state.get("connected") and not waits:
        return SLOW_POLL_S
    return live_data.FIRST_POLL_S if live_data.awaits_first_point(runs) else live_data.POLL_S


def _told(chart: LiveChart) -> dict[str, Any]:
    known = None if chart.quantity is None else live_data.METRICS[chart.quantity]
    return {
        **asdict(chart),
        "splits": {"train": chart.metric} if known is None else dict(known),
        "errorRate": chart.quantity == "error_rate",
    }


def _state_key(key: str) -> str:
    return f"{key}.stream"
