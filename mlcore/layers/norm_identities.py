"""Measures which norms give equal outputs, on torch's modules."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mlcore.layers.differences import largest_difference
from mlcore.layers.names import Norm
from mlcore.layers.norm_parts import Shape, build_norm


@dataclass(frozen=True, slots=True)
class Identity:
    """Two norms compared on one tensor.

    Attributes:
        left: The first, as it is written in PyTorch.
        right: The second.
        max_difference: The largest |left − right| over all cells.
        equal: Whether they are the same for every tensor, by their formulas.
        why: The reason, in a sentence.
    """

    left: str
    right: str
    max_difference: float
    equal: bool
    why: str


@dataclass(frozen=True, slots=True)
class Keeps:
    """The parameters and running statistics of a norm.

    Attributes:
        kind: Which norm.
        weight: Shape of γ.
        bias: Shape of β, or None where there is none.
        running: Shape of each running statistic, or None where there are none.
        learned: How many numbers are learned in all.
    """

    kind: Norm
    weight: tuple[int, ...]
    bias: tuple[int, ...] | None
    running: tuple[int, ...] | None
    learned: int


@torch.no_grad()
def identities(x: Tensor, eps: float = 1e-5) -> tuple[Identity, ...]:
    """Compare norms of torch on a tensor.

    Args:
        x: ``[N, C, H, W]`` with at least two values in each H × W plane.
        eps: ε of every module.

    Raises:
        ValueError: torch's own, if a plane holds a single pixel.

    Example:
        >>> import mlcore, torch
        >>> x = torch.arange(32.0).reshape(2, 4, 2, 2)
        >>> for identity in mlcore.layers.identities(x)[:2]:
        ...     print(identity.left, "=", identity.right, identity.equal)
        GroupNorm(1, 4) = LayerNorm((4, 2, 2)) True
        GroupNorm(4, 4) = InstanceNorm2d(4) True
    """
    shape = _shape(x)
    _, channels, height, width = shape

    def norm(kind: Norm, groups: int = 1) -> nn.Module:
        return build_norm(kind, shape, groups=groups, eps=eps).to(x.dtype)

    volume = f"LayerNorm(({channels}, {height}, {width}))"
    one_group, all_groups = f"GroupNorm(1, {channels})", f"GroupNorm({channels}, {channels})"
    centred = x - x.mean((1, 2, 3), keepdim=True)
    one_pixel = norm("layer")
    nn.init.constant_(one_pixel.get_parameter("weight")[0, 0, 0], 2.0)
    tracking = nn.InstanceNorm2d(channels, eps, track_running_stats=True).to(x.dtype)
    batch = norm("batch")
    trained = batch(x)
    tracking(x)
    single = x[:1]
    return (
        Identity(
            one_group,
            volume,
            largest_difference((norm("group")(x), norm("layer")(x))),
            True,
            "One group holds all channels: both average over C, H and W of a sample.",
        ),
        Identity(
            all_groups,
            f"InstanceNorm2d({channels})",
            largest_difference((norm("group", channels)(x), norm("instance")(x))),
            True,
            "One group for each channel: both average over H and W.",
        ),
        Identity(
            f"BatchNorm2d({channels}), one sample",
            f"InstanceNorm2d({channels})",
            largest_difference((norm("batch")(single), norm("instance")(single))),
            True,
            "With N = 1 in train mode there is no other sample to average over.",
        ),
        Identity(
            f"RMSNorm((… {width})) of x − mean",
            volume,
            largest_difference((norm("rms")(centred), norm("layer")(x))),
            True,
            "RMSNorm subtracts no mean. Where the mean is 0, the mean square is the variance.",
        ),
        Identity(
            f"{one_group}",
            f"{volume}, γ = 2 at one pixel",
            largest_difference((norm("group")(x), one_pixel(x))),
            False,
            "GroupNorm learns one γ and β for each channel, LayerNorm for each channel and pixel.",
        ),
        Identity(
            all_groups,
            f"InstanceNorm2d({channels}, track_running_stats=True), eval",
            largest_difference((norm("group", channels)(x), tracking.eval()(x))),
            False,
            "With running statistics, eval mode does not look at the sample itself.",
        ),
        Identity(
            f"BatchNorm2d({channels}), train",
            f"BatchNorm2d({channels}), eval after one batch",
            largest_difference((trained, batch.eval()(x))),
            False,
            "After one batch the running statistics are 0.9 of their start and 0.1 of the batch.",
        ),
    )


def keeps(shape: Shape, groups: int = 1) -> tuple[Keeps, ...]:
    """The parameters and running statistics of each norm, for tensors [N, C, H, W].

    Raises:
        ValueError: torch's own, where groups do not divide the channels.

    Example:
        >>> import mlcore
        >>> for row in mlcore.layers.keeps((2, 6, 5, 5), groups=2):
        ...     print(row.kind, row.weight, row.running)
        batch (6,) (6,)
        layer (6, 5, 5) None
        instance (6,) None
        group (6,) None
        rms (6, 5, 5) None
    """
    kinds: tuple[Norm, ...] = ("batch", "layer", "instance", "group", "rms")
    return tuple(_keeps(kind, build_norm(kind, shape, groups=groups)) for kind in kinds)


def _keeps(kind: Norm, module: nn.Module) -> Keeps:
    parameters = {name: tuple(p.shape) for name, p in module.named_parameters()}
    buffers = {name: tuple(b.shape) for name, b in module.named_buffers()}
    return Keeps(
        kind,
        parameters["weight"],
        parameters.get("bias"),
        buffers.get("running_mean"),
        sum(p.numel() for p in module.parameters()),
    )


def _shape(x: Tensor) -> Shape:
    n, c, h, w = x.shape
    return n, c, h, w
