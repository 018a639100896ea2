"""Over- and underfitting: polynomials on noisy points, penalties, double descent, leaks.

    >>> from mlcore.generalization import NoisyFunction, Penalty, errors_by_degree
    >>> plain = errors_by_degree(NoisyFunction())
    >>> ridge = errors_by_degree(NoisyFunction(), Penalty("ridge", 0.01))
    >>> print(plain.best, bool(plain.validation[15] > 1000 * ridge.validation[15]))
    3 True

- Data: ``true_function``; ``training_sample`` and ``validation_sample`` of a ``NoisyFunction``.
- Polynomials: ``polynomial_features`` (Legendre's), ``fit_polynomial`` by least squares, ridge or
  lasso (``Penalty``).
- Curves: ``errors_by_degree``, ``errors_by_strength``, ``learning_curve``; ``bias_variance`` takes
  the error apart, measured over many samples and in closed form.
- Double descent: ``draw_features`` (random ReLU features, ``widths_around`` the number of
  examples), ``double_descent``, ``fit_at_width``.
- Cross-validation: ``train_folds`` trains a softmax regression for each fold, without and with a
  leak.

All is computed in float64 but ``train_folds``, which takes the type of its samples. Names are
loaded when first used.
"""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
