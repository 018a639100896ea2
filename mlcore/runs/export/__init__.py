"""Exports runs: tables, TensorBoard event files, MLflow, and zips that can be imported again."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
