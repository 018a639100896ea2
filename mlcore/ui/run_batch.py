"""A batch of runs of one experiment: queued together and shown while they run.

Runs are found by the fingerprints of their configs, so a reload or another tab shows the same runs,
and nothing is trained twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import streamlit as st

from mlcore.core import Config
from mlcore.runs import Run, Status, open_store, submit
from mlcore.ui import live_data, page, run_parts
from mlcore.ui.common import clicks, numbers
from mlcore.ui.common.polling import poll

if TYPE_CHECKING:
    import pandas as pd

POINTS: Final = 120
"""Points that a curve of a batch is thinned to."""
_LOOK_BACK: Final = 2000
_IDS: Final = "run_batch.ids"


@dataclass(frozen=True, slots=True)
class Batch:
    """Configs of one experiment, and the newest run of each that has one.

    Attributes:
        configs: What is to be trained, all different.
        runs: The runs there are, by fingerprint.
    """

    configs: tuple[Config, ...]
    runs: Mapping[str, Run]

    def run(self, config: Config) -> Run | None:
        """The run of a config; None if it has none yet."""
        return self.runs.get(config.fingerprint())

    def items(self) -> Iterator[tuple[Config, Run]]:
        """The configs that have a run, in order, with their runs."""
        for config in self.configs:
            run = self.run(config)
            if run is not None:
                yield config, run

    @property
    def missing(self) -> list[Config]:
        """The configs that a start would queue; a run that diverged would only diverge again."""
        return [config for config in self.configs if not _answered(self.run(config))]

    @property
    def moving(self) -> bool:
        """Whether a run is queued or running."""
        return any(run.status.moving for run in self.runs.values())

    @property
    def ended(self) -> int:
        """Number of runs that have ended, in whatever way."""
        return sum(1 for run in self.runs.values() if not run.status.moving)


def find(configs: Sequence[Config]) -> Batch:
    """Read the newest run of each config."""
    store = open_store()
    wanted = {config.fingerprint() for config in configs}
    # Runs seen before are read by their ids: a store may hold thousands of others. One that could
    # be trained again is looked for, since there may be a newer one.
    ids: dict[str, str] = st.session_state.setdefault(_IDS, {})
    known = store.get_many([ids[fingerprint] for fingerprint in wanted if fingerprint in ids])
    found = {
        run.fingerprint: run
        for run in known
        if run.fingerprint in wanted and run.deleted is None and _answered(run)
    }
    if len(found) < len(wanted):
        for run in store.list(experiment=configs[0].experiment, limit=_LOOK_BACK):
            if run.fingerprint in wanted:
                found.setdefault(run.fingerprint, run)
    ids.update({fingerprint: run.id for fingerprint, run in found.items()})
    return Batch(tuple(configs), found)


def start_control(
    configs: Sequence[Config],
    *,
    key: str,
    width: Literal["content", "stretch"] = "content",
    queue: Callable[[Sequence[Config]], object] | None = None,
) -> Batch:
    """A button that queues the missing runs; while runs are going, one that stops them.

    Args:
        configs: Of one experiment.
        key: Prefix of all keys.
        width: Of the first button.
        queue: Queues the configs that lack a run; by default one after the other.

    Returns:
        The batch as it was found.
    """
    live_data.tend_runs()
    batch = find(configs)
    missing = batch.missing
    label = f"Train {numbers.counted(len(missing), 'network')}"
    if not missing:
        label = f"All {len(configs)} started" if len(configs) > 1 else "Started"
    # The clicks act in callbacks: a rerun between a click and its button would lose the click.
    st.button(
        label,
        type="primary",
        icon=":material/play_arrow:",
        disabled=not missing,
        width=width,
        key=f"{key}.start",
        on_click=clicks.act,
        args=(queue or _start, missing),
    )
    if batch.moving:
        st.button(
            "Stop all",
            icon=":material/stop:",
            key=f"{key}.stop",
            on_click=clicks.act,
            args=(_stop, configs),
        )
    clicks.show_refusal()
    return batch


def _start(configs: Sequence[Config]) -> None:
    for config in configs:
        submit(config)


def _stop(configs: Sequence[Config]) -> None:
    for run in find(configs).runs.values():
        if run.status.live:
            run.stop()


def follow(
    configs: Sequence[Config],
    draw: Callable[[Batch], None],
    *,
    key: str,
    poll_s: float = live_data.POLL_S,
) -> None:
    """Draw the batch, updated while one of its runs is queued or running.

    Args:
        configs: Of one experiment.
        draw: Draws all of it.
        key: Prefix of all keys.
        poll_s: How often.
    """
    moving = find(configs).moving

    def redraw() -> bool:
        batch = find(configs)
        draw(batch)
        return batch.moving != moving

    poll(redraw, key=f"{key}.panel", moving=moving, every=poll_s)


def progress(batch: Batch) -> None:
    """A progress bar over all runs; nothing once all of them have ended."""
    count = len(batch.configs)
    if batch.runs and batch.ended < count:
        share = (
            sum(run.progress if run.status.moving else 1.0 for run in batch.runs.values()) / count
        )
        st.progress(share, text=f"{batch.ended} of {numbers.counted(count, 'run')} ended")


def errors(batch: Batch) -> None:
    """The errors of failed runs."""
    for run in batch.runs.values():
        if run.error:
            page.error(f"{run_parts.name_of(run)}: {run.error}")


def curves(runs: Sequence[Run], metric: str) -> pd.DataFrame:
    """The downsampled curves of a metric: columns run (id), step, value. Do not change the frame.

    Tabs that look at the same runs share what was read.
    """
    return _curves(open_store().url, tuple((run.id, run.step) for run in runs), metric)


@st.cache_data(max_entries=256, show_spinner=False)
def _curves(url: str, moments: tuple[tuple[str, int], ...], metric: str) -> pd.DataFrame:
    ids = [run_id for run_id, _ in moments]
    return open_store(url).curves(ids, metric, POINTS)[["run", "step", "value"]]


def _answered(run: Run | None) -> bool:
    """Whether training it again would give nothing new."""
    return run is not None and (
        run.status.moving or run.status in (Status.FINISHED, Status.FAILED, Status.PAUSED)
    )
