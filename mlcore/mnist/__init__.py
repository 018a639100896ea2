"""All of MNIST: its data, its networks and their training.

Names are loaded when first used: a form can be drawn from the config before torch is there.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlcore.mnist import insight
    from mlcore.mnist.config import MNISTConfig
    from mlcore.mnist.data.digits import Digits, load
    from mlcore.mnist.models import build_model, load_weights
    from mlcore.mnist.runtime import threads_for
    from mlcore.mnist.summary import LayerShape, ledger

_HOMES = {
    "Digits": "data",
    "LayerShape": "shapes",
    "MNISTConfig": "config",
    "build_model": "models",
    "ledger": "shapes",
    "load": "data",
    "load_weights": "models",
    "threads_for": "threads",
}

__all__ = [
    "Digits",
    "LayerShape",
    "MNISTConfig",
    "build_model",
    "insight",
    "ledger",
    "load",
    "load_weights",
    "threads_for",
]


def __getattr__(name: str) -> Any:
    if name == "insight":
        return importlib.import_module("mlcore.mnist.insight")
    if name in _HOMES:
        return getattr(importlib.import_module(f"mlcore.mnist.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'mlcore.mnist' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES, "insight"})
