"""Trains a batch of small networks that differ in one thing, and compares them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pandas as pd
import streamlit as st

from mlcore.charts import palette
from mlcore.charts.training_race import (
    CURVE_ENDS,
    layer_spread_spec,
    outcome_spec,
    race_curve_spec,
)
from mlcore.mnist.config import MNISTConfig
from mlcore.runs import Run, Status, open_store
from mlcore.ui import page, run_batch
from mlcore.ui.common import elements, numbers, sample_digits
from mlcore.ui.run_batch import Batch

if TYPE_CHECKING:
    from mlcore.layers import LayerStatistics

TRAINS: Final = 0.5
"""A run *trains* if its test accuracy in the end is above this; guessing gives 0.1."""
_FLOOR: Final = 1e-4


@dataclass(frozen=True, slots=True)
class Entrant:
    """One network of a race: the group it belongs to, and its config."""

    group: str
    config: MNISTConfig


def race(entrants: Sequence[Entrant], colours: Mapping[str, str], *, key: str) -> None:
    """A button that trains the networks, with their comparison below it.

    Args:
        entrants: The networks.
        colours: Colour of each group, the same whichever of them are chosen.
        key: Prefix of all keys.
    """
    colours = {group: colours[group] for group in dict.fromkeys(e.group for e in entrants)}
    configs = [entrant.config for entrant in entrants]
    with page.sentences():
        with st.container(horizontal=True, vertical_alignment="center", key=f"{key}.bar"):
            batch = run_batch.start_control(configs, key=key)
        if batch.runs:
            run_batch.follow(configs, lambda batch: _draw(entrants, batch, colours, key), key=key)
        else:
            st.info(
                f"Nothing is trained yet: the button above starts "
                f"{numbers.counted(len(entrants), 'small run')}, a few seconds in all.",
                icon=":material/touch_app:",
            )
            first = entrants[0].config
            alike = [e for e in entrants if _rest(e.config) == _rest(first)]
            elements.legend(colours)
            _layers(alike, batch, colours, key)


def _draw(entrants: Sequence[Entrant], batch: Batch, colours: Mapping[str, str], key: str) -> None:
    groups = tuple(dict.fromkeys(e.group for e in entrants))
    rates = sorted({e.config.lr for e in entrants})
    sizes = sorted({e.config.batch_size for e in entrants})
    run_batch.progress(batch)
    rows = _outcomes(entrants, batch)
    for column, size in zip(st.columns(len(sizes), gap="small"), sizes, strict=True):
        with column:
            block = rows[rows["batch"] == size]
            elements.chart(outcome_spec(groups, size), block, key=f"{key}.outcomes.{size}")
    if len(rates) > 1:
        _largest_rates(rows, groups, sizes)
    elements.legend(colours)
    shown_size = sizes[0]
    if len(sizes) > 1:
        shown_size = st.segmented_control(
            "Curves at batch size",
            sizes,
            default=sizes[0],
            required=True,
            key=f"{key}.batch",
        )
    chosen = [e for e in entrants if e.config.batch_size == shown_size]
    across = 2 if len(rates) in (2, 4) else min(3, len(rates))
    for start in range(0, len(rates), across):  # row by row: a narrow screen stacks them in order
        row = st.columns(across, gap="small")
        for column, rate in zip(row, rates[start : start + across], strict=False):
            with column:
                _curves([e for e in chosen if e.config.lr == rate], batch, colours, rate, key)
    rate = rates[len(rates) // 2]
    if len(rates) > 1:
        rate = st.select_slider(
            "Layers at learning rate", rates, value=rate, format_func=_rate, key=f"{key}.rate"
        )
    _layers([e for e in chosen if e.config.lr == rate], batch, colours, key)


def _rest(config: MNISTConfig) -> tuple[float, int]:
    return config.lr, config.batch_size


# --- outcomes ---------------------------------------------------------------------------------


def _outcomes(entrants: Sequence[Entrant], batch: Batch) -> pd.DataFrame:
    rows = []
    for entrant in entrants:
        run = batch.run(entrant.config)
        accuracy, words = _outcome(run)
        rows.append(
            {
                "group": entrant.group,
                "lr": _rate(entrant.config.lr),
                "order": entrant.config.lr,
                "batch": entrant.config.batch_size,
                "accuracy": accuracy,
                "words": words,
                "ended": run is not None and not run.status.moving,
                # filled cells are light in both themes
                "ink": page.ink() if accuracy is None else palette.LIGHT["text"],
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


def _largest_rates(rows: pd.DataFrame, groups: Sequence[str], sizes: Sequence[int]) -> None:
    for size in sizes:
        told = ", ".join(
            f"{group} **{largest_rate(rows[(rows['group'] == group) & (rows['batch'] == size)])}**"
            for group in groups
        )
        st.markdown(
            f"Largest learning rate that still trains (test accuracy above {TRAINS:.0%}), batches "
            f"of {size}: {told}."
        )


def largest_rate(rows: pd.DataFrame) -> str:
    """The largest rate at which a group's run still trains, as far as is known.

    Args:
        rows: Columns order (the rate), accuracy (missing until known), ended.
    """
    good = rows[rows["accuracy"].astype("float64") > TRAINS]
    largest = float(good["order"].max()) if len(good) else -math.inf
    open_ = bool((~rows["ended"] & (rows["order"] > largest)).any())
    if not len(good):
        return "not known yet" if open_ else "none of these"
    return f"at least {_rate(largest)}" if open_ else _rate(largest)


# --- curves -----------------------------------------------------------------------------------


def _curves(
    entrants: Sequence[Entrant],
    batch: Batch,
    colours: Mapping[str, str],
    rate: float,
    key: str,
) -> None:
    runs = {e.group: batch.run(e.config) for e in entrants}
    names = {run.id: group for group, run in runs.items() if run is not None}
    rows = run_batch.curves([run for run in runs.values() if run is not None], "train_loss")
    rows = rows.assign(
        group=rows["run"].map(names),
        colour=rows["run"].map({run: colours[group] for run, group in names.items()}),
        shown=rows["value"].clip(*CURVE_ENDS),
    )
    steps = max(e.config.steps_per_epoch() * e.config.epochs for e in entrants)
    clipped = bool((rows["shown"] != rows["value"]).any())
    spec = race_curve_spec(f"Learning rate {_rate(rate)}", steps, clipped=clipped)
    elements.chart(spec, rows, key=f"{key}.curves.{rate:g}")


# --- layers -----------------------------------------------------------------------------------


def _layers(
    entrants: Sequence[Entrant], batch: Batch, colours: Mapping[str, str], key: str
) -> None:
    rows = []
    for entrant in entrants:
        run = batch.run(entrant.config)
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
                    "exact": layer.std,
                    "mean": layer.mean,
                    "zero": layer.zero_units,
                    "when": when,
                }
                for place, layer in enumerate(kept)
                if math.isfinite(layer.std)
            ]
    frame = pd.DataFrame(rows)
    spec = layer_spread_spec(
        after=bool((frame["when"] == "after").any()),
        clamped=bool((frame["exact"] < _FLOOR).any()),
    )
    elements.chart(spec, frame, key=f"{key}.layers")


@st.cache_data(max_entries=128, show_spinner=False)
def _before(config: str) -> tuple[LayerStatistics, ...]:
    return _described(MNISTConfig.from_json(config))


@st.cache_data(max_entries=128, show_spinner=False)
def _after(url: str, run_id: str) -> tuple[LayerStatistics, ...]:
    from mlcore.layers import activation_statistics

    images, _ = sample_digits.digits(500)
    return activation_statistics(open_store(url).get(run_id).model(), images.float())


def _described(config: MNISTConfig) -> tuple[LayerStatistics, ...]:
    from mlcore.layers import activation_statistics

    return activation_statistics(config.build_model(), sample_digits.digits(500)[0].float())


def _rate(value: float) -> str:
    return f"{value:g}"
