"""What torch's own errors mean: its text, the reason, and the mend."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Refusal:
    """A setting that torch refuses.

    Attributes:
        said: torch's own text, its first line.
        meaning: Why it refuses.
        mend: What to change.
    """

    said: str
    meaning: str
    mend: str


_KNOWN: Final[tuple[tuple[str, str, str], ...]] = (
    (
        r"Expected more than 1 value per channel when training, got input size \[",
        "GroupNorm would take its variance over a single value, which says nothing. PyTorch's text "
        "speaks of training, but GroupNorm refuses this in eval mode too.",
        "Give more channels in a group or more pixels.",
    ),
    (
        r"Expected more than 1 value per channel",
        "In train mode the variance of each channel is taken over N·H·W values. Of a single value "
        "it is 0 and says nothing, and the output would be β whatever came in.",
        "Give more samples or more pixels, switch to eval (running statistics are used then), or "
        "take LayerNorm or GroupNorm, which do not look at other samples.",
    ),
    (
        r"Expected more than 1 spatial element",
        "InstanceNorm takes mean and variance over the pixels of one channel of one sample. Of a "
        "single pixel the variance is 0, and the output would be β whatever came in.",
        "Give images of more than one pixel, or take LayerNorm, which averages over channels too.",
    ),
    (
        r"num_channels \(\d+\) must be divisible by num_groups",
        "GroupNorm cuts the channels into groups of equal size, so the groups must divide them.",
        "Choose a number of groups that divides the channels: 1 (as LayerNorm) and C (as "
        "InstanceNorm) always do.",
    ),
    (
        r"eps must be positive",
        "ε keeps the division defined where a variance is 0, and BatchNorm insists on it in train "
        "mode.",
        "Take an ε above 0, such as 1e-5.",
    ),
    (
        r"(in|out)_channels must be divisible by groups",
        "A grouped convolution splits input and output channels into the same number of equal "
        "parts, and connects each part with its own only.",
        "Choose groups that divide both the input and the output channels.",
    ),
    (
        r"Kernel size can't be greater than actual input size",
        "The kernel, spread by its dilation to d·(k − 1) + 1 pixels, is larger than the padded "
        "input, so there is no place to lay it.",
        "Take a smaller kernel or dilation, or more padding.",
    ),
    (
        r"pad should be at most half of",
        "Pooling with more padding than half its window would have windows that see nothing but "
        "padding.",
        "Take padding of at most half the pooling window.",
    ),
    (
        r"Output size is too small",
        "The pooling window is larger than the image it pools, so not one window fits.",
        "Take a smaller pooling window, or let the convolution return a larger image (smaller "
        "stride or kernel, more padding).",
    ),
    (
        r"non-positive stride|stride should be greater than zero|stride should not be zero",
        "With a stride of 0 the window would never move.",
        "Take a stride of 1 or more.",
    ),
    (
        r"dilation should be greater than zero",
        "Dilation is the distance between neighbouring taps of the kernel; at 0 they coincide.",
        "Take a dilation of 1 or more.",
    ),
    (
        r"negative padding is not supported",
        "Padding adds pixels around the image and cannot take any away.",
        "Take a padding of 0 or more.",
    ),
)


def explain(error: ValueError | RuntimeError) -> Refusal | None:
    """Read one of torch's errors; None where it is not one that settings of a layer bring about."""
    said = str(error).strip().splitlines()[0] if str(error).strip() else ""
    for pattern, meaning, mend in _KNOWN:
        if re.search(pattern, said):
            return Refusal(said, meaning, mend)
    return None
