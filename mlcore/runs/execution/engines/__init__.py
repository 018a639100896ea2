"""Engines that execute runs: worker processes of this machine, or a Ray cluster."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
