"""Which experiments there are, by name; nothing is imported before it is asked for."""

import importlib
from typing import Final

from mlcore.core import Config

EXPERIMENTS: Final = {"mnist": "mlcore.mnist.config:MNISTConfig"}
"""Name of each experiment → where its config class lives, as ``module:class``."""


def config_class(experiment: str) -> type[Config]:
    """The config class of an experiment.

    Raises:
        ValueError: If there is none of that name.
    """
    if experiment not in EXPERIMENTS:
        raise ValueError(
            f"There is no experiment {experiment!r}; there are {', '.join(EXPERIMENTS)}."
        )
    module, name = EXPERIMENTS[experiment].split(":")
    found: type[Config] = getattr(importlib.import_module(module), name)
    return found
