"""The tab *Train and eval*: BatchNorm's running statistics over the batches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from mlcore.charts.normalization import running_spec
from mlcore.layers import RunningTrace, normalize, running_statistics
from mlcore.ui import page
from mlcore.ui.common import elements, numbers, sample_digits, torch_errors

if TYPE_CHECKING:
    import torch

_CHANNELS = 3


def show() -> None:
    """Draw the tab."""
    controls, picture = page.columns()
    with controls:
        with elements.compact():
            momentum = st.slider(
                "Momentum",
                0.01,
                1.0,
                0.1,
                0.01,
                help="Weight of the newest batch in the running statistics.",
                key="momentum",
                bind="query-params",
            )
            size = st.slider("Batch size", 1, 16, 8, key="batch", bind="query-params")
        with st.expander("Data and channel", key="norm.running.more"):
            with elements.compact():
                count = st.slider("Batches", 5, 80, 40, key="batches", bind="query-params")
                side = st.slider(
                    "Height and width",
                    1,
                    6,
                    4,
                    help="Of each channel, in pixels.",
                    key="side",
                    bind="query-params",
                )
            with elements.compact():
                grow = st.slider(
                    "Multiply by",
                    0.25,
                    4.0,
                    2.0,
                    0.05,
                    help="Every pixel, from the middle batch on: the data drift.",
                    key="grow",
                    bind="query-params",
                )
                shift = st.slider(
                    "then add",
                    -3.0,
                    3.0,
                    1.5,
                    0.1,
                    help="To every pixel, from the middle batch on.",
                    key="shift",
                    bind="query-params",
                )
            channel = st.slider("Channel", 0, _CHANNELS - 1, 0, key="channel", bind="query-params")
    batches = _batches(count, size, side, shift, grow)
    with picture, torch_errors.refusals():
        trace = running_statistics(batches, momentum=momentum)
        with st.container(key="picture-norm-running"):
            elements.chart(
                running_spec("Running mean", "Mean of the channel", ("batch",)),
                _mean_rows(trace, channel),
                key="norm.running.mean",
            )
            elements.chart(
                running_spec(
                    "Running variance",
                    "Variance of the channel",
                    ("batch, unbiased", "batch, biased"),
                ),
                _variance_rows(trace, channel),
                key="norm.running.variance",
            )
        _proof(trace, batches, momentum, channel)


def _proof(trace: RunningTrace, batches: torch.Tensor, momentum: float, channel: int) -> None:
    count = batches[0, :, 0].numel()
    old, new = (float(trace.running_mean[t, channel]) for t in (-2, -1))
    batch = float(trace.batch_mean[-1, channel])
    st.latex(
        rf"\begin{{aligned}}\text{{running}}_{{{len(batches)}}}"
        rf"&=(1-{momentum:g})\cdot{numbers.bracketed(old)}"
        rf"+{momentum:g}\cdot{numbers.bracketed(batch)}\\ &={numbers.latex(new, 6)}\end{{aligned}}"
    )
    elements.agreement(
        trace.max_difference,
        "Running statistics of every batch and channel",
        float(trace.running_variance.abs().max()),
    )
    biased, unbiased = (float(v[-1, channel]) for v in (trace.biased, trace.unbiased))
    evaluated = normalize("batch", batches[-1], training=False, module=trace.module)
    left, middle, right = st.columns(3)
    left.metric(
        "Variance, divisor n",
        f"{biased:.4g}",
        help="Of the last batch; train mode divides by its square root.",
    )
    middle.metric(
        "Variance, divisor n − 1",
        f"{unbiased:.4g}",
        help=f"Of the last batch, n = {count}; this one updates the running variance.",
    )
    right.metric(
        "max|train − eval|",
        f"{float(trace.train_eval_gap[-1]):.3g}",
        help="How much the output for the last batch changes when the module is switched to eval.",
    )
    out = evaluated.output[:, channel]
    st.caption(
        f"In eval mode channel {channel} of the last batch has mean "
        f"{numbers.power(float(out.mean()))} and standard deviation "
        f"{numbers.power(float(out.std(correction=0)))}; in train mode 0 and 1. The larger "
        "the momentum, the faster the running statistics follow the data."
    )


def _mean_rows(trace: RunningTrace, channel: int) -> pd.DataFrame:
    return _rows(
        {
            "batch": trace.batch_mean[:, channel],
            "momentum rule": trace.mean_by_rule[:, channel],
            "running (module)": trace.running_mean[:, channel],
        }
    )


def _variance_rows(trace: RunningTrace, channel: int) -> pd.DataFrame:
    return _rows(
        {
            "batch, biased": trace.biased[:, channel],
            "batch, unbiased": trace.unbiased[:, channel],
            "momentum rule": trace.variance_by_rule[:, channel],
            "running (module)": trace.running_variance[:, channel],
        }
    )


def _rows(curves: dict[str, torch.Tensor]) -> pd.DataFrame:
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "batch": range(1 if kind.startswith("batch") else 0, _end(values, kind)),
                    "value": values.numpy(),
                    "kind": kind,
                }
            )
            for kind, values in curves.items()
        ],
        ignore_index=True,
    )


def _end(values: torch.Tensor, kind: str) -> int:
    return len(values) + (1 if kind.startswith("batch") else 0)


@st.cache_resource(max_entries=64, show_spinner=False)
def _batches(count: int, size: int, side: int, shift: float, grow: float) -> torch.Tensor:
    """Batches of real digits behind a convolution, ``[T, N, C, H, W]``; the later half drifts."""
    import torch
    from torch.nn import functional

    maps = _maps()
    place = torch.arange(count * size) % len(maps)
    pooled = functional.adaptive_avg_pool2d(maps, (side, side))[place]
    batches = pooled.view(count, size, _CHANNELS, side, side).clone()
    batches[count // 2 :] = batches[count // 2 :] * grow + shift
    return batches


@st.cache_resource(max_entries=1, show_spinner=False)
def _maps() -> torch.Tensor:
    import torch
    from torch.nn import functional

    images, _ = sample_digits.digits(1000)
    generator = torch.Generator().manual_seed(0)
    filters = torch.randn(_CHANNELS, 1, 5, 5, generator=generator, dtype=torch.float64) / 5
    return functional.conv2d(images.unsqueeze(1), filters, padding=2)
