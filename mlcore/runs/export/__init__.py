"""Exports runs: tables, TensorBoard event files, MLflow, and zips that can be imported again.

    >>> import mlcore
    >>> run = mlcore.run(mlcore.RegressionConfig(steps=20))
    >>> content = mlcore.runs.export.to_csv([run])  # bytes, for a file

- ``to_zip``: everything of some runs, weights too, for ``mlcore.runs.imports``.
- ``to_csv``, ``to_json``, ``to_parquet``: the points; ``read_json`` reads them.
- ``to_tensorboard``: an event file a run. ``to_mlflow``: into an MLflow server or database.
- ``described``: what is known of a run, as plain values.
"""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
