"""A paired experiment: one button trains both arms over some seeds, and the page follows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import pandas as pd
import streamlit as st

from mlcore.charts.pairs import ARM_COLOURS, Field, arm_rows, pair_spec
from mlcore.mnist.config import MNISTConfig
from mlcore.mnist.insight import (
    Pair,
    SameStart,
    paired_accuracy,
    paired_difference,
    same_start,
)
from mlcore.runs import Run, Status, open_store, submit
from mlcore.runs.recorded_run import MODEL_PREFIX
from mlcore.ui import page, run_parts, trained, watch
from mlcore.ui.layers import parts as layer_parts

_LOOK_BACK: Final = 2000
_POINTS: Final = 120
_METRICS: Final[Mapping[Field, str]] = {
    "error_rate": "test_accuracy",
    "grad_norm": "grad_norm",
    "loss": "test_loss",
}

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
    watch.look_after_runs()
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

    @st.fragment(run_every=watch.poll_seconds() * 2 if going else None, key=f"{key}.panel")
    def panel() -> None:
        with page.sentences():
            watch.look_after_runs()
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


def same_start_proof(pair: Pair) -> None:
    """Say whether both arms of every seed start alike and see the same batches, by numbers."""
    first, second = pair.arms
    proofs = {
        seed: _same_start(pair.config(first, seed).to_json(), pair.config(second, seed).to_json())
        for seed in pair.seeds
    }
    alike = all(proof.same for proof in proofs.values())
    gap = max(proof.difference for proof in proofs.values())
    batches = next(iter(proofs.values())).batches
    mark = ":material/check_circle:" if alike else ":material/warning:"
    words = "the same" if alike else "**not the same**"
    st.caption(
        f"{mark} For each of {len(proofs)} seeds both arms start from {words} weights "
        f"(max|Δ| = {gap:g}) and learn from {words} {batches} batches in the same order."
    )
    with st.expander("How that is known", key="inside.pair.proof"):
        st.markdown(
            "SHA-256 of all first weights, and of the places of all images in all batches of the "
            "whole run, computed apart for the two arms:"
        )
        layer_parts.table(
            {
                "Seed": list(proofs),
                "First weights": [_equal(proof.weights) for proof in proofs.values()],
                "Order of the images": [_equal(proof.order) for proof in proofs.values()],
            }
        )


def recorded_start(shown: Shown) -> None:
    """Say how far the weights are apart that the two runs of each seed recorded at step 0."""
    first, second = shown.arms
    gaps = [
        _recorded_gap(open_store().url, shown.runs[first, seed].id, shown.runs[second, seed].id)
        for seed in shown.finished_seeds()
    ]
    known = [gap for gap in gaps if gap is not None]
    if known:
        mark = ":material/check_circle:" if max(known) == 0 else ":material/warning:"
        st.caption(
            f"{mark} As the {len(known)} pairs recorded their weights at step 0: "
            f"max|Δ| = {max(known):g}."
        )


def curves(shown: Shown, fields: tuple[Field, ...], *, key: str) -> None:
    """One chart a quantity: the mean of the seeds and their spread, for both arms."""
    for field in fields:
        points = _points(shown, _METRICS[field])
        if not len(points):
            st.caption("The first points are on their way.")
            return
        if field == "error_rate":
            points["value"] = 1 - points["value"]
        layer_parts.chart(
            pair_spec(field, shown.arms, shown.pair.base.epochs),
            arm_rows(points),
            key=f"{key}.{field}",
        )
    layer_parts.legend(dict(zip(shown.arms, ARM_COLOURS, strict=True)))


def outcome(shown: Shown) -> None:
    """Test accuracy of each pair in the end, the mean difference, and how sure it is."""
    ended = {
        who: run.latest()["test_accuracy"]
        for who, run in shown.runs.items()
        if run.status == Status.FINISHED and "test_accuracy" in run.latest()
    }
    rows = paired_accuracy(ended, shown.arms)
    if not len(rows):
        return
    first, second = shown.arms
    st.markdown("**Test accuracy in the end**")
    layer_parts.table(
        {
            "Seed": rows["seed"].tolist(),
            first: [f"{value:.2%}" for value in rows[first]],
            second: [f"{value:.2%}" for value in rows[second]],
            "Difference": [f"{100 * value:+.2f} points" for value in rows["difference"]],
        }
    )
    found = paired_difference(rows["difference"].to_numpy("float64"))
    text = f"{second} less {first}: **{100 * found.mean:+.2f} points** in the mean"
    if found.pairs > 1:
        text += (
            f" of {found.pairs} pairs, 95 % interval {100 * found.low:+.2f} to "
            f"{100 * found.high:+.2f} (Student's t, {found.pairs - 1} degrees of freedom)"
        )
    st.markdown(text + ".")


def choose_seed(shown: Shown, *, key: str) -> int | None:
    """Which pair to look into; None until one is finished."""
    seeds = shown.finished_seeds()
    if not seeds:
        return None
    seed: int = st.segmented_control(
        "Pair of seed", seeds, default=seeds[0], required=True, key=f"{key}.seed"
    )
    return seed


def script(pair: Pair) -> str:
    """The pair from a script."""
    arms = ", ".join(f'"{name}": {value!r}' for name, value in pair.arms.items())
    return (
        "import mlcore\n"
        "from mlcore.mnist import insight\n\n"
        f'pair = insight.Pair("{pair.field}", {{{arms}}},\n'
        f"    {pair.base.as_python(call='')[1:-1]}, seeds={pair.seeds})\n"
        "runs = {who: mlcore.run(config) for who, config in pair.configs().items()}\n"
        'ended = {who: run.latest()["test_accuracy"] for who, run in runs.items()}\n'
        "table = insight.paired_accuracy(ended, tuple(pair.arms))\n"
        'print(table, insight.paired_difference(table["difference"].to_numpy()))'
    )


def _progress(shown: Shown) -> None:
    configs = shown.pair.configs()
    ended = sum(1 for run in shown.runs.values() if not run.status.moving)
    if shown.runs and ended < len(configs):
        share = sum(run.progress for run in shown.runs.values()) / len(configs)
        st.progress(share, text=f"{ended} of {len(configs)} runs have ended")
    for run in shown.runs.values():
        if run.error:
            page.error(f"{run_parts.name_of(run)}: {run.error}")


def _points(shown: Shown, metric: str) -> pd.DataFrame:
    by_id = {run.id: who for who, run in shown.runs.items() if run.step}
    found = open_store().curves(list(by_id), metric, _POINTS)
    per_epoch = shown.pair.base.steps_per_epoch()
    who = [by_id[run] for run in found["run"]]
    return pd.DataFrame(
        {
            "arm": [arm for arm, _ in who],
            "seed": [seed for _, seed in who],
            "epoch": found["step"] / per_epoch,
            "value": found["value"],
        }
    )


@st.cache_data(max_entries=128, show_spinner=False)
def _recorded_gap(url: str, one: str, other: str) -> float | None:
    """Largest |Δ| of the weights two runs recorded at step 0; None if one recorded none."""
    store = open_store(url)
    first, second = (store.get(run_id) for run_id in (one, other))
    if not all(trained.kept_steps(run)[:1] == [0] for run in (first, second)):
        return None
    here, there = first.arrays(0), second.arrays(0)
    return max(
        float((here[name] - there[name]).abs().max())
        for name in here
        if name.startswith(MODEL_PREFIX)
    )


def _answered(run: Run | None) -> bool:
    """Whether training it again would give nothing new: a diverged run diverges again."""
    return run is not None and (
        run.status.moving or run.status in (Status.FINISHED, Status.FAILED, Status.PAUSED)
    )


def _equal(digests: tuple[str, str]) -> str:
    first, second = (f"`{digest[:12]}…`" for digest in digests)
    return f"{first} {'=' if digests[0] == digests[1] else '≠'} {second}"


@st.cache_data(max_entries=128, show_spinner="Comparing the first weights and the batches…")
@layer_parts.one_thread()
def _same_start(one: str, other: str) -> SameStart:
    return same_start(MNISTConfig.from_json(one), MNISTConfig.from_json(other))
