"""A bench for gradient descent: experiments as frozen configs and generators of steps.

    >>> import mlcore
    >>> config = mlcore.MNISTConfig(hidden=(256, 64), loss="mse", lr=0.01)

Names are loaded when first used, so ``import mlcore`` alone stays quick.
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from mlcore import autograd, layers, mnist, regression, sweeps
    from mlcore.core import Config, ConfigError, Snapshot, Step
    from mlcore.mnist.config import MNISTConfig
    from mlcore.regression.config import RegressionConfig
    from mlcore.runs import Run, Status, get_run, run, search_runs, submit, train
    from mlcore.sweeps import (
        Sweep,
        choices,
        get_sweep,
        int_range,
        linear_range,
        list_sweeps,
        log_range,
        sweep,
        when,
    )

_HOMES = {
    "Config": "mlcore.core",
    "ConfigError": "mlcore.core",
    "MNISTConfig": "mlcore.mnist.config",
    "RegressionConfig": "mlcore.regression.config",
    "Run": "mlcore.runs",
    "Snapshot": "mlcore.core",
    "Status": "mlcore.runs",
    "Step": "mlcore.core",
    "Sweep": "mlcore.sweeps",
    "choices": "mlcore.sweeps",
    "get_run": "mlcore.runs",
    "get_sweep": "mlcore.sweeps",
    "int_range": "mlcore.sweeps",
    "linear_range": "mlcore.sweeps",
    "list_sweeps": "mlcore.sweeps",
    "log_range": "mlcore.sweeps",
    "run": "mlcore.runs",
    "search_runs": "mlcore.runs",
    "submit": "mlcore.runs",
    "sweep": "mlcore.sweeps",
    "train": "mlcore.runs",
    "when": "mlcore.sweeps",
}
_PACKAGES = ("autograd", "charts", "layers", "mnist", "regression", "runs", "sweeps")

__all__ = [
    "Config",
    "ConfigError",
    "MNISTConfig",
    "RegressionConfig",
    "Run",
    "Snapshot",
    "Status",
    "Step",
    "Sweep",
    "autograd",
    "choices",
    "get_run",
    "get_sweep",
    "int_range",
    "layers",
    "linear_range",
    "list_sweeps",
    "log_range",
    "mnist",
    "regression",
    "run",
    "search_runs",
    "submit",
    "sweep",
    "sweeps",
    "train",
    "when",
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
