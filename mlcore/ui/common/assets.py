"""Reads the HTML, CSS and JavaScript of components."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_UI: Final = Path(__file__).parents[1]


def asset(path: str) -> str:
    """The text of a file of ``mlcore/ui``, such as ``layers/tensor.html``."""
    return (_UI / path).read_text(encoding="utf-8")
