"""Automatic differentiation made visible: programs, PyTorch's autograd graphs, and gradients.

    >>> from mlcore import autograd
    >>> print(autograd.trace("z = w*x + b", {"w": 2.0, "x": 3.0, "b": 1.0}).grads)
    {'w': 3.0, 'x': 2.0, 'b': 1.0}

- ``trace`` runs a program forward and backward with PyTorch. Its ``Trace`` holds the ``Graph`` that
  autograd built (``Node``, ``Edge``), a ``TensorRow`` for each tensor, and the gradients.
- ``parse`` reads a program without running it (``Program``); ``parse_leaf`` reads the value of a
  leaf (``Leaf``).
- ``ProgramError``: the program cannot be read. ``TensorError``: PyTorch refuses an operation.
  ``BackwardError``: it refuses ``backward``.
"""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
