"""Verdicts on a derivative compared with its finite difference."""

from __future__ import annotations

from enum import StrEnum


class Verdict(StrEnum):
    """The result of comparing autograd's number with a finite difference."""

    AGREE = "agree"
    DIFFER = "differ"
    NOT_DIFFERENTIABLE = "not differentiable"
    NO_VALUE = "no finite value"
    UNCLEAR = "too inexact"

    @property
    def sentence(self) -> str:
        """The verdict's meaning in one sentence."""
        return _SENTENCES[self]


_SENTENCES = {
    Verdict.AGREE: "Autograd and the finite difference give the same number.",
    Verdict.DIFFER: "Autograd and the finite difference give different numbers: what autograd "
    "gives is not the derivative at this point.",
    Verdict.NOT_DIFFERENTIABLE: "No derivative exists at this point: the slopes to its two sides "
    "differ or grow without bound. PyTorch still returns a number, chosen by convention.",
    Verdict.NO_VALUE: "The program has no finite value at this point (it lies outside the domain, "
    "or the result is too large), so there is no derivative.",
    Verdict.UNCLEAR: "Rounding errors are too large here for finite differences to tell.",
}
