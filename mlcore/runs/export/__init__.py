"""Takes runs elsewhere: tables, TensorBoard's event files, MLflow, and a zip to bring them back."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
