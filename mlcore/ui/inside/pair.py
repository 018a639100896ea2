"""The controls of a paired experiment: two configs (arms) trained over several seeds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import streamlit as st

from mlcore.course.inside import State
from mlcore.mnist.insight import Pair
from mlcore.runs import Run, Status
from mlcore.ui import live_data, run_batch, tasks

_RATES: Final = (0.01, 0.05, 0.2)

Runs = Mapping[tuple[str, int], Run]


@dataclass(frozen=True, slots=True)
class Shown:
    """A pair and its existing runs, by arm and seed."""

    pair: Pair
    runs: Runs

    @property
    def arms(self) -> tuple[str, str]:
        """Names of the two arms."""
        first, second = self.pair.arms
        return first, second

    def finished_seeds(self) -> list[int]:
        """The seeds for which both arms have finished."""
        return [
            seed
            for seed in self.pair.seeds
            if all(
                (run := self.runs.get((arm, seed))) is not None and run.status == Status.FINISHED
                for arm in self.arms
            )
        ]


def rate_control(*, key: str, why: str = "") -> float:
    """The learning rate of both arms.

    Args:
        key: Prefix of its key.
        why: A word more in its help on what it is good to vary it for.
    """
    return st.segmented_control(
        "Learning rate",
        _RATES,
        default=0.05,
        required=True,
        help=f"For both arms. {why}".strip(),
        key=f"{key}.lr",
    )


def seeds_control(*, key: str) -> tuple[int, ...]:
    """How many seeds: the first 2 to 8, counted from 0."""
    count = st.slider(
        "Seeds",
        2,
        8,
        3,
        help="Pairs of runs. Each seed has its own initial weights and order of the images; the "
        "two arms of a seed share both.",
        key=f"{key}.seeds",
    )
    return tuple(range(count))


def start_control(pair: Pair, *, key: str) -> None:
    """A button that trains the missing runs, and one that stops those in progress."""
    run_batch.start_control(list(pair.configs().values()), key=key, width="stretch")


def follow(pair: Pair, draw: Callable[[Shown], None], *, key: str) -> None:
    """Draw the pair, updated while one of its runs is queued or running.

    Args:
        pair: The experiment.
        draw: Draws all below the progress.
        key: Prefix of all keys.
    """

    def panel(batch: run_batch.Batch) -> None:
        run_batch.progress(batch)
        run_batch.errors(batch)
        shown = _shown(pair, batch)
        draw(shown)
        tasks.look("inside", State(varied=pair.field, pairs=len(shown.finished_seeds())))

    configs = list(pair.configs().values())
    run_batch.follow(configs, panel, key=key, poll_s=2 * live_data.POLL_S)


def _shown(pair: Pair, batch: run_batch.Batch) -> Shown:
    runs = {who: batch.run(config) for who, config in pair.configs().items()}
    return Shown(pair, {who: run for who, run in runs.items() if run is not None})


def choose_seed(shown: Shown, *, key: str) -> int | None:
    """Choose the pair to inspect; None until one is finished."""
    seeds = shown.finished_seeds()
    if not seeds:
        return None
    seed: int = st.segmented_control(
        "Pair of seed", seeds, default=seeds[0], required=True, key=f"{key}.seed"
    )
    return seed
