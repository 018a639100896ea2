"""Extras that may not be installed, and the sentence that says how to get them."""

from __future__ import annotations

import importlib
from types import ModuleType

from mlcore.core import MlcoreError


class MissingExtraError(MlcoreError, ImportError):
    """What was asked for needs a package that is not installed; the text says which and how."""


def extra(module: str, what: str, name: str) -> ModuleType:
    """Import a module of an extra.

    Args:
        module: Name of the module.
        what: What needs it, to begin a sentence.
        name: Name of the extra of mlcore that brings it.

    Raises:
        MissingExtraError: If it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtraError(
            f"{what} needs {module.partition('.')[0]}, which is not installed. "
            f"Install it with: pip install 'mlcore[{name}]'"
        ) from error
