"""Imports runs, read-only and marked: mlcore's own exports and TensorBoard event files.

    >>> import mlcore
    >>> content = mlcore.runs.export.to_zip([mlcore.run(mlcore.RegressionConfig(steps=20))])
    >>> store = mlcore.runs.open_store()
    >>> runs = mlcore.runs.imports.import_content(store, content, "class.zip")

- ``import_path``: a file or a log folder; ``import_content``: a file given as bytes. Both look at
  the content: a zip, CSV, JSON or Parquet file of ``mlcore.runs.export``, or event files.
- ``follow``: a log folder of event files as live runs, while they are written.
- ``import_zip``, ``import_tensorboard``: one kind each.
- ``ImportRefusedError``: the file is damaged, hostile, or nothing of these.
"""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
