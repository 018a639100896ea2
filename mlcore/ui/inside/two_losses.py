"""The tab *Two losses*: squared distance on one-hot labels against cross-entropy, in pairs."""

from __future__ import annotations

from typing import Final

import numpy as np
import streamlit as st

from mlcore.mnist.config import MNISTConfig
from mlcore.mnist.insight import Pair, disagreement
from mlcore.ui import page, trained_models
from mlcore.ui.inside import evaluation, pair, pair_views, selection
from mlcore.ui.mnist import view_data

KEY: Final = "inside.losses"
ARMS: Final = {"squared distance": "mse", "cross-entropy": "cross_entropy"}


def experiment(lr: float, seeds: tuple[int, ...]) -> Pair:
    """The course's network under both losses, all else equal."""
    return Pair("loss", ARMS, MNISTConfig(lr=lr), seeds)


def show() -> None:
    """Draw the tab."""
    controls, picture = page.columns()
    with controls, page.sentences():
        lr = pair.rate_control(key=KEY, why="Is one loss better, or is its gradient just larger?")
        chosen = experiment(lr, pair.seeds_control(key=KEY))
        pair.start_control(chosen, key=KEY)
        page.prose("inside_two_losses")
    with picture, page.sentences():
        pair_views.same_start_proof(chosen)
        pair.follow(chosen, _draw, key=KEY)
        page.as_code(pair_views.script(chosen), key=f"{KEY}.code")


def _draw(shown: pair.Shown) -> None:
    if not shown.runs:
        st.info(
            "Nothing is trained yet: the button starts both arms of each seed, about a second "
            "each on a quiet machine.",
            icon=":material/touch_app:",
        )
        return
    pair_views.recorded_start(shown)
    pair_views.curves(shown, ("error_rate", "grad_norm"), key=KEY)
    pair_views.outcome(shown)
    seed = pair.choose_seed(shown, key=KEY)
    if seed is not None:
        _disagreement(shown, seed)


def _disagreement(shown: pair.Shown, seed: int) -> None:
    config = shown.pair.base
    first, second = (
        evaluation.examination(trained_models.latest(shown.runs[arm, seed])) for arm in shown.arms
    )
    made = disagreement(first.labels, first.guesses, second.guesses)
    st.markdown(
        f"**The two networks of seed {seed} predict different classes for {len(made.places):,} of "
        f"{len(first.labels):,} test digits**"
    )
    columns = st.columns(4)
    for column, (name, count) in zip(
        columns,
        {
            "Both correct": made.both_right,
            f"Only {shown.arms[0]}": made.only_first,
            f"Only {shown.arms[1]}": made.only_second,
            "Both wrong": made.both_wrong,
        }.items(),
        strict=True,
    ):
        column.metric(name, f"{count:,}")
    classes = view_data.classes(config.dataset, config.data_dir)
    few = made.places
    selection.gallery(
        config,
        few,
        [
            " · ".join(
                _said(classes[guess], right=bool(guess == first.labels[place]))
                for guess in (first.guesses[place], second.guesses[place])
            )
            for place in few
        ],
        [
            f"A {classes[first.labels[place]]}: {shown.arms[0]} predicts "
            f"{classes[first.guesses[place]]}, {shown.arms[1]} {classes[second.guesses[place]]}"
            for place in few
        ],
    )
    st.caption(
        f"Prediction of {shown.arms[0]} · prediction of {shown.arms[1]}; green where it is "
        f"correct. McNemar's exact test that neither is better: p {_p_value(made.p_value)}."
    )


def _said(name: str, *, right: bool) -> str:
    return f":green[**{page.plain(name)}**]" if right else page.plain(name)


def _p_value(value: float) -> str:
    return "< 0.0001" if value < 1e-4 else f"= {np.round(value, 4):g}"
