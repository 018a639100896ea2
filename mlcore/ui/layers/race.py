"""Small runs that differ in one thing: started by one click, shown while they train."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pandas as pd
import streamlit as st

from mlcore.charts import palette
from mlcore.charts.training_race import layer_spread_spec, outcome_spec, race_curve_spec
from mlcore.mnist.config import MNISTConfig
from mlcore.runs import Run, Status, open_store, submit
from mlcore.ui import live_data, page
from mlcore.ui.common import parts

if TYPE_CHECKING:
    from mlcore.layers import LayerStatistics

POLL_S: Final = 0.5
TRAINS: Final = 0.5
"""A run *trains* if its test accuracy in the end is above this; guessing gives 0.1."""
_POINTS: Final = 120
_FLOOR: Final = 1e-4
_LOOK_BACK: Final = 2000


@dataclass(frozen=True, slots=True)
class Entrant:
    """One network of a race: what it is called, and its run."""

    group: str
    config: MNISTConfig


def race(entrants: Sequence[Entrant], colours: Mapping[str, str], *, key: str) -> None:
    """A button that trains what is not trained yet, and below it how all of them fare.

    Runs are found again by their configs' fingerprints: a reload, another tab and another day show
    the same runs, and what was trained once is never trained twice.

    Args:
        entrants: The networks.
        colours: Hue of each group, the same whichever of them race.
        key: Prefix of all keys.
    """
    colours = {group: colours[group] for group in dict.fromkeys(e.group for e in entrants)}
    with page.sentences():
        live_data.tend_runs()
        found = _found(entrants)
        missing = [e for e in entrants if not _done_or_going(found.get(e.config.fingerprint()))]
        going = any(run.status.moving for run in found.values())
        with st.container(horizontal=True, vertical_alignment="center", key=f"{key}.bar"):
            label = f"Train {len(missing)} networks" if missing else f"All {len(entrants)} started"
            # In callbacks: a rerun between the click and the button would lose the click.
            st.button(
                label,
                type="primary",
                icon=":material/play_arrow:",
                disabled=not missing,
                key=f"{key}.start",
                on_click=parts.acting(lambda: _start(missing)),
            )
            if going:
                st.button(
                    "Stop all",
                    icon=":material/stop:",
                    key=f"{key}.stop",
                    on_click=parts.acting(lambda: _stop(found.values())),
                )
        parts.show_refused()
        if found:
            _panel(entrants, colours, going, key)
        else:
            st.info(
                f"Nothing is trained yet: the button above starts {len(entrants)} small runs, a "
                "few seconds in all.",
                icon=":material/touch_app:",
            )
            first = entrants[0].config
            alike = [e for e in entrants if _rest(e.config) == _rest(first)]
            parts.legend(colours)
            _layers(alike, {}, colours, key)


def _panel(entrants: Sequence[Entrant], colours: Mapping[str, str], going: bool, key: str) -> None:
    @st.fragment(run_every=POLL_S if going else None, key=f"{key}.panel")
    def panel() -> None:
        with page.sentences():
            live_data.tend_runs()
            found = _found(entrants)
            _draw(entrants, found, colours, key)
            if any(run.status.moving for run in found.values()) != going:
                st.rerun()

    panel()


def _draw(
    entrants: Sequence[Entrant], found: dict[str, Run], colours: Mapping[str, str], key: str
) -> None:
    groups = tuple(dict.fromkeys(e.group for e in entrants))
    rates = sorted({e.config.lr for e in entrants})
    batches = sorted({e.config.batch_size for e in entrants})
    ended = sum(1 for run in found.values() if not run.status.moving)
    if ended < len(entrants):
        st.progress(ended / len(entrants), text=f"{ended} of {len(entrants)} runs have ended")
    rows = _outcomes(entrants, found)
    for column, size in zip(st.columns(len(batches), gap="small"), batches, strict=True):
        with column:
            block = rows[rows["batch"] == size]
            parts.chart(outcome_spec(groups, size), block, key=f"{key}.outcomes.{size}")
    if len(rates) > 1:
        _largest_rates(rows, groups, batches)
    parts.legend(colours)
    batch = batches[0]
    if len(batches) > 1:
        batch = st.segmented_control(
            "Curves at batch size",
            batches,
            default=batches[0],
            required=True,
            key=f"{key}.batch",
        )
    chosen = [e for e in entrants if e.config.batch_size == batch]
    columns = st.columns(2 if len(rates) in (2, 4) else min(3, len(rates)), gap="small")
    for place, rate in enumerate(rates):
        with columns[place % len(columns)]:
            _curves([e for e in chosen if e.config.lr == rate], found, colours, rate, key)
    rate = rates[len(rates) // 2]
    if len(rates) > 1:
        rate = st.select_slider(
            "Layers at learning rate", rates, value=rate, format_func=_rate, key=f"{key}.rate"
        )
    _layers([e for e in chosen if e.config.lr == rate], found, colours, key)


def _rest(config: MNISTConfig) -> tuple[float, int]:
    return config.lr, config.batch_size


# --- outcomes ---------------------------------------------------------------------------------


def _outcomes(entrants: Sequence[Entrant], found: dict[str, Run]) -> pd.DataFrame:
    rows = []
    for entrant in entrants:
        run = found.get(entrant.config.fingerprint())
        accuracy, words = _outcome(run)
        ink = palette.BAD if words == "diverged" else palette.MUTED
        if accuracy is not None:
            ink = "#ffffff" if accuracy > 0.6 else palette.LIGHT["text"]
        rows.append(
            {
                "group": entrant.group,
                "lr": _rate(entrant.config.lr),
                "order": entrant.config.lr,
                "batch": entrant.config.batch_size,
                "accuracy": accuracy,
                "words": words,
                "ink": ink,
            }
        )
    return pd.DataFrame(rows)


def _outcome(run: Run | None) -> tuple[float | None, str]:
    if run is None:
        return None, "–"
    if run.status == Status.FINISHED:
        accuracy = run.latest()["test_accuracy"]
        return accuracy, f"{accuracy:.0%}"
    if run.status == Status.FAILED:
        return None, "diverged" if "finite" in (run.error or "") else "failed"
    return None, "…" if run.status.moving else str(run.status)


def _largest_rates(rows: pd.DataFrame, groups: Sequence[str], batches: Sequence[int]) -> None:
    trained = rows[rows["accuracy"].astype("float64") > TRAINS]
    largest = trained.groupby(["group", "batch"])["order"].max().to_dict()
    for batch in batches:
        rates = ", ".join(
            f"{group} **{_rate(largest[group, batch]) if (group, batch) in largest else 'none'}**"
            for group in groups
        )
        st.markdown(
            f"Largest rate that still trains (above {TRAINS:.0%} on the test digits), batches of "
            f"{batch}: {rates}."
        )


# --- curves -----------------------------------------------------------------------------------


def _curves(
    entrants: Sequence[Entrant],
    found: dict[str, Run],
    colours: Mapping[str, str],
    rate: float,
    key: str,
) -> None:
    runs = {e.group: found.get(e.config.fingerprint()) for e in entrants}
    names = {run.id: group for group, run in runs.items() if run is not None}
    moments = tuple((run.id, run.step) for run in runs.values() if run is not None)
    rows = _losses(open_store().url, moments)
    rows = rows.assign(
        group=rows["run"].map(names),
        colour=rows["run"].map({run: colours[group] for run, group in names.items()}),
        shown=rows["value"].clip(0.02, 10),
    )
    steps = max(e.config.steps_per_epoch() * e.config.epochs for e in entrants)
    spec = race_curve_spec(f"Learning rate {_rate(rate)}", steps)
    parts.chart(spec, rows, key=f"{key}.curves.{rate:g}")


@st.cache_data(max_entries=256, show_spinner=False)
def _losses(url: str, moments: tuple[tuple[str, int], ...]) -> pd.DataFrame:
    ids = [run_id for run_id, _ in moments]
    return open_store(url).curves(ids, "train_loss", _POINTS)[["run", "step", "value"]]


# --- layers -----------------------------------------------------------------------------------


def _layers(
    entrants: Sequence[Entrant], found: dict[str, Run], colours: Mapping[str, str], key: str
) -> None:
    rows = []
    for entrant in entrants:
        run = found.get(entrant.config.fingerprint())
        described = {"before": _before(entrant.config.to_json())}
        if run is not None and run.status == Status.FINISHED:
            described["after"] = _after(open_store().url, run.id)
        for when, layers in described.items():
            kept = [layer for layer in layers if layer.name.startswith(("activation", "output"))]
            rows += [
                {
                    "group": entrant.group,
                    "colour": colours[entrant.group],
                    "layer": layer.name.replace("activation", "hidden ").replace("_", " "),
                    "place": place,
                    "std": max(layer.std, _FLOOR),
                    "mean": layer.mean,
                    "zero": layer.zero_units,
                    "when": when,
                }
                for place, layer in enumerate(kept)
                if math.isfinite(layer.std)
            ]
    parts.chart(layer_spread_spec(), pd.DataFrame(rows), key=f"{key}.layers")


@st.cache_data(max_entries=128, show_spinner=False)
def _before(config: str) -> tuple[LayerStatistics, ...]:
    return _described(MNISTConfig.from_json(config))


@st.cache_data(max_entries=128, show_spinner=False)
def _after(url: str, run_id: str) -> tuple[LayerStatistics, ...]:
    from mlcore.layers import activation_statistics

    return activation_statistics(open_store(url).get(run_id).model(), parts.digits(500)[0].float())


def _described(config: MNISTConfig) -> tuple[LayerStatistics, ...]:
    from mlcore.layers import activation_statistics

    return activation_statistics(config.build_model(), parts.digits(500)[0].float())


# --- runs -------------------------------------------------------------------------------------


def _start(entrants: Iterable[Entrant]) -> None:
    for entrant in entrants:
        submit(entrant.config)


def _stop(runs: Iterable[Run]) -> None:
    for run in runs:
        if run.status.live:
            run.stop()


def _found(entrants: Sequence[Entrant]) -> dict[str, Run]:
    """The newest run of each config that has one, by fingerprint."""
    wanted = {e.config.fingerprint() for e in entrants}
    runs = open_store().list(experiment=MNISTConfig.experiment, limit=_LOOK_BACK)
    newest: dict[str, Run] = {}
    for run in runs:
        if run.fingerprint in wanted:
            newest.setdefault(run.fingerprint, run)
    return newest


def _done_or_going(run: Run | None) -> bool:
    """Whether training it again would give nothing new: a diverged run diverges again."""
    return run is not None and (
        run.status.moving or run.status in (Status.FINISHED, Status.FAILED, Status.PAUSED)
    )


def _rate(value: float) -> str:
    return f"{value:g}"
