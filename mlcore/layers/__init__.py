"""Layers under the glass: normalization, activations, losses, convolution, initialization.

Names are loaded when first used, so that a config may read ``names`` before torch is there.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlcore.layers.activations import (
        Activated,
        Chained,
        UnitActivity,
        activate,
        chain,
        unit_activity,
    )
    from mlcore.layers.convolution import (
        Convolved,
        Window,
        convolve,
        output_size,
        receptive_field,
        window_of,
    )
    from mlcore.layers.convolution_backward import ConvolvedGradient, convolve_backward
    from mlcore.layers.influence import Influence, perturb
    from mlcore.layers.initialization import Propagated, propagate
    from mlcore.layers.losses import LogitLoss, Softmaxed, logit_loss, softmax
    from mlcore.layers.norm_identities import Identity, Keeps, identities, keeps
    from mlcore.layers.norm_parts import build_norm, shared_cells
    from mlcore.layers.normalization import Normalized, normalize
    from mlcore.layers.normalization_backward import NormalizedGradient, normalize_backward
    from mlcore.layers.pooling import Pooled, pool
    from mlcore.layers.refusals import Refusal, explain
    from mlcore.layers.running import RunningTrace, running_statistics
    from mlcore.layers.schemes import draw_weight, initialize, weight_variance
    from mlcore.layers.signal_theory import SignalTheory, signal_theory
    from mlcore.layers.statistics import LayerStatistics, activation_statistics

_HOMES = {
    "Activated": "activations",
    "Chained": "activations",
    "Convolved": "convolution",
    "ConvolvedGradient": "convolution_backward",
    "Identity": "norm_identities",
    "Influence": "influence",
    "Keeps": "norm_identities",
    "LayerStatistics": "statistics",
    "UnitActivity": "activations",
    "LogitLoss": "losses",
    "Normalized": "normalization",
    "NormalizedGradient": "normalization_backward",
    "Pooled": "pooling",
    "Propagated": "initialization",
    "Refusal": "refusals",
    "RunningTrace": "running",
    "SignalTheory": "signal_theory",
    "Softmaxed": "losses",
    "Window": "convolution",
    "activate": "activations",
    "activation_statistics": "statistics",
    "build_norm": "norm_parts",
    "chain": "activations",
    "convolve": "convolution",
    "convolve_backward": "convolution_backward",
    "draw_weight": "schemes",
    "explain": "refusals",
    "identities": "norm_identities",
    "initialize": "schemes",
    "keeps": "norm_identities",
    "unit_activity": "activations",
    "logit_loss": "losses",
    "normalize": "normalization",
    "normalize_backward": "normalization_backward",
    "output_size": "convolution",
    "perturb": "influence",
    "pool": "pooling",
    "propagate": "initialization",
    "receptive_field": "convolution",
    "running_statistics": "running",
    "shared_cells": "norm_parts",
    "signal_theory": "signal_theory",
    "softmax": "losses",
    "weight_variance": "schemes",
    "window_of": "convolution",
}

__all__ = [
    "Activated",
    "Chained",
    "Convolved",
    "ConvolvedGradient",
    "Identity",
    "Influence",
    "Keeps",
    "LayerStatistics",
    "LogitLoss",
    "Normalized",
    "NormalizedGradient",
    "Pooled",
    "Propagated",
    "Refusal",
    "RunningTrace",
    "SignalTheory",
    "Softmaxed",
    "UnitActivity",
    "Window",
    "activate",
    "activation_statistics",
    "build_norm",
    "chain",
    "convolve",
    "convolve_backward",
    "draw_weight",
    "explain",
    "identities",
    "initialize",
    "keeps",
    "logit_loss",
    "normalize",
    "normalize_backward",
    "output_size",
    "perturb",
    "pool",
    "propagate",
    "receptive_field",
    "running_statistics",
    "shared_cells",
    "signal_theory",
    "softmax",
    "unit_activity",
    "weight_variance",
    "window_of",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"mlcore.layers.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'mlcore.layers' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
