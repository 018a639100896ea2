"""A paired experiment: one button trains both arms over some seeds, and the page follows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import streamlit as st

from mlcore.mnist.config import MNISTConfig
from mlcore.mnist.insight import Pair
from mlcore.runs import Run, Status, open_store, submit
from mlcore.ui import live_data, page, run_parts
from mlcore.ui.common import parts as layer_parts

_LOOK_BACK: Final = 2000
_RATES: Final = (0.01, 0.05, 0.2)

Runs = Mapping[tuple[str, int], Run]


@dataclass(frozen=True, slots=True)
class Shown:
    """A pair and the runs of it that there are, by arm and seed."""

    pair: Pair
    runs: Runs

    @property
    def arms(self) -> tuple[str, str]:
        """Names of the two arms."""
        first, second = self.pair.arms
        return first, second

    def finished_seeds(self) -> list[int]:
        """The seeds of which both arms have finished."""
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
        help=f"Of both arms. {why}".strip(),
        key=f"{key}.lr",
    )


def seeds_control(*, key: str) -> tuple[int, ...]:
    """How many seeds: the first 2 to 8, counted from 0."""
    count = st.slider(
        "Seeds",
        2,
        8,
        3,
        help="Pairs of runs. Each seed has its own first weights and order of the images; the two "
        "arms of a seed share both.",
        key=f"{key}.seeds",
    )
    return tuple(range(count))


def start_control(pair: Pair, *, key: str) -> None:
    """A button that trains what is not trained yet; a second one stops what is going."""
    live_data.tend_runs()
    found = find(pair)
    configs = pair.configs()
    missing = [config for who, config in configs.items() if not _answered(found.get(who))]
    label = f"Train {len(missing)} networks" if missing else f"All {len(configs)} started"
    st.button(
        label,
        type="primary",
        icon=":material/play_arrow:",
        disabled=not missing,
        width="stretch",
        key=f"{key}.start",
        on_click=layer_parts.acting(lambda: [submit(config) for config in missing]),
    )
    if any(run.status.moving for run in found.values()):
        st.button(
            "Stop all",
            icon=":material/stop:",
            key=f"{key}.stop",
            on_click=layer_parts.acting(
                lambda: [run.stop() for run in find(pair).values() if run.status.live]
            ),
        )
    layer_parts.show_refused()


def follow(pair: Pair, draw: Callable[[Shown], None], *, key: str) -> None:
    """Draw the pair; while one of its runs moves, again and again.

    Args:
        pair: The experiment.
        draw: Draws all below the progress.
        key: Prefix of all keys.
    """
    going = any(run.status.moving for run in find(pair).values())

    @st.fragment(run_every=live_data.POLL_S * 2 if going else None, key=f"{key}.panel")
    def panel() -> None:
        with page.sentences():
            live_data.tend_runs()
            shown = Shown(pair, find(pair))
            _progress(shown)
            draw(shown)
            if any(run.status.moving for run in shown.runs.values()) != going:
                st.rerun()

    panel()


def find(pair: Pair) -> dict[tuple[str, int], Run]:
    """The newest run of each config that has one, by arm and seed."""
    store = open_store()
    wanted = {config.fingerprint(): who for who, config in pair.configs().items()}
    # where the runs are known, they are read by their ids: a store may hold thousands of others
    ids: dict[str, str] = st.session_state.setdefault("inside.pair.ids", {})
    known = [ids[fingerprint] for fingerprint in wanted if fingerprint in ids]
    found = {
        wanted[run.fingerprint]: run
        for run in store.get_many(known)
        if run.fingerprint in wanted and run.deleted is None
    }
    if len(found) < len(wanted):
        for run in store.list(experiment=MNISTConfig.experiment, limit=_LOOK_BACK):
            if run.fingerprint in wanted:
                found.setdefault(wanted[run.fingerprint], run)
    ids.update({run.fingerprint: run.id for run in found.values()})
    return found


def choose_seed(shown: Shown, *, key: str) -> int | None:
    """Which pair to look into; None until one is finished."""
    seeds = shown.finished_seeds()
    if not seeds:
        return None
    seed: int = st.segmented_control(
        "Pair of seed", seeds, default=seeds[0], required=True, key=f"{key}.seed"
    )
    return seed


def _progress(shown: Shown) -> None:
    configs = shown.pair.configs()
    ended = sum(1 for run in shown.runs.values() if not run.status.moving)
    if shown.runs and ended < len(configs):
        share = sum(run.progress for run in shown.runs.values()) / len(configs)
        st.progress(share, text=f"{ended} of {len(configs)} runs have ended")
    for run in shown.runs.values():
        if run.error:
            page.error(f"{run_parts.name_of(run)}: {run.error}")


def _answered(run: Run | None) -> bool:
    """Whether training it again would give nothing new: a diverged run diverges again."""
    return run is not None and (
        run.status.moving or run.status in (Status.FINISHED, Status.FAILED, Status.PAUSED)
    )
