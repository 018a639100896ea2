"""Random settings for the layers; each is a property's whole example."""

from dataclasses import dataclass

import torch
from hypothesis import strategies as st

from mlcore.layers.names import Norm
from mlcore.layers.norm_parts import Shape

NORMS: tuple[Norm, ...] = ("batch", "layer", "instance", "group", "rms")
seeds = st.integers(0, 2**31 - 1)


@dataclass(frozen=True)
class NormCase:
    """A norm, its settings and the tensor it meets."""

    kind: Norm
    shape: Shape
    groups: int
    eps: float
    affine: bool
    training: bool
    seed: int
    offset: float
    spread: float

    def tensor(self, salt: int = 0) -> torch.Tensor:
        """Normal numbers in the tensor's shape."""
        generator = torch.Generator().manual_seed(self.seed + salt)
        return torch.randn(self.shape, generator=generator, dtype=torch.float64)

    def x(self) -> torch.Tensor:
        """The tensor to normalize."""
        return self.offset + self.spread * self.tensor()

    def parameter(self, salt: int) -> torch.Tensor:
        """Normal numbers in the shape of γ and β."""
        _, c, h, w = self.shape
        size = (c, h, w) if self.kind in ("layer", "rms") else (c,)
        generator = torch.Generator().manual_seed(self.seed + salt)
        return torch.randn(size, generator=generator, dtype=torch.float64)


@dataclass(frozen=True)
class ConvolutionCase:
    """A convolution, its settings and the image it meets."""

    x: tuple[int, int, int, int]
    weight: tuple[int, int, int, int]
    stride: int
    padding: int
    dilation: int
    groups: int
    seed: int

    def tensor(self, shape: tuple[int, ...], salt: int) -> torch.Tensor:
        """Normal numbers in a shape."""
        generator = torch.Generator().manual_seed(self.seed + salt)
        return torch.randn(shape, generator=generator, dtype=torch.float64)


@st.composite
def norm_cases(draw: st.DrawFn) -> NormCase:
    n, c, h, w = (draw(st.integers(1, top)) for top in (5, 8, 5, 5))
    kind = draw(st.sampled_from(NORMS))
    training = draw(st.booleans())
    groups = draw(st.sampled_from([g for g in range(1, c + 1) if c % g == 0]))
    # torch refuses some variances over a single value; another test is about that.
    alone = {"batch": n * h * w, "instance": h * w, "group": n * h * w * c // groups}
    if alone.get(kind) == 1:
        h = 2
    return NormCase(
        kind=kind,
        shape=(n, c, h, w),
        groups=groups,
        eps=draw(st.sampled_from([1e-8, 1e-5, 1e-3, 0.1])),
        affine=draw(st.booleans()),
        training=training,
        seed=draw(seeds),
        offset=draw(st.floats(-10, 10)),
        spread=draw(st.sampled_from([0.01, 1.0, 30.0])),
    )


@st.composite
def convolution_cases(draw: st.DrawFn) -> ConvolutionCase:
    groups = draw(st.integers(1, 3))
    per_group, out = draw(st.integers(1, 3)), draw(st.integers(1, 3)) * groups
    k_h, k_w, dilation = (draw(st.integers(1, 3)) for _ in range(3))
    padding = draw(st.integers(0, 3))

    def side(kernel: int) -> int:
        fits = dilation * (kernel - 1) + 1 - 2 * padding
        return draw(st.integers(max(1, fits), max(1, fits) + 6))

    return ConvolutionCase(
        x=(draw(st.integers(1, 3)), groups * per_group, side(k_h), side(k_w)),
        weight=(out, per_group, k_h, k_w),
        stride=draw(st.integers(1, 3)),
        padding=padding,
        dilation=dilation,
        groups=groups,
        seed=draw(seeds),
    )
