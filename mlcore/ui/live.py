"""Live runs: their lines and curves, fed by the stream, or polled where there is none."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

import streamlit as st

from mlcore.charts import palette
from mlcore.charts.training_curves import Quantity, curve_spec, description
from mlcore.core import RunNotFoundError
from mlcore.runs import Run, Status, open_store
from mlcore.ui import live_data, navigation, page, run_parts
from mlcore.ui.common import clicks
from mlcore.ui.common.polling import any_moving, poll
from mlcore.ui.curve_options import THINNED, curve_options
from mlcore.ui.stream.view import LiveChart, follow, poll_every

Charts: TypeAlias = Callable[[list[Run], Mapping[str, str], str], list[LiveChart]]

_TITLES: Final[dict[Quantity, str]] = {
    "loss": "Loss",
    "accuracy": "Accuracy",
    "grad_norm": "Gradient norm",
    "lr": "Learning rate",
}
_SHOWN_AT_FIRST: Final[tuple[Quantity, ...]] = ("loss", "accuracy")
_LEGEND: Final = (
    "Solid with dots: all test (or validation) images, after each epoch. Faint: training batches."
)
_THINNED: Final = f" {THINNED} The whole history is in `mlcore.get_run(id).metrics()`."


def live_view(run_ids: Sequence[str], *, key: str, charts: Charts | None = None) -> None:
    """Overlaid curves of some runs, with one line per run below.

    While one of them is queued or running, new points come by the stream (``mlcore.ui.stream``)
    without a rerun. Where it does not get through, the view redraws itself every
    ``live_data.POLL_S`` seconds, more often until the first point of a run that was queued just
    now. When the last run ends the whole page reruns once, and then no requests are sent.

    Args:
        run_ids: The runs to show; an id that no run has is named and left out.
        key: Prefix of all keys.
        charts: Draws the charts of the runs, given their labels and ``key``; by default those of
            loss, accuracy and the like.
    """
    runs = _read(run_ids)
    moving, every = any_moving(runs), poll_every(runs, key=key)

    def draw() -> bool:
        runs = _read(run_ids)
        _draw(runs, run_ids, key, charts or _charts)
        return any_moving(runs) != moving or (moving and poll_every(runs, key=key) != every)

    poll(draw, key=f"{key}.panel", moving=moving, every=every)


def empty_view(*, key: str) -> None:
    """The charts without a run: where the curves will be.

    The browser loads and compiles what draws charts when the first one is on the page, which takes
    longer than a waiting worker needs to the first point.
    """
    _charts([], {}, key)


def _read(run_ids: Sequence[str]) -> list[Run]:
    store, found = open_store(), []
    for run_id in run_ids:
        try:
            found.append(store.get(run_id))
        except RunNotFoundError:
            continue
    return found


def _draw(runs: list[Run], wanted: Sequence[str], key: str, draw_charts: Charts) -> None:
    known = {run.id for run in runs}
    for missing in [run_id for run_id in wanted if run_id not in known]:
        page.error(f"No run has the id {missing}; it may have been deleted.")
    clicks.show_refusal()
    if any(run.status == Status.QUEUED for run in runs) and (why := live_data.trouble()):
        page.error(why)
    if not runs:
        return
    labels = run_parts.labels_of(runs)
    charts = draw_charts(runs, labels, key)
    colours = run_parts.colours_of(runs)
    for place, run in enumerate(runs):
        run_parts.line(
            run,
            labels[run.id],
            key=key,
            colour=colours[run.id],
            dash=palette.run_dash(place),
            menu=len(runs) > 1,
        )
    if any_moving(runs):
        follow(runs, charts, key=key)
    if len(runs) > 1:
        navigation.compare_link([run.id for run in runs])


def _charts(runs: list[Run], labels: Mapping[str, str], key: str) -> list[LiveChart]:
    with st.container(horizontal=True, vertical_alignment="center", key=f"{key}.options"):
        shown = st.pills(
            "Curves",
            list(_TITLES),
            selection_mode="multi",
            default=_SHOWN_AT_FIRST,
            format_func=_TITLES.__getitem__,
            label_visibility="collapsed",
            key=f"{key}.shown",
        )
        log = st.toggle(
            "Log",
            help="Logarithmic scale. Accuracy is then drawn as error rate, which shows "
            "differences between good networks.",
            key=f"{key}.log",
        )
        smoothing, axis = curve_options(
            key=key,
            smooths="Weight of earlier points in a moving average of the training curves; the raw "
            "points stay visible, faint.",
        )
    if not shown:
        st.info("Choose at least one curve above.")
        return []
    columns = st.columns(2 if len(shown) > 1 else 1, gap="small")
    thinned, charts = False, []
    for place, quantity in enumerate(shown):
        drawn: Quantity = "error_rate" if log and quantity == "accuracy" else quantity
        rows = live_data.chart_rows(runs, labels, drawn, axis=axis, smoothing=smoothing)
        thinned = thinned or bool((rows["kind"] == "band").any())
        chart = LiveChart(f"{key}.chart.{quantity}", drawn, axis, smoothing)
        charts.append(chart)
        with columns[place % len(columns)], st.container(key=chart.key):
            st.vega_lite_chart(
                rows,
                curve_spec(
                    drawn, axis=axis, log=log, train_only="test" not in live_data.METRICS[drawn]
                ),
                alt=description(drawn, axis),
                key=f"{key}.{drawn}.{axis}.{log}",
            )
    if runs and not any(run.total for run in runs):
        st.caption("The first points are on their way.")
    elif runs:
        st.caption(_LEGEND + _THINNED * thinned)
    return charts
