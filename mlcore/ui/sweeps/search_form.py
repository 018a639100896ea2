"""The search options: sampler, objective, seeds, budget and pruning, stored in the URL."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Literal

import streamlit as st

from mlcore.core import Config, ConfigError
from mlcore.runs.cross_validation import USUAL_FOLDS, with_folds
from mlcore.sweeps.objectives import MOST_OBJECTIVES, objectives_for
from mlcore.sweeps.pruning import DEFAULT_RUNGS, Rule
from mlcore.sweeps.space import MOST_SETTINGS
from mlcore.sweeps.spec import SAMPLERS, Sampler, default_objective
from mlcore.ui import page

Budget = Literal["Settings", "Minutes"]

SAMPLER_WORDS: Final[dict[Sampler, str]] = {
    "grid": "Every combination; ranges get as many points as fit into the budget.",
    "random": "Each value is drawn independently.",
    "tpe": "Searches where good trials are dense (tree-structured Parzen estimator).",
    "gp": "Searches where a Gaussian process expects an improvement.",
    "nsga2": "Combines and mutates the best trials (NSGA-II); meant for two objectives.",
}
"""The help of each sampler."""

_RULE_WORDS: Final[dict[Rule, str]] = {
    "median": "A run is ended early if it is worse than the median of the runs judged so far.",
    "halving": "A run is ended early if it is not among the best third (successive halving).",
}
_DEFAULT_SETTINGS: Final = 12


@dataclass(frozen=True, slots=True)
class Search:
    """The values of the widgets.

    Attributes:
        sampler: How trials are chosen.
        objectives: Names of one metric or two.
        directions: ``maximize`` or ``minimize`` for each.
        seeds: Runs of each trial.
        settings: Maximum number of trials; None where minutes are the budget.
        minutes: For how long to start new ones; None where trials are the budget.
        prune: Pruning as ``mlcore.sweep`` takes it, or None.
        folds: Runs of each trial and seed: the folds by which it is judged, or 1.
    """

    sampler: Sampler
    objectives: tuple[str, ...]
    directions: tuple[str, ...]
    seeds: int
    settings: int | None
    minutes: float | None
    prune: str | None
    folds: int = 1


def search_form(config: Config) -> Search | None:
    """Draw the widgets; None while there is no objective."""
    sampler: Sampler = st.selectbox(
        "Sampler",
        SAMPLERS,
        help="tpe, gp and nsga2 are Optuna's samplers with its defaults: they use the results so "
        "far.",
        key="sampler",
        bind="query-params",
    )
    st.caption(SAMPLER_WORDS[sampler])
    config, folds = _cross_validation(config)
    objectives, directions = _objectives(config)
    settings, minutes = _budget()
    seeds = 1
    if "seed" in type(config).model_fields:
        seeds = page.whole_number(
            "Seeds",
            1,
            50,
            1,
            help="Each trial is run with this many seeds; the objective is their mean.",
            key="seeds",
        )
    prune = _pruning(len(objectives))
    if not objectives:
        return None
    return Search(sampler, objectives, directions, int(seeds), settings, minutes, prune, folds)


def _cross_validation(config: Config) -> tuple[Config, int]:
    """A switch for folds; the config with folds, and how many there are, or 1 for none."""
    if "folds" not in type(config).model_fields or not st.toggle(
        "Cross-validate",
        help="Run each trial once for each fold (the field Folds, else 5), and judge it by the "
        "mean over them.",
        key="cv",
        bind="query-params",
    ):
        return config, 1
    folds = getattr(config, "folds", 0) or USUAL_FOLDS
    with suppress(ConfigError):  # said beside the button
        config = with_folds(config, folds)
    return config, folds


def _objectives(config: Config) -> tuple[tuple[str, ...], tuple[str, ...]]:
    metrics = config.metric_names()
    chosen = st.multiselect(
        "Objective",
        metrics,
        default=[default_objective(config)],
        max_selections=MOST_OBJECTIVES,
        help="The last value of a metric that each run logs; with two objectives, the sweep "
        "searches the trials that no other trial beats in both.",
        key=f"objective.{config.experiment}",  # metrics have other names elsewhere
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


def _budget() -> tuple[int | None, float | None]:
    with st.container(horizontal=True, vertical_alignment="bottom", key="sweeps.budget"):
        budget: Budget = st.segmented_control(
            "Budget",
            ("Settings", "Minutes"),
            default="Settings",
            required=True,
            key="budget",
            bind="query-params",
        )
        if budget == "Minutes":
            minutes = st.number_input(
                "Minutes",
                0.1,
                10_000.0,
                2.0,
                help="New runs start for this long; runs that are still going then finish.",
                label_visibility="collapsed",
                key="minutes",
                bind="query-params",
            )
            return None, float(minutes)
        settings = page.whole_number(
            "Settings",
            1,
            MOST_SETTINGS,
            _DEFAULT_SETTINGS,
            help="The maximum number of trials.",
            label_visibility="collapsed",
            key="settings",
        )
        return settings, None


def _pruning(objectives: int) -> str | None:
    on = st.toggle(
        "End poor runs early",
        disabled=objectives > 1,
        help="Runs are judged at fixed shares of their steps, and each decision is recorded. If "
        "off, every run goes to its end and all results can be compared.",
        key="prune",
        bind="query-params",
    )
    if not on or objectives > 1:
        return None
    rule: Rule = st.segmented_control(
        "Rule",
        list(_RULE_WORDS),
        default="median",
        required=True,
        key="rule",
        bind="query-params",
    )
    st.caption(_RULE_WORDS[rule])
    rungs = st.text_input(
        "Judged after these shares of its steps",
        ", ".join(f"{rung:.3g}" for rung in DEFAULT_RUNGS[rule]),
        key=f"sweeps.rungs.{rule}",
    )
    return f"{rule}@{rungs.replace(' ', '')}"
