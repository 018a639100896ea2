"""How to search: sampler, objective, seeds, budget and pruning, as widgets that the URL keeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import streamlit as st

from mlcore.core import Config
from mlcore.sweeps.objectives import MOST_OBJECTIVES, objectives_for
from mlcore.sweeps.pruning import DEFAULT_RUNGS, Rule
from mlcore.sweeps.space import MOST_SETTINGS
from mlcore.sweeps.spec import SAMPLERS, Sampler, default_objective

Budget = Literal["runs", "minutes"]

SAMPLER_WORDS: Final[dict[Sampler, str]] = {
    "grid": "Grid: every combination",
    "random": "Random",
    "tpe": "TPE: where good ones were dense",
    "gp": "Gaussian process",
    "nsga2": "NSGA-II: breeds the best",
}
"""What each sampler does, in a few words."""

_SAMPLER_HELP: Final = (
    "Grid and random fix all settings beforehand. TPE, the Gaussian process and NSGA-II look at "
    "the results so far and choose what to try next (Optuna's, with its defaults)."
)
_RULE_WORDS: Final[dict[Rule, str]] = {
    "median": "worse than the median",
    "halving": "not among the best third",
}
_DEFAULT_SETTINGS: Final = 12


@dataclass(frozen=True, slots=True)
class Search:
    """What the widgets say.

    Attributes:
        sampler: How settings are chosen.
        objectives: Names of one metric or two.
        directions: ``maximize`` or ``minimize`` for each.
        seeds: Runs of each setting.
        settings: How many settings to try at most; None where minutes are the budget.
        minutes: For how long to start new ones; None where settings are the budget.
        prune: Pruning as ``mlcore.sweep`` takes it, or None.
    """

    sampler: Sampler
    objectives: tuple[str, ...]
    directions: tuple[str, ...]
    seeds: int
    settings: int | None
    minutes: float | None
    prune: str | None


def search_form(config: Config) -> Search | None:
    """Draw the widgets; None while there is no objective."""
    sampler: Sampler = st.selectbox(
        "Sampler",
        SAMPLERS,
        format_func=SAMPLER_WORDS.__getitem__,
        help=_SAMPLER_HELP,
        key="sampler",
        bind="query-params",
    )
    objectives, directions = _objectives(config)
    settings, minutes = _budget(sampler)
    seeds = 1
    if "seed" in type(config).model_fields:
        seeds = st.number_input(
            "Seeds",
            1,
            50,
            help="Each setting is run with so many seeds; the objective is their mean.",
            key="seeds",
            bind="query-params",
        )
    prune = _pruning(len(objectives))
    if not objectives:
        return None
    return Search(sampler, objectives, directions, int(seeds), settings, minutes, prune)


def _objectives(config: Config) -> tuple[tuple[str, ...], tuple[str, ...]]:
    metrics = config.metric_names()
    chosen = st.multiselect(
        "Objective",
        metrics,
        default=[default_objective(config)],
        max_selections=MOST_OBJECTIVES,
        format_func=lambda metric: metric.replace("_", " "),
        help="The last value of a metric that each run logs; with two, the sweep looks for the "
        "settings that no other beats in both.",
        key="objective",
        bind="query-params",
    )
    directions = []
    for metric in chosen:
        try:
            [known] = objectives_for(config, metric)
            directions.append(str(known.direction))
        except ValueError:  # nothing in its name says which way is better
            words = {"minimize": "small", "maximize": "large"}
            directions.append(
                st.segmented_control(
                    f"{metric.replace('_', ' ').capitalize()} should be",
                    list(words),
                    default="minimize",
                    required=True,
                    format_func=words.__getitem__,
                    key=f"sweeps.direction.{metric}",
                )
            )
    return tuple(chosen), tuple(directions)


def _budget(sampler: Sampler) -> tuple[int | None, float | None]:
    words: dict[Budget, str] = {"runs": "Settings", "minutes": "Minutes"}
    with st.container(horizontal=True, vertical_alignment="bottom", key="sweeps.budget"):
        budget = st.segmented_control(
            "Budget",
            list(words),
            default="runs",
            required=True,
            format_func=words.__getitem__,
            key="budget",
            bind="query-params",
        )
        if budget == "minutes":
            minutes = st.number_input(
                "Minutes",
                0.1,
                10_000.0,
                2.0,
                help="New runs are started for so long; those that are running then end.",
                label_visibility="collapsed",
                key="minutes",
                bind="query-params",
            )
            return None, float(minutes)
        settings = st.number_input(
            "Settings",
            1,
            MOST_SETTINGS,
            _DEFAULT_SETTINGS,
            help="How many settings to try."
            + " Ranges get as many points as fit into it." * (sampler == "grid"),
            label_visibility="collapsed",
            key="settings",
            bind="query-params",
        )
        return int(settings), None


def _pruning(objectives: int) -> str | None:
    on = st.toggle(
        "End poor runs early",
        disabled=objectives > 1,
        help="Judged at fixed shares of a run, and each decision is recorded. Off, every run ends "
        "by itself and all results can be compared.",
        key="prune",
        bind="query-params",
    )
    if not on or objectives > 1:
        return None
    rule: Rule = st.segmented_control(
        "A run ends if it is",
        list(_RULE_WORDS),
        default="median",
        required=True,
        format_func=_RULE_WORDS.__getitem__,
        key="rule",
        bind="query-params",
    )
    rungs = st.text_input(
        "Judged after these shares of its steps",
        ", ".join(f"{rung:.3g}" for rung in DEFAULT_RUNGS[rule]),
        key=f"sweeps.rungs.{rule}",
    )
    return f"{rule}@{rungs.replace(' ', '')}"
