"""A bench for gradient descent: experiments as frozen configs and generators of steps.

    >>> import mlcore
    >>> config = mlcore.MNISTConfig(hidden=(256, 64), loss="mse", lr=0.01)

Names are loaded when first used, so ``import mlcore`` alone stays quick.
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from mlcore import autograd, layers, mnist, regression
    from mlcore.core import Config, ConfigError, Snapshot, Step
    from mlcore.mnist.config import MNISTConfig
    from mlcore.regression.config import RegressionConfig
    from mlcore.runs import Run, Status, get_run, run, search_runs, submit, train

_HOMES = {
    "Config": "mlcore.core",
    "ConfigError": "mlcore.core",
    "MNISTConfig": "mlcore.mnist.config",
    "RegressionConfig": "mlcore.regression.config",
    "Run": "mlcore.runs",
    "Snapshot": "mlcore.core",
    "Status": "mlcore.runs",
    "Step": "mlcore.core",
    "get_run": "mlcore.runs",
    "run": "mlcore.runs",
    "search_runs": "mlcore.runs",
    "submit": "mlcore.runs",
    "train": "mlcore.runs",
}
_PACKAGES = ("autograd", "charts", "layers", "mnist", "regression", "runs")

__all__ = [
    "Config",
    "ConfigError",
    "MNISTConfig",
    "RegressionConfig",
    "Run",
    "Snapshot",
    "Status",
    "Step",
    "autograd",
    "get_run",
    "layers",
    "mnist",
    "regression",
    "run",
    "search_runs",
    "submit",
    "train",
]


def __getattr__(name: str) -> Any:
    if name in _PACKAGES:
        return importlib.import_module(f"mlcore.{name}")
    if name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'mlcore' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES, *_PACKAGES})
