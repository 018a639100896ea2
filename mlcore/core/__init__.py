"""Configs, steps, errors and fingerprints: the leaf on which all else stands."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
