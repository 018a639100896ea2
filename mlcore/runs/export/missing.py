"""Imports optional dependencies, with an error that says how to install them."""

from __future__ import annotations

import importlib
from types import ModuleType

from mlcore.core import MlcoreError


class MissingExtraError(MlcoreError, ImportError):
    """A package of an extra is not installed; the text says which, and how to install it."""


def extra(module: str, what: str, name: str) -> ModuleType:
    """Import a module that belongs to an extra.

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
