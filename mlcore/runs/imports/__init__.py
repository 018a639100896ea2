"""Brings in runs made elsewhere, read-only and marked: zips of ours and TensorBoard event files."""

from mlcore.runs.imports.archive import import_zip
from mlcore.runs.imports.insertion import ImportRefusedError
from mlcore.runs.imports.tensorboard import import_tensorboard

__all__ = ["ImportRefusedError", "import_tensorboard", "import_zip"]
