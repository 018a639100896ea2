"""Writes experiments of one's own that train nothing, for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Final

HALVING: Final = '''
from collections.abc import Iterator
from typing import ClassVar

import mlcore


class Halving(mlcore.Config):
    """Halves a number."""

    experiment: ClassVar[str] = "halving"

    k: float = 8.0
    steps: int = 2
    seed: int = 0

    def train(self, snapshot: mlcore.Snapshot | None = None) -> Iterator[mlcore.Step]:
        for i in range(self.steps + 1):
            yield mlcore.Step(i, i, self.steps, metrics={"loss": self.k / 2**i})

    def metric_names(self) -> tuple[str, ...]:
        return ("loss",)


Halving.presets = {"large": Halving(k=64.0)}
'''
"""Source of an experiment whose loss after step i is k / 2**i."""


def write(folder: Path, text: str = HALVING, name: str = "halving") -> Path:
    """Write a module into ``experiments`` below a folder; return its file."""
    file = folder / "experiments" / f"{name}.py"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    return file
