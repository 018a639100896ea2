"""Regression by gradient descent: data, descent, its theory, and optimizer races on surfaces.

    >>> import mlcore
    >>> x, y = [1.0, 2.0, 3.0], [3.0, 5.0, 7.0]
    >>> mlcore.regression.verdict(x, y).band(0.01)
    'smooth'

- Data: ``hours_scores`` (the course's own), ``made`` (around a known line), ``read_table``,
  ``numeric_columns`` and ``from_table`` (your file).
- Training: ``descend`` at one rate or many; ``least_squares`` in closed form; ``verdict`` on every
  rate, before training, from the curvature.
- Points held out: ``split``, and their ``validation_loss``.
- The same for a config or a problem already put together: ``load``, ``problem_of``, ``rule_of``;
  ``descend_on``, ``solve``, ``judge``.
- Optimizers on a surface: ``surface``, ``regression_surface``, ``race``, ``tune`` (the best rate of
  each).

Names are loaded when first used: a form can be drawn from the config before torch is there.
"""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
