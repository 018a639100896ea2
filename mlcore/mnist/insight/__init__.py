"""What a trained network sees, how its matrices came to be, and where it errs: pure functions.

Names are loaded when first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlcore.mnist.insight.adversarial import Walk, walk
    from mlcore.mnist.insight.attribution import (
        Attribution,
        Saliency,
        difference_quotients,
        integrated_gradients,
        saliency,
    )
    from mlcore.mnist.insight.calibration import Reliability, reliability
    from mlcore.mnist.insight.layer_activations import Activation, activations
    from mlcore.mnist.insight.layer_algebra import Broken, Row, algebra, sum_written_out
    from mlcore.mnist.insight.linear_collapse import Collapsed, collapse
    from mlcore.mnist.insight.mistakes import (
        Examination,
        accuracy_by_class,
        confident_mistakes,
        examine,
        wilson_interval,
    )
    from mlcore.mnist.insight.neighbours import Neighbours, features, nearest
    from mlcore.mnist.insight.occlusion_map import Occlusion, occlusion
    from mlcore.mnist.insight.paired_runs import (
        Disagreement,
        Pair,
        PairedDifference,
        SameStart,
        disagreement,
        paired_accuracy,
        paired_difference,
        same_start,
    )
    from mlcore.mnist.insight.pixels import OnPixels, on_pixels
    from mlcore.mnist.insight.predict import Answer, Forward, answer, forward
    from mlcore.mnist.insight.preprocess import DrawingError, prepare
    from mlcore.mnist.insight.projections import Plane, principal_plane, umap_plane
    from mlcore.mnist.insight.uploads import read_photo
    from mlcore.mnist.insight.weights import Matrix, feature_maps, matrices, weight_history

_HOMES = {
    "Activation": "layer_outputs",
    "Answer": "answers",
    "Attribution": "attribution",
    "Broken": "layer_algebra",
    "Collapsed": "collapsing",
    "Disagreement": "pairing",
    "DrawingError": "drawing",
    "Examination": "mistakes",
    "Forward": "passes",
    "Matrix": "weights",
    "Neighbours": "neighbours",
    "Occlusion": "covering",
    "OnPixels": "pixels",
    "Pair": "pairing",
    "PairedDifference": "pairing",
    "Plane": "planes",
    "Reliability": "calibration",
    "Row": "layer_algebra",
    "Saliency": "attribution",
    "SameStart": "pairing",
    "Walk": "fooling",
    "accuracy_by_class": "mistakes",
    "activations": "layer_outputs",
    "algebra": "layer_algebra",
    "answer": "answers",
    "difference_quotients": "attribution",
    "collapse": "collapsing",
    "confident_mistakes": "mistakes",
    "disagreement": "pairing",
    "examine": "mistakes",
    "feature_maps": "weights",
    "features": "neighbours",
    "forward": "passes",
    "integrated_gradients": "attribution",
    "matrices": "weights",
    "nearest": "neighbours",
    "occlusion": "covering",
    "on_pixels": "pixels",
    "paired_accuracy": "pairing",
    "paired_difference": "pairing",
    "prepare": "drawing",
    "principal_plane": "planes",
    "read_photo": "uploads",
    "reliability": "calibration",
    "saliency": "attribution",
    "same_start": "pairing",
    "sum_written_out": "layer_algebra",
    "umap_plane": "planes",
    "walk": "fooling",
    "weight_history": "weights",
    "wilson_interval": "mistakes",
}

__all__ = [
    "Activation",
    "Answer",
    "Attribution",
    "Broken",
    "Collapsed",
    "Disagreement",
    "DrawingError",
    "Examination",
    "Forward",
    "Matrix",
    "Neighbours",
    "Occlusion",
    "OnPixels",
    "Pair",
    "PairedDifference",
    "Plane",
    "Reliability",
    "Row",
    "Saliency",
    "SameStart",
    "Walk",
    "accuracy_by_class",
    "activations",
    "algebra",
    "answer",
    "collapse",
    "confident_mistakes",
    "difference_quotients",
    "disagreement",
    "examine",
    "feature_maps",
    "features",
    "forward",
    "integrated_gradients",
    "matrices",
    "nearest",
    "occlusion",
    "on_pixels",
    "paired_accuracy",
    "paired_difference",
    "prepare",
    "principal_plane",
    "read_photo",
    "reliability",
    "saliency",
    "same_start",
    "sum_written_out",
    "umap_plane",
    "walk",
    "weight_history",
    "wilson_interval",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"mlcore.mnist.insight.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'mlcore.mnist.insight' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
