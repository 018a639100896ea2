"""Brings in runs made elsewhere, read-only and marked: exports of ours and event files."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
