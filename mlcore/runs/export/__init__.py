"""Exports runs: tables, event files, MLflow, zips to import again, and their networks.

    >>> import mlcore
    >>> run = mlcore.run(mlcore.RegressionConfig(steps=20))
    >>> content = mlcore.runs.export.to_csv([run])  # bytes, for a file

- ``to_zip``: everything of some runs, weights too, for ``mlcore.runs.imports``.
- ``to_csv``, ``to_json``, ``to_parquet``: the points; ``read_json`` reads them.
- ``to_tensorboard``: an event file a run. ``to_mlflow``: into an MLflow server or database.
- ``to_model_folder``, ``to_model_zip``: the trained network as plain PyTorch that runs without
  mlcore. ``to_onnx``: as ONNX. ``trained_network``: config and network of a run; ``exportable``:
  whether it has one.
- ``described``: what is known of a run, as plain values.
"""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
