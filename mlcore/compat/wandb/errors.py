"""Errors by the names under which W&B raises them."""

from __future__ import annotations

from mlcore.core import MlcoreError


class Error(MlcoreError):
    """The base of W&B's errors: ``wandb.Error``."""


class UsageError(Error):
    """Something was called at the wrong time."""


class CommError(Error):
    """W&B's server was not reached; never raised here."""
