"""Where a run computes and with how many bits: a config's wishes against this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch

from mlcore.core import ConfigError

if TYPE_CHECKING:
    from mlcore.mnist.config import MNISTConfig

Precision = Literal["float32", "bfloat16"]


def device_for(config: MNISTConfig) -> torch.device:
    """The device a run computes on.

    Raises:
        ConfigError: If the config asks for a device that this machine lacks.
    """
    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if config.device == "auto":
        return torch.device(next(name for name, here in there.items() if here))
    if not there[config.device]:
        usable = ", ".join(["auto", *(name for name, here in there.items() if here)])
        raise ConfigError(
            {
                "device": f"device is {config.device}, but torch finds none on this machine: "
                f"give one of {usable}."
            }
        )
    return torch.device(config.device)


def precision_for(config: MNISTConfig, device: torch.device) -> Precision:
    """The precision in which a run multiplies on a device.

    Raises:
        ConfigError: If the config asks for bfloat16 and the hardware would only imitate it.
    """
    if config.precision == "float32":
        return "float32"
    if _has_bfloat16(device):
        return "bfloat16"
    if config.precision == "auto":
        return "float32"
    raise ConfigError(
        {
            "precision": f"precision is bfloat16, but this machine's {device.type} does not "
            "multiply in it: give float32 or auto."
        }
    )


def _has_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        able = torch.cpu.get_capabilities()
        return any(able.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))
    return False
