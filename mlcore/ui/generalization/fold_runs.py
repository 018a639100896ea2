"""A network cross-validated on the folds of the view *Folds*, as recorded runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pandas as pd
import streamlit as st

from mlcore.charts.folds import fold_colours, fold_curve_spec
from mlcore.core import Config
from mlcore.mnist.config import MNISTConfig
from mlcore.runs import open_store
from mlcore.runs.analysis import fold_scores
from mlcore.runs.cross_validation import submit_folds
from mlcore.runs.headline import VALIDATION
from mlcore.ui import page, run_batch
from mlcore.ui.common import elements, numbers
from mlcore.ui.mnist import cross_validation
from mlcore.ui.run_batch import Batch

_KEY: Final = "gen.folds.runs"
_BATCHES: Final = {100: 16, 200: 16, 500: 32}
_LARGEST_BATCH: Final = 64


def network_config(config: MNISTConfig) -> MNISTConfig:
    """The network that is trained on the folds of a config; its batches grow with the images."""
    return config.replace(
        hidden=(128,),
        loss="cross_entropy",
        augment="affine",
        epochs=30,
        batch_size=_BATCHES.get(config.train_size, _LARGEST_BATCH),
    )


def show(config: MNISTConfig, fold: int) -> None:
    """A button that trains a network for each fold, and what they reached.

    Args:
        config: Its folds, and the images that are divided.
        fold: The one whose curve stands out.
    """
    network = network_config(config)
    configs = fold_scores.fold_configs(network)

    def queue(_missing: Sequence[Config]) -> None:
        submit_folds(open_store(), network)

    st.markdown("##### A network on the same folds")
    with st.container(horizontal=True, vertical_alignment="center", key=f"{_KEY}.bar"):
        batch = run_batch.start_control(configs, key=_KEY, queue=queue)
    if batch.runs:
        run_batch.follow(configs, lambda found: _draw(network, found, fold), key=_KEY)
    else:
        st.caption(
            f"Trains {numbers.counted(len(configs), 'network')} in the background, one for each "
            "fold, with affine augmentation. The fold is held out first, so nothing leaks."
        )
    cross_validation.code(network, 1, key=f"{_KEY}.code")


def _draw(network: MNISTConfig, batch: Batch, fold: int) -> None:
    run_batch.progress(batch)
    run_batch.errors(batch)
    # the last fold may be one image smaller, so its run an image larger
    steps = network.epochs * network.replace(fold=network.folds).steps_per_epoch()
    spec = fold_curve_spec(steps, "Optimizer steps", truth=False)
    elements.chart(spec, _rows(batch, network.folds, fold), key=f"{_KEY}.curves")
    runs = [run for _, run in batch.items()]
    if len(runs) < network.folds:
        return
    result = fold_scores.result_of(network, 1, runs)
    if result.complete:
        sentence = result.sentence()
        st.markdown(f"**{page.plain(sentence[0].upper() + sentence[1:])}.**")


def _rows(batch: Batch, folds: int, shown: int) -> pd.DataFrame:
    fold_of = {run.id: config.to_dict().get("fold", 1) for config, run in batch.items()}
    colours = list(fold_colours(folds).values())
    found = run_batch.curves([run for _, run in batch.items()], VALIDATION)
    fold = [fold_of[run] for run in found["run"]]
    return found.assign(
        kind="fold",
        fold=fold,
        colour=[colours[number - 1] for number in fold],
        accuracy=found["value"],
        chosen=[number == shown for number in fold],
    )
