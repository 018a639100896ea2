"""Explains torch's errors about layers: the meaning and what to change."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Refusal:
    """A setting that torch refuses.

    Attributes:
        said: torch's own text, its first line.
        meaning: Why it is refused.
        mend: What to change so that torch accepts it.
    """

    said: str
    meaning: str
    mend: str


_KNOWN: Final[tuple[tuple[str, str, str], ...]] = (
    (
        r"Expected more than 1 value per channel when training, got input size \[",
        "GroupNorm would take each variance over a single value, where it is always 0. PyTorch's "
        "message mentions training, but GroupNorm refuses this in eval mode too.",
        "Choose fewer groups, so that each has more channels, or more pixels. (With two samples or "
        "more PyTorch does not check this; the output is then β whatever comes in.)",
    ),
    (
        r"Expected more than 1 value per channel",
        "In train mode the variance of each channel is taken over N·H·W values. The variance of a "
        "single value is 0, so the output would be β whatever comes in.",
        "Choose more samples or more pixels, switch to eval (it uses the running statistics), or "
        "choose LayerNorm, which averages over the channels of one sample.",
    ),
    (
        r"Expected more than 1 spatial element",
        "InstanceNorm takes mean and variance over the pixels of one channel of one sample. The "
        "variance of a single pixel is 0, so the output would be β whatever comes in. Without "
        "running statistics InstanceNorm refuses this in eval mode too.",
        "Choose images of more than one pixel, or LayerNorm, which averages over channels too.",
    ),
    (
        r"num_channels \(\d+\) must be divisible by num_groups",
        "GroupNorm splits the channels into groups of equal size, so the number of groups must "
        "divide the number of channels.",
        "Choose a number of groups that divides the channels: 1 (as LayerNorm) and C (as "
        "InstanceNorm) always do.",
    ),
    (
        r"eps must be positive",
        "ε prevents a division by 0 where a variance is 0. In train mode BatchNorm requires an ε "
        "above 0.",
        "Choose an ε above 0, such as 1e-5.",
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
        "input, so it fits nowhere.",
        "Choose a smaller kernel or dilation, or more padding.",
    ),
    (
        r"pad should be at most half of",
        "With padding of more than half the pooling window, some windows would contain nothing but "
        "padding.",
        "Choose padding of at most half the pooling window.",
    ),
    (
        r"Output size is too small",
        "The pooling window is larger than its input, so not one window fits.",
        "Choose a smaller pooling window, or let the convolution return a larger image (smaller "
        "stride or kernel, more padding).",
    ),
    (
        r"non-positive stride|stride should be greater than zero|stride should not be zero",
        "With a stride of 0 the window would never move.",
        "Choose a stride of 1 or more.",
    ),
    (
        r"dilation should be greater than zero",
        "Dilation is the distance between neighbouring cells of the kernel on the image; at 0 all "
        "of them would lie on one pixel.",
        "Choose a dilation of 1 or more.",
    ),
    (
        r"negative padding is not supported",
        "Padding adds pixels around the image and cannot take any away.",
        "Choose a padding of 0 or more.",
    ),
)


def explain(error: ValueError | RuntimeError) -> Refusal | None:
    """Explain one of torch's errors; None for an error that no setting of a layer causes.

    Example:
        >>> import mlcore, torch
        >>> try:
        ...     mlcore.layers.normalize("group", torch.zeros(2, 6, 2, 2), groups=4)
        ... except ValueError as error:
        ...     print(mlcore.layers.explain(error).mend)  # doctest: +ELLIPSIS
        Choose a number of groups that divides the channels: ...
    """
    said = str(error).strip().splitlines()[0] if str(error).strip() else ""
    for pattern, meaning, mend in _KNOWN:
        if re.search(pattern, said):
            return Refusal(said, meaning, mend)
    return None
