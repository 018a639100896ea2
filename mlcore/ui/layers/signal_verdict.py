"""The conclusion of the page on initialization, in one sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final, Literal

KEPT: Final = 10.0
"""A spread counts as kept if the far end has at least a tenth and at most ten times of it."""

Fate = Literal["kept", "lost", "shrunk", "grown"]
_SAME: Final[dict[Fate, str]] = {
    "kept": "keeps activations and gradients within a factor of 10",
    "shrunk": "shrinks both activations and gradients",
    "grown": "lets both activations and gradients grow",
    "lost": "passes neither activations nor gradients through",
}
_FORWARD: Final[dict[Fate, str]] = {
    "kept": "keeps the activations",
    "shrunk": "shrinks the activations",
    "grown": "lets the activations grow",
    "lost": "gives every layer the same output for every image",
}
_BACKWARD: Final[dict[Fate, str]] = {
    "kept": "keeps the gradients",
    "shrunk": "shrinks the gradients",
    "grown": "lets the gradients grow",
    "lost": "sends no gradient back",
}


def fate(near: float, far: float) -> Fate:
    """How a spread changes from one end of the network to the other.

    Args:
        near: Where it started: the first layer for activations, the last for gradients.
        far: Where it arrived.
    """
    if not (math.isfinite(near) and math.isfinite(far)):
        return "grown"
    if far == 0 or near == 0:
        return "lost"
    ratio = far / near
    return "shrunk" if ratio < 1 / KEPT else "grown" if ratio > KEPT else "kept"


def conclusion(
    spreads: Mapping[str, tuple[Sequence[float], Sequence[float]]], activation: str
) -> str:
    """One Markdown sentence on which schemes preserve signals and gradients.

    Args:
        spreads: For each scheme the standard deviation of the activations and of the gradients in
            every hidden layer, the first layer first.
        activation: Title of the activation function.
    """
    depth = len(next(iter(spreads.values()))[0])
    if depth == 1:
        return (
            "**With a single hidden layer nothing can shrink or grow:** choose more hidden layers."
        )
    told: dict[str, list[str]] = {}
    for name, (activations, gradients) in spreads.items():
        forward = fate(activations[0], activations[-1])
        backward = fate(gradients[-1], gradients[0])
        if forward == backward:
            words = _SAME[forward]
        else:
            link = "but" if "kept" in (forward, backward) else "and"
            words = f"{_FORWARD[forward]} {link} {_BACKWARD[backward]}"
        told.setdefault(words, []).append(f"**{name}**")
    best = _SAME["kept"]
    order = sorted(told, key=lambda words: words != best)
    return (
        f"Through {depth} layers of {activation}, "
        + "; ".join(f"{_listed(told[words])} {_for(told[words], words)}" for words in order)
        + "."
    )


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _for(names: Sequence[str], words: str) -> str:
    """The words with plural verbs if there are several names."""
    if len(names) == 1:
        return words
    plural = {"keeps": "keep", "shrinks": "shrink", "lets": "let", "gives": "give"}
    plural |= {"sends": "send", "passes": "pass"}
    return " ".join(plural.get(word, word) for word in words.split(" "))
