"""What a trained network sees, how its matrices came to be, and where it errs: pure functions.

Names are loaded when first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlcore.mnist.insight.calibration import Reliability, reliability
    from mlcore.mnist.insight.collapsing import Collapsed, collapse
    from mlcore.mnist.insight.layer_algebra import Broken, Row, algebra
    from mlcore.mnist.insight.mistakes import (
        Examination,
        accuracy_by_class,
        confident_mistakes,
        examine,
        wilson_interval,
    )
    from mlcore.mnist.insight.pairing import (
        Disagreement,
        Pair,
        PairedDifference,
        SameStart,
        disagreement,
        paired_accuracy,
        paired_difference,
        same_start,
    )
    from mlcore.mnist.insight.passes import Forward, forward
    from mlcore.mnist.insight.planes import Plane, principal_plane, umap_plane
    from mlcore.mnist.insight.weights import Matrix, feature_maps, matrices, weight_history

_HOMES = {
    "Broken": "layer_algebra",
    "Collapsed": "collapsing",
    "Disagreement": "pairing",
    "Examination": "mistakes",
    "Forward": "passes",
    "Matrix": "weights",
    "Pair": "pairing",
    "PairedDifference": "pairing",
    "Plane": "planes",
    "Reliability": "calibration",
    "Row": "layer_algebra",
    "SameStart": "pairing",
    "accuracy_by_class": "mistakes",
    "algebra": "layer_algebra",
    "collapse": "collapsing",
    "confident_mistakes": "mistakes",
    "disagreement": "pairing",
    "examine": "mistakes",
    "feature_maps": "weights",
    "forward": "passes",
    "matrices": "weights",
    "paired_accuracy": "pairing",
    "paired_difference": "pairing",
    "principal_plane": "planes",
    "reliability": "calibration",
    "same_start": "pairing",
    "umap_plane": "planes",
    "weight_history": "weights",
    "wilson_interval": "mistakes",
}

__all__ = [
    "Broken",
    "Collapsed",
    "Disagreement",
    "Examination",
    "Forward",
    "Matrix",
    "Pair",
    "PairedDifference",
    "Plane",
    "Reliability",
    "Row",
    "SameStart",
    "accuracy_by_class",
    "algebra",
    "collapse",
    "confident_mistakes",
    "disagreement",
    "examine",
    "feature_maps",
    "forward",
    "matrices",
    "paired_accuracy",
    "paired_difference",
    "principal_plane",
    "reliability",
    "same_start",
    "umap_plane",
    "weight_history",
    "wilson_interval",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"mlcore.mnist.insight.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'mlcore.mnist.insight' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
