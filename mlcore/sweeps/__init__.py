"""Sweeps: many runs as one, chosen by a grid or a sampler, kept and moved on by the store."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
