"""The error of a file that is not imported."""

from mlcore.core import MlcoreError


class ImportRefusedError(MlcoreError, ValueError):
    """A file was not imported: damaged, hostile or of an unknown kind; the text says which."""
