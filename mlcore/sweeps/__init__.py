"""Sweeps: many runs over a space of settings, chosen by a grid or a sampler.

    >>> import mlcore
    >>> config = mlcore.RegressionConfig(steps=20)
    >>> sweep = mlcore.sweep(config, {"lr": [1e-5, 1e-4]})
    >>> sweep.best.config.lr
    0.0001

- ``sweep`` runs a config with many settings; ``get_sweep`` and ``list_sweeps`` find sweeps again. A
  ``Sweep`` has its best run, a table of all, importance, and stops, resumes and extends.
- Ranges: ``log_range``, ``linear_range``, ``int_range``, ``choices``, and ``when`` for those that
  count under a condition; ``as_range`` and ``parse_range`` make ranges of lists and of text,
  ``shown`` puts one into words.
- ``spec_for`` checks what is asked for (``SweepSpec``), ``start`` begins it and does not wait.
"""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
