"""Leaves models, optimizers and random states bit for bit as they were."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from mlcore.core import InputError, InputTypeError

Undo = Callable[[], None]


@contextmanager
def untouched(
    *owners: nn.Module | torch.optim.Optimizer | Any, weights: bool = True
) -> Iterator[None]:
    """Restore everything on the way out, also after an exception or Ctrl-C.

    Restored bit for bit: parameters, buffers and other tensors that a module holds, in their own
    memory; ``.grad`` and ``requires_grad`` of parameters, the mode of each module, its hooks and
    its plain attributes; the state and the groups of an optimizer; the random states of torch (on
    each device), NumPy and Python. Within, ``.grad`` is None everywhere.

    Not restored: what a module changes inside a list or a dict of its own, and anything outside
    of what is given here, such as a data loader's workers.

    Args:
        owners: Modules and optimizers; other objects are passed over, but for a
            ``torch.Generator``, whose state is restored.
        weights: Whether parameters may change. If not, they are not copied, which saves their
            memory; ``.grad`` and ``requires_grad`` are restored all the same.

    Raises:
        InputError: If a parameter has no shape yet (a lazy layer before its first call).
    """
    undo = random_states()
    kept: set[int] = set()
    for owner in owners:
        if isinstance(owner, nn.Module):
            undo += _module(owner, kept, weights=weights)
        elif isinstance(owner, torch.optim.Optimizer):
            undo += _optimizer(owner, kept)
        elif isinstance(owner, torch.Generator):
            undo.append(_set_state(owner, owner.get_state()))
    try:
        yield
    finally:
        try:
            _all(undo)
        except KeyboardInterrupt:  # a second Ctrl-C, while it restores: each step may be repeated
            _all(undo)
            raise


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw from this seed in torch, NumPy and Python; with gradients; for use in ``untouched``.

    Raises:
        InputError: If the seed is no integer from 0 to below 2³².
    """
    if not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise InputError(f"seed is {seed!r}, but must be an integer from 0 to below 2³².")
    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)
    with torch.inference_mode(mode=False), torch.enable_grad():
        yield


@contextmanager
def plain_kernels(model: nn.Module) -> Iterator[None]:
    """Compute by the kernels that can be counted and differentiated twice.

    Fused recurrences (oneDNN, cuDNN), fused attention and the inference path of
    ``nn.TransformerEncoder`` hide their products and have no second derivative. The results are
    the same up to rounding.
    """
    fast: bool = torch.backends.mha.get_fastpath_enabled()
    with ExitStack() as stack:
        torch.backends.mha.set_fastpath_enabled(False)
        stack.callback(torch.backends.mha.set_fastpath_enabled, fast)
        if any(isinstance(module, nn.RNNBase) for module in model.modules()):
            # its context manager would set flags of other devices as well, and warn of them
            stack.callback(setattr, torch.backends.mkldnn, "enabled", torch.backends.mkldnn.enabled)
            setattr(torch.backends.mkldnn, "enabled", False)  # noqa: B010 - its type is its setter's
            stack.enter_context(torch.backends.cudnn.flags(enabled=False))
        yield


def check_module(model: object, name: str = "model") -> nn.Module:
    """The module, if it is one and has all its shapes.

    Raises:
        InputTypeError: If it is no ``nn.Module``.
        InputError: If a parameter or buffer has no shape yet.
    """
    if not isinstance(model, nn.Module):
        raise InputTypeError(
            f"{name} is of type {type(model).__name__}, but must be a torch.nn.Module."
        )
    for path, module in model.named_modules():
        lazy = isinstance(module, nn.modules.lazy.LazyModuleMixin)
        if lazy and module.has_uninitialized_params():
            raise InputError(
                f"The layer {path or 'itself'!r} ({type(module).__name__}) has no shape yet. Call "
                "the model once with an input, and then again this function."
            )
    return model


def _all(undo: list[Undo]) -> None:
    with torch.no_grad(), torch.inference_mode(mode=False):
        for step in undo:
            step()


