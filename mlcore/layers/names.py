"""Names of norms, activations, initialization schemes and poolings; imports no torch."""

from typing import Final, Literal

Norm = Literal["batch", "layer", "instance", "group", "rms"]
Activation = Literal["sigmoid", "tanh", "relu", "leaky_relu", "elu", "gelu", "silu", "softplus"]
Scheme = Literal["default", "zeros", "constant", "normal", "xavier", "kaiming", "orthogonal"]
Pooling = Literal["none", "max", "average"]

NORM_TITLES: Final[dict[Norm, str]] = {
    "batch": "BatchNorm",
    "layer": "LayerNorm",
    "instance": "InstanceNorm",
    "group": "GroupNorm",
    "rms": "RMSNorm",
}
ACTIVATION_TITLES: Final[dict[Activation, str]] = {
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
    "relu": "ReLU",
    "leaky_relu": "LeakyReLU",
    "elu": "ELU",
    "gelu": "GELU",
    "silu": "SiLU",
    "softplus": "Softplus",
}
SCHEME_TITLES: Final[dict[Scheme, str]] = {
    "default": "PyTorch's default",
    "zeros": "Zeros",
    "constant": "Constant",
    "normal": "Normal σ",
    "xavier": "Xavier",
    "kaiming": "Kaiming",
    "orthogonal": "Orthogonal",
}
SCALED_SCHEMES: Final[tuple[Scheme, ...]] = ("constant", "normal")
"""Schemes that a scale belongs to: the constant itself, or σ."""
