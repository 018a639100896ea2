"""Learn and try gradient descent: experiments as frozen configs and generators of steps.

Three things to try:

    >>> import mlcore
    >>> config = mlcore.RegressionConfig(steps=20)
    >>> run = mlcore.run(config)  # trains, records; at once when it is known
    >>> points = run.metrics()  # every point: step, name, value, time
    >>> sweep = mlcore.sweep(config, {"lr": [1e-5, 1e-4]})  # many settings as one
    >>> print(run.status, sweep.best.config.lr)
    finished 0.0001

Each chapter is a package; ``help(mlcore.layers)`` and the like say what is in it:

- ``mlcore.autograd``: automatic differentiation. ``trace`` runs a program and records its graph.
- ``mlcore.regression``: lines and polynomials. ``verdict`` judges a learning rate before training,
  ``race`` lets optimizers compete.
- ``mlcore.generalization``: over- and underfitting. ``errors_by_degree`` of a polynomial, ``ridge``
  and ``lasso``, ``bias_variance``, ``double_descent``.
- ``mlcore.layers``: ``normalize``, ``activate``, ``convolve``, … by torch and again by hand.
- ``mlcore.mnist``: data and networks; ``mlcore.mnist.insight`` looks into what was trained.
- ``mlcore.runs``: every run recorded, found again and compared; ``mlcore.runs.export`` and
  ``mlcore.runs.imports`` take them elsewhere and bring them back.
- ``mlcore.sweeps``: grids, random and model-based search.
- ``mlcore.inspection``: any model of your own looked into. ``lr_find`` is the learning-rate range
  test with the curvature beside it, ``summary`` lists the layers, ``activations`` tells what is in
  them for one batch, ``graph`` is autograd's graph of one pass with its gradients.
- ``mlcore.charts``: curves as Altair charts. In a notebook runs, sweeps and comparisons show
  themselves, and draw their curves while they train.

An experiment of your own subclasses ``Config`` and yields a ``Step`` at a time; the store, sweeps
and the command line take it from there. Errors derive from ``mlcore.MlcoreError`` and say what
was given, what is allowed and what to do.

Names are loaded when first used, so ``import mlcore`` alone stays quick.
"""

from typing import Any

import lazy_loader as lazy

from mlcore.core.hooks import on_live_view, on_tend
from mlcore.notebook.hook import live_view, register

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)


@on_tend
def _advance_sweeps(store: Any) -> None:
    """Advance running sweeps; registered here since every process imports this module."""
    from mlcore.sweeps.hook import advance_running

    advance_running(store)


on_live_view(live_view)
register()
