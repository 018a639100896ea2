"""The files of a network that runs without mlcore, all but the text about its training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from torch import nn

from mlcore.core import InputError
from mlcore.mnist.data.digits import load
from mlcore.mnist.portable import read_picture
from mlcore.mnist.portable.network_source import network_source
from mlcore.mnist.portable.predict_script import PREDICT

if TYPE_CHECKING:
    from mlcore.mnist.config import MNISTConfig


def network_files(config: MNISTConfig, model: nn.Module) -> dict[str, bytes]:
    """``model.py``, ``weights.safetensors``, ``predict.py`` and ``read_picture.py`` by name.

    The last is the module of this package by which ``predict_files`` reads pictures.

    Args:
        config: Of the network: its data set gives normalization and names of classes.
        model: With the trained weights, on the CPU.

    Raises:
        DataUnavailableError: If the data set, whose mean and std belong to the network, is gone.
        InputError: If it is no chain of torch's own layers.

    Example:
        >>> import mlcore
        >>> from mlcore.mnist.portable.network_files import network_files
        >>> config = mlcore.MNISTConfig(hidden=(8,))
        >>> files = network_files(config, mlcore.mnist.build_model(config))
        >>> print(*files)
        model.py weights.safetensors predict.py read_picture.py
    """
    from safetensors.torch import save

    digits = load(config.dataset, config.data_dir)
    source = network_source(
        chain_of(model),
        config.example_input(),
        classes=digits.classes,
        mean=digits.mean,
        std=digits.std,
        loss=config.loss,
    )
    weights = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    return {
        "model.py": source.encode("utf-8"),
        "weights.safetensors": save(weights),
        "predict.py": PREDICT.encode("utf-8"),
        "read_picture.py": Path(read_picture.__file__).read_bytes(),
    }


def onnx_bytes(config: MNISTConfig, model: nn.Module) -> bytes:
    """The network as an ONNX file: see ``onnx_graph.onnx_model``.

    Raises:
        DataUnavailableError: If the data set, whose mean and std belong to the network, is gone.
        ImportError: If onnx is not installed.
        InputError: If it is no chain of torch's own layers.
    """
    from mlcore.mnist.portable.onnx_graph import onnx_model

    digits = load(config.dataset, config.data_dir)
    example = config.example_input()
    made = onnx_model(chain_of(model), example, mean=digits.mean, std=digits.std)
    return cast("bytes", made.SerializeToString())


def chain_of(model: nn.Module) -> nn.Sequential:
    """The network itself, if it is a chain of layers.

    Raises:
        InputError: If it is not.
    """
    if not isinstance(model, nn.Sequential):
        raise InputError(
            f"The network is a {type(model).__name__}, but must be an nn.Sequential, as "
            "mlcore.mnist.build_model makes them."
        )
    return model.eval()
