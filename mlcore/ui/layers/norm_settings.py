"""The controls of the page on normalization: the norm and the tensor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mlcore.layers.names import NORM_TITLES, Norm
from mlcore.layers.norm_parts import Shape
from mlcore.ui.common import elements, numbers, sample_digits

if TYPE_CHECKING:
    import torch

_EPSILONS: Final = (1e-12, 1e-8, 1e-5, 1e-3, 1e-2, 0.1, 1.0)
SOURCES: Final = {"digits": "MNIST digits", "random": "Random", "equal": "Equal"}
_EQUAL: Final = 0.75
"""A number that its own mean equals to the last bit, whatever the count."""


@dataclass(frozen=True, slots=True)
class TensorSettings:
    """A tensor to normalize: its shape and where its numbers come from."""

    shape: Shape
    source: str

    def tensor(self) -> torch.Tensor:
        """The numbers, float64 ``[N, C, H, W]``."""
        return _tensor(self.shape, self.source)

    def code(self) -> str:
        """Python that makes the same numbers, as ``x``."""
        n, c, h, w = self.shape
        draw = "generator=torch.Generator().manual_seed(0), dtype=torch.float64"
        if self.source == "equal":
            return f"x = torch.full({self.shape}, {_EQUAL}, dtype=torch.float64)\n"
        if self.source == "random":
            return (
                f"spread = torch.linspace(0.5, 2.0, {c}, dtype=torch.float64).view(-1, 1, 1)\n"
                f"middle = torch.linspace(-1.0, 2.0, {c}, dtype=torch.float64).view(-1, 1, 1)\n"
                f"x = middle + spread * torch.randn({self.shape}, {draw})\n"
            )
        return (
            "digits = mlcore.mnist.load()\n"
            f"images = (digits.test_images[:{n}].double() / 255 - digits.mean) / digits.std\n"
            f"filters = torch.randn(8, 1, 5, 5, {draw}) / 5\n"
            f"maps = functional.conv2d(images.unsqueeze(1), filters[:{c}], padding=2)\n"
            f"x = functional.adaptive_avg_pool2d(maps, ({h}, {w}))\n"
        )


@dataclass(frozen=True, slots=True)
class NormSettings:
    """A norm and its arguments."""

    kind: Norm
    groups: int
    eps: float
    affine: bool
    gamma: float
    beta: float
    training: bool


def norm_choice() -> Norm:
    """Choose a norm."""
    kinds: list[Norm] = list(NORM_TITLES)
    chosen: Norm = st.radio(
        "Norm",
        kinds,
        horizontal=True,
        format_func=NORM_TITLES.__getitem__,
        key="norm",
        bind="query-params",
    )
    return chosen


def norm_and_tensor_controls() -> tuple[NormSettings, TensorSettings]:
    """The norm and its own arguments; the tensor, ε, γ and β in a folded part below."""
    kind = norm_choice()
    training, groups = True, 1
    if kind == "batch":
        training = _mode_control()
    if kind == "group":
        groups = group_control()
    with more_controls():
        tensor = tensor_controls()
        eps = epsilon_control()
        affine, gamma, beta = _affine_controls(kind)
    return NormSettings(kind, groups, eps, affine, gamma, beta, training), tensor


def more_controls() -> DeltaGenerator:
    """A folded container for controls that are used less often."""
    return st.expander("Tensor shape, ε, γ and β", key="norm.more")


def _mode_control() -> bool:
    """Train or eval mode of BatchNorm; whether it is train."""
    mode = st.segmented_control(
        "Mode",
        ["train", "eval"],
        default="train",
        required=True,
        help="train divides by the batch's own statistics, eval by the running statistics. The "
        "other norms are the same in both modes.",
        key="mode",
        bind="query-params",
    )
    return mode != "eval"  # None where the URL holds an empty parameter


def _affine_controls(kind: Norm) -> tuple[bool, float, float]:
    """Whether γ and β are used, and their values; RMSNorm has no β."""
    letters = "γ" if kind == "rms" else "γ and β"
    affine = st.toggle(
        f"Affine: with {letters}",
        help="Without them the module has no parameters to train.",
        key="affine",
        bind="query-params",
    )
    gamma, beta = 1.0, 0.0
    if affine:
        with elements.compact():
            gamma = st.slider("γ", -2.0, 3.0, 1.5, 0.1, key="gamma", bind="query-params")
            if kind != "rms":
                beta = st.slider("β", -2.0, 2.0, 0.5, 0.1, key="beta", bind="query-params")
    return affine, gamma, beta


def group_control() -> int:
    """Groups of GroupNorm; numbers that do not divide the channels show PyTorch's error."""
    return st.slider(
        "Groups",
        1,
        8,
        2,
        help="Groups of GroupNorm; their number must divide the channels.",
        key="groups",
        bind="query-params",
    )


def epsilon_control() -> float:
    """Choose ε."""
    return st.select_slider(
        "ε",
        _EPSILONS,
        value=1e-5,
        format_func=numbers.power,
        help="Added to the variance (RMSNorm: the mean square), so that nothing is divided by 0.",
        key="eps",
        bind="query-params",
    )


def tensor_controls() -> TensorSettings:
    """Choose the shape and the numbers of the tensor."""
    source = st.segmented_control(
        "Numbers",
        list(SOURCES),
        default="digits",
        required=True,
        format_func=SOURCES.__getitem__,
        help="MNIST digits after a convolution with C random kernels, pooled to H × W; random "
        "numbers whose mean and spread differ between channels; or one number everywhere.",
        key="numbers",
        bind="query-params",
    )
    with elements.compact():
        n = st.slider("Samples N", 1, 6, 4, key="n", bind="query-params")
        c = st.slider("Channels C", 1, 8, 4, key="c", bind="query-params")
    with elements.compact():
        h = st.slider("Height H", 1, 6, 4, key="h", bind="query-params")
        w = st.slider("Width W", 1, 6, 4, key="w", bind="query-params")
    # None where the URL holds an empty parameter
    return TensorSettings((n, c, h, w), source or "digits")


@st.cache_resource(max_entries=128, show_spinner=False)
def _tensor(shape: Shape, source: str) -> torch.Tensor:
    import torch
    from torch.nn import functional

    n, c, h, w = shape
    generator = torch.Generator().manual_seed(0)
    if source == "equal":
        return torch.full(shape, _EQUAL, dtype=torch.float64)
    if source == "random":
        spread = torch.linspace(0.5, 2.0, c, dtype=torch.float64).view(-1, 1, 1)
        middle = torch.linspace(-1.0, 2.0, c, dtype=torch.float64).view(-1, 1, 1)
        noise = torch.randn(shape, generator=generator, dtype=torch.float64)
        return middle + spread * noise
    images, _ = sample_digits.digits(6)
    filters = torch.randn(8, 1, 5, 5, generator=generator, dtype=torch.float64) / 5
    maps = functional.conv2d(images[:n].unsqueeze(1), filters[:c], padding=2)
    return functional.adaptive_avg_pool2d(maps, (h, w))
