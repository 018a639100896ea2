"""The tasks of each chapter, without importing the chapters."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any, Final

from mlcore.course.task import Task

KEYS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "autograd": ("gradient", "constant", "accumulate", "twice", "refused"),
        "regression": ("quick", "largest", "one-step", "valley", "outliers"),
        "optimizers": ("diverge", "minima", "valley", "momentum"),
        "normalization": ("layer", "instance", "eval", "zero"),
        "activations": ("flat", "chain", "dead", "sure"),
        "convolution": ("same", "half", "dilated", "depthwise"),
        "initialization": ("survive", "vanish", "explode", "symmetry"),
        "mnist": ("train", "resume", "linear", "better"),
        "draw": ("seven", "sure", "unsure", "differ"),
        "inside": ("worst", "maps", "losses", "relu"),
        "generalization": ("best", "ridge", "peak", "remedy", "leak"),
        "runs": ("name", "best", "filter", "seeds"),
        "compare": ("seeds", "sure", "luck", "target"),
        "sweeps": ("finish", "two", "seeds", "good"),
    }
)
"""The keys of each chapter's tasks, in order; Home counts them without loading torch."""


def tasks_of(chapter: str) -> tuple[Task[Any], ...]:
    """The tasks of a chapter, in order.

    Args:
        chapter: A key of ``KEYS``.

    Raises:
        KeyError: If there is no such chapter.
    """
    if chapter not in KEYS:
        raise KeyError(f"There is no chapter {chapter!r}; they are {', '.join(KEYS)}.")
    tasks: tuple[Task[Any], ...] = import_module(f"mlcore.course.{chapter}").TASKS
    return tasks
