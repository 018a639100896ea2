"""The registry of experiments by name; config classes are imported on first use."""

import importlib
from typing import Final

from mlcore.core import Config, InputError, InputTypeError

EXPERIMENTS: Final = {
    "mnist": "mlcore.mnist.config:MNISTConfig",
    "regression": "mlcore.regression.config:RegressionConfig",
}
"""Name of each experiment → where its config class lives, as ``module:class``."""


def config_class(experiment: str) -> type[Config]:
    """The config class of an experiment.

    Args:
        experiment: A name in ``EXPERIMENTS``, or ``module:class`` for a user's experiment,
            which workers must be able to import.

    Raises:
        ValueError: If there is none of that name.
        TypeError: If what the name leads to is no subclass of ``Config``.
    """
    module, colon, name = EXPERIMENTS.get(experiment, experiment).partition(":")
    if not colon:
        raise InputError(
            f"There is no experiment {experiment!r}. There are {', '.join(EXPERIMENTS)}; one of "
            "your own is named module:class."
        )
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise InputError(
            f"The experiment {experiment!r} cannot be imported ({error}). Start in the folder of "
            "its module, or put that folder on PYTHONPATH."
        ) from error
    if not (isinstance(found, type) and issubclass(found, Config)):
        raise InputTypeError(
            f"{experiment!r} is not a subclass of mlcore.Config, so no experiment."
        )
    return found
