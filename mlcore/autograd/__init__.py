"""Automatic differentiation made visible: programs, PyTorch's autograd graphs, and gradients."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
