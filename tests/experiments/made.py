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

NESTED: Final = '''
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import BaseModel, Field

import mlcore


class Decay(BaseModel, frozen=True):
    gamma: float = Field(0.5, gt=0, le=1)
    after: int = Field(1, ge=0, le=9, description="Steps before it begins")


class Optimizer(mlcore.Config):
    lr: float = Field(0.1, gt=0, le=1, json_schema_extra={"scale": "log"})
    kind: Literal["sgd", "adam"] = "sgd"
    decay: Decay | None = Field(None, description="Lower the rate over time")


class Descent(mlcore.Config):
    """Minimizes k² / 2 from k = 8."""

    experiment: ClassVar[str] = "descent"

    steps: int = Field(2, ge=1, le=9)
    clip: float | None = Field(None, gt=0, description="Largest gradient")
    file: Path | None = None
    optimizer: Optimizer = Field(Optimizer(), description="How the weights move")
    seed: int = 0

    def train(self, snapshot: mlcore.Snapshot | None = None) -> Iterator[mlcore.Step]:
        k, rate, decay = 8.0, self.optimizer.lr, self.optimizer.decay
        for i in range(self.steps + 1):
            yield mlcore.Step(i, i, self.steps, metrics={"loss": k * k / 2})
            k -= rate * min(k, self.clip or k)
            if decay is not None and i >= decay.after:
                rate *= decay.gamma

    def metric_names(self) -> tuple[str, ...]:
        return ("loss",)


Descent.presets = {"decayed": Descent(optimizer=Optimizer(lr=0.5, decay=Decay()))}
'''
"""Source of an experiment with models within its config, and with fields that may be None."""


def write(folder: Path, text: str = HALVING, name: str = "halving") -> Path:
    """Write a module into ``experiments`` below a folder; return its file."""
    file = folder / "experiments" / f"{name}.py"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    return file
