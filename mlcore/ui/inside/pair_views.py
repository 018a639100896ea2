"""Views of a paired experiment: proof of equal starts, curves, and the outcome."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pandas as pd
import streamlit as st

from mlcore.charts.pairs import ARM_COLOURS, Field, arm_rows, pair_spec
from mlcore.core import MODEL_PREFIX
from mlcore.mnist.config import MNISTConfig
from mlcore.mnist.insight import (
    Pair,
    SameStart,
    paired_accuracy,
    paired_difference,
    same_start,
)
from mlcore.runs import Status, open_store
from mlcore.ui import run_batch, trained_models
from mlcore.ui.common import elements, torch_threads
from mlcore.ui.inside.pair import Shown

_METRICS: Final[Mapping[Field, str]] = {
    "error_rate": "test_accuracy",
    "grad_norm": "grad_norm",
    "loss": "test_loss",
}


def same_start_proof(pair: Pair) -> None:
    """Show whether both arms of every seed start equal and see the same batches."""
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
        f"{mark} For each of {len(proofs)} seeds both arms start from {words} weights (max|Δ| = "
        f"{gap:g}) and train on {words} {batches} batches in the same order."
    )
    with st.expander("How this is checked", key="inside.pair.proof"):
        st.markdown(
            "SHA-256 of all initial weights, and of the indices of all images in all batches of "
            "the whole run, computed separately for the two arms:"
        )
        elements.table(
            {
                "Seed": list(proofs),
                "Initial weights": [_equal(proof.weights) for proof in proofs.values()],
                "Order of the images": [_equal(proof.order) for proof in proofs.values()],
            }
        )


def recorded_start(shown: Shown) -> None:
    """Show how far the weights recorded at step 0 by the runs of each seed differ."""
    first, second = shown.arms
    gaps = [
        _recorded_gap(open_store().url, shown.runs[first, seed].id, shown.runs[second, seed].id)
        for seed in shown.finished_seeds()
    ]
    known = [gap for gap in gaps if gap is not None]
    if known:
        mark = ":material/check_circle:" if max(known) == 0 else ":material/warning:"
        st.caption(
            f"{mark} The weights recorded at step 0 by the {len(known)} pairs: max|Δ| = "
            f"{max(known):g}."
        )


def curves(shown: Shown, fields: tuple[Field, ...], *, key: str) -> None:
    """One chart per metric: mean and spread over the seeds, for both arms."""
    for field in fields:
        points = _points(shown, _METRICS[field])
        if not len(points):
            st.caption("The first points are on their way.")
            return
        if field == "error_rate":
            points["value"] = 1 - points["value"]
        elements.chart(
            pair_spec(field, shown.arms, shown.pair.base.epochs),
            arm_rows(points),
            key=f"{key}.{field}",
        )
    elements.legend(dict(zip(shown.arms, ARM_COLOURS, strict=True)))


def outcome(shown: Shown) -> None:
    """Final test accuracy of each pair, the mean difference, and its interval."""
    ended = {
        who: run.latest()["test_accuracy"]
        for who, run in shown.runs.items()
        if run.status == Status.FINISHED and "test_accuracy" in run.latest()
    }
    rows = paired_accuracy(ended, shown.arms)
    if not len(rows):
        return
    first, second = shown.arms
    st.markdown("**Test accuracy at the end**")
    elements.table(
        {
            "Seed": rows["seed"].tolist(),
            first: [f"{value:.2%}" for value in rows[first]],
            second: [f"{value:.2%}" for value in rows[second]],
            "Difference": [f"{100 * value:+.2f} points" for value in rows["difference"]],
        }
    )
    found = paired_difference(rows["difference"].to_numpy("float64"))
    text = f"{second} minus {first}: **{100 * found.mean:+.2f} points** on average"
    if found.pairs > 1:
        text += (
            f" over {found.pairs} pairs, 95 % interval {100 * found.low:+.2f} to "
            f"{100 * found.high:+.2f} (Student's t, {found.pairs - 1} degrees of freedom)"
        )
    st.markdown(text + ".")


def script(pair: Pair) -> str:
    """The pair as Python code."""
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


def _points(shown: Shown, metric: str) -> pd.DataFrame:
    by_id = {run.id: who for who, run in shown.runs.items() if run.step}
    found = run_batch.curves([run for run in shown.runs.values() if run.step], metric)
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
    if not all(trained_models.snapshot_steps(run)[:1] == [0] for run in (first, second)):
        return None
    here, there = first.arrays(0), second.arrays(0)
    return max(
        float((here[name] - there[name]).abs().max())
        for name in here
        if name.startswith(MODEL_PREFIX)
    )


def _equal(digests: tuple[str, str]) -> str:
    first, second = (f"`{digest[:12]}…`" for digest in digests)
    return f"{first} {'=' if digests[0] == digests[1] else '≠'} {second}"


@st.cache_data(max_entries=128, show_spinner="Comparing the initial weights and the batches…")
@torch_threads.one_thread()
def _same_start(one: str, other: str) -> SameStart:
    return same_start(MNISTConfig.from_json(one), MNISTConfig.from_json(other))
