"""Shared by the tabs of the MNIST page: the form's key, and the chosen runs."""

from typing import Final

from mlcore.mnist.config import MNISTConfig
from mlcore.ui.run_selection import Selection

__all__ = ["CHOSEN", "FORM", "MNISTConfig"]

FORM: Final = "mnist"
CHOSEN: Final = Selection(MNISTConfig.experiment, FORM)
"""The runs that the tab *Train* shows."""
