"""Recorded runs: stored, cached by fingerprint, and trained by background workers.

    >>> import mlcore
    >>> run = mlcore.run(mlcore.RegressionConfig(steps=20))
    >>> mlcore.search_runs("regression")["status"].iloc[0]
    'finished'

- ``train`` yields steps and stores nothing. ``run`` trains here and records, ``submit`` queues for
  a background worker; both return a ``Run``, at once where the config was run before.
- ``start_run`` records a training loop that you have already (``ActiveRun``).
- ``get_run`` and ``search_runs`` find runs again; ``run_table`` has all that is known of them.
- ``compare`` puts runs beside each other (``Comparison``): seed groups, differences with intervals;
  ``importance`` says which settings matter; ``queue_more_seeds`` adds runs to a group.
- ``cross_validate`` trains a config once for each fold (``CrossValidation``); ``compare_folds``
  compares two on the same folds.
- ``open_store`` gives the store itself (``Store``); ``tend`` looks after runs and workers.
- ``mlcore.runs.export`` and ``mlcore.runs.imports`` take runs elsewhere and bring them back.
"""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