def random_states() -> list[Undo]:
    """What sets the random states of torch (on each device), NumPy and Python to those of now."""
    numpy_state, python_state = np.random.get_state(), random.getstate()
    states = torch.get_rng_state()
    undo: list[Undo] = [
        lambda: torch.set_rng_state(states),
        lambda: np.random.set_state(numpy_state),
        lambda: random.setstate(python_state),
    ]
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]  # torch's own
        devices = torch.cuda.get_rng_state_all()
        undo.append(lambda: torch.cuda.set_rng_state_all(devices))
    return undo


def _set_state(generator: torch.Generator, state: Tensor) -> Undo:
    def restore() -> None:
        generator.set_state(state)

    return restore


def _module(model: nn.Module, kept: set[int], *, weights: bool) -> list[Undo]:
    undo: list[Undo] = []
    for module in model.modules():
        undo.append(_attributes(module))
        held = [*module._parameters.values(), *module._buffers.values(), *vars(module).values()]  # noqa: SLF001
        for tensor in held:
            if isinstance(tensor, Tensor) and id(tensor) not in kept:
                kept.add(id(tensor))
                if weights or not isinstance(tensor, nn.Parameter):
                    undo.append(_values(tensor))
    undo += [_gradient(parameter) for parameter in model.parameters()]
    return undo


_TABLES: Final = ("_parameters", "_buffers", "_modules")


def _attributes(module: nn.Module) -> Undo:
    """Everything that the module names: which objects, not what is in them."""
    named = dict(vars(module))
    tables = {
        name: dict(table)
        for name, table in named.items()
        if isinstance(table, dict) and (name in _TABLES or name.endswith("_hooks"))
    }

    def restore() -> None:
        vars(module).clear()
        vars(module).update(named)
        for name, content in tables.items():
            table = named[name]
            table.clear()
            table.update(content)

    return restore


def _values(tensor: Tensor) -> Undo:
    saved = tensor.detach().clone()

    def restore() -> None:
        if not _same_bits(tensor, saved):  # what was only read keeps its version, and its graphs
            tensor.detach().copy_(saved)

    return restore


def _same_bits(a: Tensor, b: Tensor) -> bool:
    if a.layout != torch.strided or a.is_meta or a.is_quantized:
        return a.is_meta
    return torch.equal(_bytes(a.detach()), _bytes(b))


def _bytes(tensor: Tensor) -> Tensor:
    """A view as integers, under which NaN is equal to itself and −0 differs from 0."""
    if not (tensor.is_floating_point() or tensor.is_complex()):
        return tensor
    real = torch.view_as_real(tensor.resolve_conj()) if tensor.is_complex() else tensor
    widths = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
    return real.view(widths[real.element_size()])


def _gradient(parameter: nn.Parameter) -> Undo:
    grad, needed = parameter.grad, parameter.requires_grad
    parameter.grad = None

    def restore() -> None:
        parameter.requires_grad_(needed)
        parameter.grad = grad  # the same tensor: nothing wrote to it in between

    return restore


def _optimizer(optimizer: torch.optim.Optimizer, kept: set[int]) -> list[Undo]:
    named = dict(vars(optimizer))
    state, groups = dict(optimizer.state), [dict(group) for group in optimizer.param_groups]
    # work on copies, so that the state itself need not be copied back
    optimizer.state.clear()
    for parameter, own in state.items():
        optimizer.state[parameter] = {name: _copied(value) for name, value in own.items()}

    def restore() -> None:
        vars(optimizer).clear()
        vars(optimizer).update(named)
        optimizer.state.clear()
        optimizer.state.update(state)
        for group, content in zip(optimizer.param_groups, groups, strict=True):
            group.clear()
            group.update(content)

    undo: list[Undo] = [restore]
    for group in groups:
        for parameter in group["params"]:
            if id(parameter) not in kept:
                kept.add(id(parameter))
                undo += [_values(parameter), _gradient(parameter)]
    return undo


def _copied(value: Any) -> Any:
    return value.detach().clone() if isinstance(value, Tensor) else copy.deepcopy(value)
