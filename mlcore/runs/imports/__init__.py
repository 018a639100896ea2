"""Imports runs, read-only and marked: mlcore's own exports and TensorBoard event files."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
