"""Follows one forward pass by module: shapes, multiply-adds, what is kept for the backward pass."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from itertools import takewhile
from types import TracebackType
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef

from mlcore.core import InputError
from mlcore.inspection.multiply_adds import MultiplyAdds

Shape = tuple[int, ...]

FAILURES: Final = (RuntimeError, ValueError, TypeError, IndexError, KeyError, AttributeError)
"""What a model raises on an input that it does not take."""


@dataclasses.dataclass(slots=True)
class Seen:
    """What a module did in the pass, the modules inside it left out.

    Attributes:
        first: Its place among all first calls; infinite if it was not called.
        calls: How often it was called.
        inputs: Shapes at the first call.
        outputs: Shapes at the first call.
        multiply_adds: Over all calls.
        activation_bytes: Over all calls, each storage once.
    """

    first: float = math.inf
    calls: int = 0
    inputs: tuple[Shape, ...] = ()
    outputs: tuple[Shape, ...] = ()
    multiply_adds: int = 0
    activation_bytes: int = 0


class Trace:
    """While it is entered, notes what each module of a model does.

    Args:
        model: The model.
        ignore: A nest of tensors whose memory is not the model's, such as its input.

    Attributes:
        seen: By the module's name, ``""`` for the model itself.
        current: Name of the innermost module that runs; after an error, that which failed.
    """

    def __init__(self, model: nn.Module, ignore: object = ()) -> None:
        self.names = {module: name for name, module in model.named_modules()}
        self.seen = {name: Seen() for name in self.names.values()}
        self._running: list[str] = []
        self._stack = ExitStack()
        known = [*model.parameters(), *model.buffers(), *tensors_in(ignore)]
        self._storages = _storages(known)  # held, so that no other takes their place in memory

    @property
    def current(self) -> str:
        """Name of the innermost module that runs."""
        return self._running[-1] if self._running else ""

    def __enter__(self) -> Trace:
        for module in self.names:
            for hook in (
                module.register_forward_pre_hook(self._begin, with_kwargs=True),
                module.register_forward_hook(self._end, with_kwargs=True),
            ):
                self._stack.callback(hook.remove)
        saved = torch.autograd.graph.saved_tensors_hooks(self._keep, lambda kept: kept)
        self._stack.enter_context(saved)
        self._stack.enter_context(MultiplyAdds(self._count))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, traceback)

    def _begin(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        name = self.names[module]
        self._running.append(name)
        seen = self.seen[name]
        if seen.calls == 0:
            seen.first = sum(other.calls > 0 for other in self.seen.values())
            seen.inputs = shapes_in((args, kwargs))
        seen.calls += 1

    def _end(self, module: nn.Module, args: Any, kwargs: Any, out: Any) -> None:  # noqa: ARG002
        seen = self.seen[self.names[module]]
        if seen.calls == 1:
            seen.outputs = shapes_in(out)
        self._running.pop()

    def _count(self, multiply_adds: int) -> None:
        self.seen[self.current].multiply_adds += multiply_adds

    def _keep(self, tensor: Tensor) -> None:
        for key, storage in _storages([tensor]).items():
            if key not in self._storages:
                self._storages[key] = storage
                self.seen[self.current].activation_bytes += storage.nbytes()


def in_order(model: nn.Module, first: Mapping[str, float]) -> list[tuple[str, nn.Module]]:
    """Each module followed by those inside it, siblings by their first call.

    Args:
        model: The model.
        first: The place of the first call, by name; infinite if there was none.
    """
    modules = dict(model.named_modules())
    place = {name: (first[name], k) for k, name in enumerate(modules)}

    def key(name: str) -> list[tuple[float, int]]:
        parts = name.split(".") if name else []
        above = (".".join(parts[: k + 1]) for k in range(len(parts)))
        return [place.get(path, (math.inf, 0)) for path in above]

    return [(name, modules[name]) for name in sorted(modules, key=key)]


def tensors_in(value: object) -> Iterator[Tensor]:
    """The tensors of a nest of tuples, lists, dicts and dataclasses, in order."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        yield from (tensor for item in value.values() for tensor in tensors_in(item))
    elif isinstance(value, (tuple, list)):
        yield from (tensor for item in value for tensor in tensors_in(item))
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = (item.name for item in dataclasses.fields(value))
        yield from (tensor for name in names for tensor in tensors_in(getattr(value, name)))


def shapes_in(value: object) -> tuple[Shape, ...]:
    """The shapes of the tensors of a nest."""
    return tuple(tuple(tensor.shape) for tensor in tensors_in(value))


def example_tensors(example_input: object) -> list[Tensor]:
    """The tensors of an example input.

    Raises:
        InputError: If there are none.
    """
    found = list(tensors_in(example_input))
    if not found:
        raise InputError(
            f"example_input is {_brief(example_input)} and holds no tensor. Give one of the shape "
            "that the model takes, with the batch first: torch.zeros(1, 3, 224, 224)."
        )
    return found


def _brief(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else "".join(takewhile(str.isprintable, text[:57])) + "…"


def refusal(layer: str, error: Exception) -> str:
    """The sentence for a model that failed on the example, in a layer or in itself (``""``)."""
    said = (str(error).strip().splitlines() or [type(error).__name__])[0]
    where = f" in the layer {layer!r}" if layer else ""
    return f"The model failed on the example input{where}: {said}"


def storages(tensors: Iterable[Tensor]) -> dict[StorageWeakRef, int]:
    """The bytes of the storages of some tensors, each once."""
    return {key: storage.nbytes() for key, storage in _storages(tensors).items()}


def _storages(tensors: Iterable[Tensor]) -> dict[StorageWeakRef, torch.UntypedStorage]:
    found: dict[StorageWeakRef, torch.UntypedStorage] = {}
    for tensor in tensors:
        dense = [tensor] if tensor.layout == torch.strided else _parts(tensor)
        for part in dense:
            storage = part.untyped_storage()
            found[StorageWeakRef(storage)] = storage  # type: ignore[no-untyped-call]  # torch's own
    return found


def _parts(tensor: Tensor) -> list[Tensor]:
    """The tensors that a sparse one consists of."""
    coalesced = tensor.detach().coalesce() if tensor.layout == torch.sparse_coo else None
    return [] if coalesced is None else [coalesced.indices(), coalesced.values()]
