"""The folder of the dashboard's files: ``dashboard.py``, ``pages/`` and ``.streamlit/``."""

from pathlib import Path
from typing import Final

_PACKAGE: Final = Path(__file__).parents[1]
_CARRIED: Final = _PACKAGE / "_dashboard"  # only in what pyproject.toml builds, not in a checkout

ROOT: Final = _CARRIED if _CARRIED.is_dir() else _PACKAGE.parent
"""The folder of ``dashboard.py``: inside an installed package, above it in a checkout."""
