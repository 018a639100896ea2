"""Sweeps: many runs over a space of settings, chosen by a grid or a sampler."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
