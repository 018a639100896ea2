"""Several networks of one shape as one: each parameter is a stack, one slice a member."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from mlcore.mnist.fast_layers import product
from mlcore.mnist.products import Library
from mlcore.mnist.runtime import Precision
from mlcore.mnist.steps.flat import Layout

Masks = Mapping[str, Tensor]
"""Dropout masks by layer, already scaled by 1 / (1 − p); they broadcast to ``[K, B, width]``."""


class StackedNetwork:
    """K multilayer perceptrons of one shape that are computed together.

    Args:
        models: Their layers and first weights.
        device: Where.
        dtype: Of the weights.
        precision: ``bfloat16``, or ``float32`` for products in the weights' own type.
        libraries: Which multiplies the first layers forward, and which backward.

    Attributes:
        precision: In which they multiply.
        layers: By name, those of one of them.
        vector: All parameters, in the order of ``Module.parameters()``, each a stack.
        layout: Of the vector.
        parameters: Name → stack ``[K, *shape]``, a view of the vector.
        buffers: Running statistics, likewise, but of their own memory.
    """

    def __init__(
        self,
        models: Sequence[nn.Sequential],
        device: torch.device,
        dtype: torch.dtype,
        precision: Precision,
        libraries: tuple[Library, Library],
    ) -> None:
        self.precision, self._libraries = precision, libraries
        self.layers = dict(models[0].named_children())
        states = [model.state_dict() for model in models]
        stacks = {
            name: torch.stack([state[name] for state in states]).to(device) for name in states[0]
        }
        names = [name for name, _ in models[0].named_parameters()]
        self._lay({name: stacks.pop(name).to(dtype) for name in names})
        self.buffers = {
            name: stack.to(dtype) if stack.is_floating_point() else stack
            for name, stack in stacks.items()
        }

    def _lay(self, stacks: Mapping[str, Tensor]) -> None:
        """Take stacks as the parameters."""
        self.layout = Layout([stack.shape for stack in stacks.values()])
        first = next(iter(stacks.values()))
        self.vector = first.new_zeros(self.layout.size)
        views = self.layout.views(self.vector)
        for view, stack in zip(views, stacks.values(), strict=True):
            view.copy_(stack)
        self.parameters = {
            name: view.requires_grad_() for name, view in zip(stacks, views, strict=True)
        }

    @property
    def members(self) -> int:
        """How many networks, K."""
        return len(next(iter(self.parameters.values())))

    @property
    def dropouts(self) -> dict[str, float]:
        """Name of each dropout layer, in order, with its probability."""
        layers = self.layers.items()
        return {name: layer.p for name, layer in layers if isinstance(layer, nn.Dropout)}

    def outputs(self, x: Tensor, masks: Masks | None, *, learning: bool) -> Tensor:
        """The raw outputs of all members.

        Args:
            x: Pixels ``[B, 784]`` for all members alike, or ``[K, B, 784]`` of their own.
            masks: For every dropout layer while learning; None to leave them out.
            learning: Whether batch normalization uses the batch (and notes it) or what it noted.

        Returns:
            ``[K, B, classes]``, in the weights' type.
        """
        if self.precision == "float32":
            return self._outputs(x, masks, learning)
        with torch.autocast(x.device.type, dtype=torch.bfloat16):
            return self._outputs(x, masks, learning).float()

    def _outputs(self, x: Tensor, masks: Masks | None, learning: bool) -> Tensor:
        for name, layer in self.layers.items():
            match layer:
                case nn.Flatten():
                    pass
                case nn.Linear():
                    x = self._linear(name, x)
                case nn.Dropout():
                    x = x if masks is None else x * masks[name]
                case nn.BatchNorm1d() | nn.GroupNorm() | nn.LayerNorm() | nn.RMSNorm():
                    x = self._normalized(name, layer, x, learning)
                case _:
                    x = layer(x)
        return x

    def state(self, member: int) -> dict[str, Tensor]:
        """One member's ``state_dict``, its tensors views of the stacks."""
        stacks = {**self.parameters, **self.buffers}
        return {name: stack[member] for name, stack in stacks.items()}

    def keep(self, members: Sequence[int]) -> None:
        """Reduce to these members, in this order."""
        chosen = torch.tensor(members, device=next(iter(self.parameters.values())).device)
        self._lay({name: stack.detach()[chosen] for name, stack in self.parameters.items()})
        for name, stack in self.buffers.items():
            self.buffers[name] = stack[chosen]

    def _linear(self, name: str, x: Tensor) -> Tensor:
        weight, bias = self.parameters[f"{name}.weight"], self.parameters[f"{name}.bias"]
        members, width, inputs = weight.shape
        if x.ndim == 3:
            return torch.baddbmm(bias[:, None], x, weight.transpose(1, 2))
        # one input for all: all their products are one product
        whole = product(x, weight.view(members * width, inputs), bias.view(-1), self._libraries)
        return whole.view(len(x), members, width).transpose(0, 1)

    def _normalized(self, name: str, layer: nn.Module, x: Tensor, learning: bool) -> Tensor:
        members, batch, width = x.shape
        match layer:
            case nn.BatchNorm1d():
                flat = x.transpose(0, 1).reshape(batch, members * width)
                if learning:
                    self.buffers[f"{name}.num_batches_tracked"] += 1
                flat = functional.batch_norm(
                    flat,
                    self.buffers[f"{name}.running_mean"].view(-1),
                    self.buffers[f"{name}.running_var"].view(-1),
                    training=learning,
                    momentum=layer.momentum or 0.0,
                    eps=layer.eps,
                )
                x = flat.view(batch, members, width).transpose(0, 1)
            case nn.GroupNorm():
                rows = x.reshape(members * batch, width)
                x = functional.group_norm(rows, layer.num_groups, eps=layer.eps).view_as(x)
            case nn.LayerNorm():
                x = functional.layer_norm(x, (width,), eps=layer.eps)
            case nn.RMSNorm():
                x = functional.rms_norm(x, (width,), eps=layer.eps)
        x = x * self.parameters[f"{name}.weight"][:, None]
        bias = self.parameters.get(f"{name}.bias")
        return x if bias is None else x + bias[:, None]
