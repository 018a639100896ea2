"""The registry of experiments by name; config classes are imported on first use."""

import importlib
import importlib.util
from pathlib import Path
from typing import Final

from mlcore.core import Config, InputError, InputTypeError
from mlcore.core.source_code import code_hash, note_code_hash, root_of
from mlcore.experiments.discovery import OwnExperiment, own_experiments
from mlcore.experiments.loading import ExperimentImportError, fresh_module, import_error

__all__ = [
    "EXPERIMENTS",
    "ExperimentImportError",
    "OwnExperiment",
    "code_now",
    "config_class",
    "current",
    "load_from",
    "own",
]

EXPERIMENTS: Final = {
    "mnist": "mlcore.mnist.config:MNISTConfig",
    "regression": "mlcore.regression.config:RegressionConfig",
}
"""Name of each experiment → where its config class lives, as ``module:class``."""


def own() -> dict[str, OwnExperiment]:
    """The experiments of one's own by name; nothing of them is imported.

    See ``mlcore.experiments.discovery`` for where they are looked for.
    """
    return own_experiments(EXPERIMENTS)


def config_class(experiment: str) -> type[Config]:
    """The config class of an experiment; one of one's own as its source is now.

    Args:
        experiment: A name in ``EXPERIMENTS`` or in ``own()``, or ``module:class`` for another one
            that Python can import, workers too.

    Raises:
        ValueError: If there is none of that name, or its module cannot be imported.
        TypeError: If what the name leads to is no subclass of ``Config``.
    """
    if experiment in EXPERIMENTS:
        module, _, name = EXPERIMENTS[experiment].partition(":")
        return _checked(experiment, getattr(importlib.import_module(module), name))
    if (found := own().get(experiment)) is not None:
        if found.problem:
            raise InputError(found.problem)
        return load_from(experiment, found.module, found.class_name, found.root)
    module, colon, name = experiment.partition(":")
    if not colon:
        known = ", ".join([*EXPERIMENTS, *own()])
        raise InputError(
            f"There is no experiment {experiment!r}. There are {known}; "
            "one of your own lies in a folder experiments of the working folder, or is named "
            "module:class."
        )
    return load_from(experiment, module, name, None)


def code_now(experiment: str) -> str:
    """The code hash of an experiment of one's own as its source is now; nothing is imported.

    ``""`` for mlcore's experiments, and where the source is not found.
    """
    if experiment in EXPERIMENTS:
        return ""
    if (found := own().get(experiment)) is not None:
        return "" if found.file is None else code_hash(found.file, found.root)
    module, colon, _ = experiment.partition(":")
    try:
        file = _file_of(module, None) if colon else None
    except Exception:  # noqa: BLE001 - a package above it raised it
        return ""
    return "" if file is None else code_hash(file, root_of(module, file))


def load_from(experiment: str, module: str, name: str, root: Path | None) -> type[Config]:
    """The config class of an experiment of one's own from a module.

    Args:
        experiment: Its name.
        module: The full name of the module.
        name: The class there.
        root: The folder that the module's name starts from; None looks on Python's path.

    Raises:
        ValueError: If the module cannot be imported or has no such class.
        TypeError: If that is no subclass of ``Config``.
    """
    try:
        file = _file_of(module, root)
        if file is None:
            loaded, code = importlib.import_module(module), ""
        else:
            loaded, code = fresh_module(module, file, root or root_of(module, file))
        found = getattr(loaded, name)
    except (ImportError, AttributeError) as error:
        raise ExperimentImportError(
            f"The experiment {experiment!r} cannot be imported ({error}). Start in the folder of "
            "its module, or put that folder on PYTHONPATH.",
            import_error(experiment, error).traceback,
        ) from error
    cls = _checked(experiment, found)
    if code:
        note_code_hash(cls, code)
    return cls


def current(config: Config) -> Config:
    """The same fields as a config of the class that its source defines now.

    Raises:
        ValueError: If the class as it is now refuses them, or cannot be imported.
    """
    if config.experiment not in own():
        return config
    cls = config_class(config.experiment)
    return config if isinstance(config, cls) else cls.from_dict(config.to_dict())


def _file_of(module: str, root: Path | None) -> Path | None:
    """The source of a module; None if it has none that could be read anew."""
    if module.partition(".")[0] == "mlcore":
        return None
    if root is not None:
        here = root.joinpath(*module.split("."))
        return here / "__init__.py" if here.is_dir() else here.with_suffix(".py")
    try:
        spec = importlib.util.find_spec(module)
    except ValueError:  # a module without a spec, as a test may put into sys.modules
        return None
    origin = None if spec is None else spec.origin
    return Path(origin) if origin and origin.endswith(".py") else None


def _checked(experiment: str, found: object) -> type[Config]:
    if not (isinstance(found, type) and issubclass(found, Config)):
        raise InputTypeError(
            f"{experiment!r} is not a subclass of mlcore.Config, so no experiment."
        )
    return found
