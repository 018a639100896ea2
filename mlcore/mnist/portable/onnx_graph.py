"""A network of ``build_model`` as an ONNX graph, made of operators that all runtimes know.

Operator set 17 (https://onnx.ai/onnx/operators). Group and RMS normalization, GELU and SiLU came
later or differ between versions, so they are written out by their formulas.

The logits are torch's to 1e-5. Where group normalization divides by the deviation of two or three
values only, float32 itself is less exact than that: torch and ONNX are then equally far from the
result in float64, up to 2e-4.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from mlcore.core import InputError

if TYPE_CHECKING:
    import onnx

OPSET: Final = 17
IR_VERSION: Final = 8
"""The version of the file format that came with the operator set: older runtimes read it too."""


def onnx_model(
    model: nn.Sequential, example: Tensor, *, mean: float, std: float
) -> onnx.ModelProto:
    """The network with its weights and its normalization: ``pixels`` → ``logits``.

    ``pixels`` is float32 ``[N, side, side]`` in 0 (background) to 1, ``logits`` is
    ``[N, classes]``; N is free.

    Args:
        model: A chain of torch's own layers, in eval mode on the CPU.
        example: One image as it takes them, float32 ``[1, side, side]``.
        mean: Mean of the training pixels, as a fraction of 255.
        std: Their standard deviation.

    Raises:
        InputError: If a layer is of a kind that no ``MNISTConfig`` makes.
        ImportError: If onnx is not installed.
    """
    from onnx import TensorProto, checker, helper

    graph = _Graph()
    graph.add("Sub", "pixels", graph.constant(np.float32(mean)))
    graph.add("Div", graph.last, graph.constant(np.float32(std)))
    with torch.no_grad():
        x = example
        for name, layer in model.named_children():
            _put_layer(graph, name, layer, tuple(x.shape))
            x = layer(x)
    graph.nodes.append(helper.make_node("Identity", [graph.last], ["logits"]))
    sides = list(example.shape[1:])
    made = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "network",
            [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["N", *sides])],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", x.shape[1]])],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="mlcore",
    )
    checker.check_model(made, full_check=True)
    return made


class _Graph:
    """Nodes and constants, each with a name of its own.

    Attributes:
        nodes: In the order in which they compute.
        constants: Weights and other fixed tensors.
        last: Name of the last node's output.
    """

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.last = "pixels"

    def constant(self, values: Any, name: str = "") -> str:
        """Add a fixed tensor."""
        from onnx import numpy_helper

        name = name or f"constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add a node; its output is ``last``."""
        from onnx import helper

        self.last = f"{kind.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [self.last], **attributes))
        return self.last

    def chain(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add a node whose first input is ``last``."""
        return self.add(kind, self.last, *inputs, **attributes)


def _put_layer(graph: _Graph, name: str, layer: nn.Module, given: tuple[int, ...]) -> None:
    def weight(of: str) -> str:
        return graph.constant(layer.state_dict()[of].numpy(), f"{name}.{of}")

    match layer:
        case nn.Flatten():
            graph.chain("Flatten", axis=1)
        case nn.Unflatten():
            shape = np.array([0, *layer.unflattened_size, *given[2:]], dtype=np.int64)
            graph.chain("Reshape", graph.constant(shape))
        case nn.Linear():
            graph.chain("Gemm", weight("weight"), weight("bias"), transB=1)
        case nn.Conv2d():
            graph.chain("Conv", weight("weight"), weight("bias"), strides=list(layer.stride))
        case nn.MaxPool2d():
            side = layer.kernel_size
            sides = [side, side] if isinstance(side, int) else list(side)
            graph.chain("MaxPool", kernel_shape=sides, strides=sides)
        case nn.BatchNorm1d() | nn.BatchNorm2d():
            parts = ("weight", "bias", "running_mean", "running_var")
            graph.chain("BatchNormalization", *map(weight, parts), epsilon=layer.eps)
        case nn.LayerNorm():
            graph.chain(
                "LayerNormalization", weight("weight"), weight("bias"), axis=-1, epsilon=layer.eps
            )
        case nn.GroupNorm() | nn.InstanceNorm2d():
            _group_norm(graph, layer, weight("weight"), weight("bias"), given)
        case nn.RMSNorm():
            _rms_norm(graph, layer, weight("weight"))
        case nn.GELU():
            _gelu(graph)
        case nn.SiLU():
            x = graph.last
            graph.chain("Sigmoid")
            graph.chain("Mul", x)
        case nn.LeakyReLU():
            graph.chain("LeakyRelu", alpha=layer.negative_slope)
        case nn.ReLU():
            graph.chain("Relu")
        case nn.Tanh() | nn.Sigmoid():
            graph.chain(type(layer).__name__)
        case nn.Identity() | nn.Dropout():
            return  # at rest they hand on what they are given
        case _:
            raise InputError(
                f"The layer {name} is a {type(layer).__name__}, which cannot be written as ONNX; "
                "those of MNISTConfig can."
            )


def _group_norm(
    graph: _Graph,
    layer: nn.GroupNorm | nn.InstanceNorm2d,
    weight: str,
    bias: str,
    given: tuple[int, ...],
) -> None:
    """Compute (x − mean) / √(variance + ε) of each group, then scale and shift each channel.

    Not by InstanceNormalization: onnxruntime's loses digits where a group's variance is small.
    """
    channels = given[1]
    groups = layer.num_groups if isinstance(layer, nn.GroupNorm) else channels
    graph.chain("Reshape", graph.constant(np.array([0, groups, -1], dtype=np.int64)))
    x = graph.last
    graph.chain("ReduceMean", axes=[2], keepdims=1)
    centred = graph.add("Sub", x, graph.last)
    graph.chain("Mul", centred)
    graph.chain("ReduceMean", axes=[2], keepdims=1)
    graph.chain("Add", graph.constant(np.float32(layer.eps)))
    deviation = graph.chain("Sqrt")
    graph.add("Div", centred, deviation)
    x = graph.chain("Reshape", graph.constant(np.array([0, *given[1:]], dtype=np.int64)))
    channel = np.array([channels, *(1 for _ in given[2:])], dtype=np.int64)
    scale = graph.add("Reshape", weight, graph.constant(channel))
    shift = graph.add("Reshape", bias, graph.constant(channel))
    graph.add("Mul", x, scale)
    graph.chain("Add", shift)


def _rms_norm(graph: _Graph, layer: nn.RMSNorm, weight: str) -> None:
    """Compute x / √(mean(x²) + ε) · weight, the mean over the normalized shape."""
    x = graph.last
    axes = [-1 - axis for axis in range(len(layer.normalized_shape))]
    eps = torch.finfo(torch.float32).eps if layer.eps is None else layer.eps
    graph.chain("Mul", x)
    graph.chain("ReduceMean", axes=axes, keepdims=1)
    graph.chain("Add", graph.constant(np.float32(eps)))
    root = graph.chain("Sqrt")
    graph.add("Div", x, root)
    graph.chain("Mul", weight)


def _gelu(graph: _Graph) -> None:
    """Compute x/2 · (1 + erf(x / √2))."""
    x = graph.last
    graph.chain("Mul", graph.constant(np.float32(1 / math.sqrt(2))))
    graph.chain("Erf")
    graph.chain("Add", graph.constant(np.float32(1.0)))
    graph.chain("Mul", x)
    graph.chain("Mul", graph.constant(np.float32(0.5)))
