"""Runs that last: stored, cached by fingerprint, carried out by background workers."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
