"""The files that a loop saves with its run: weights as safetensors, and files of any kind."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlcore.core import InputError, InputTypeError, Snapshot, StoreError
from mlcore.core.snapshots import pack_snapshot
from mlcore.core.steps import MODEL_PREFIX
from mlcore.runs.execution.claims import hold, writing_to
from mlcore.runs.logged.values import brief, name_of
from mlcore.runs.store.artifacts import SAVED, WEIGHTS, Content

if TYPE_CHECKING:
    from torch import nn

    from mlcore.runs.execution.claims import Claim

MOST_BYTES: Final = 2**30
"""Bytes of one file at most: a database server takes no larger ones."""

LONGEST_FILE_NAME: Final = 120
"""Characters of a file's name at most."""


def weights(model: nn.Module | Mapping[str, Any], step: int, writer: str) -> Content:
    """A network's weights, as the recorder stores those of a run.

    Raises:
        InputTypeError: If it is neither a module nor a ``state_dict`` of tensors.
        InputError: If they are larger than ``MOST_BYTES``.
    """
    import torch
    from torch import nn

    state = model.state_dict() if isinstance(model, nn.Module) else model
    if not isinstance(state, Mapping):
        raise InputTypeError(
            f"model is {brief(model)}, but must be a torch.nn.Module or its state_dict()."
        )
    for name, tensor in state.items():
        if not isinstance(tensor, torch.Tensor):
            raise InputTypeError(
                f"{brief(name)} of the state_dict is {brief(tensor)}, but only tensors are saved. "
                "Leave it out, or keep it by run.save_file."
            )
    _check_size("The model", sum(tensor.nbytes for tensor in state.values()))
    tensors = {f"{MODEL_PREFIX}{name}": tensor for name, tensor in state.items()}
    return Content(WEIGHTS, step, pack_snapshot(Snapshot(tensors, {"step": step})), writer)


def file(path: str | Path, name: str | None, step: int, writer: str) -> Content:
    """A file of any kind.

    Raises:
        InputError: If it cannot be read, is larger than ``MOST_BYTES``, or the name is none.
    """
    source = Path(path)
    called = name_of(source.name if name is None else name)
    if len(called) > LONGEST_FILE_NAME or called in (".", "..") or not called.isprintable():
        raise InputError(
            f"The file is to be called {brief(called)}, but a name has 1 to {LONGEST_FILE_NAME} "
            "characters, all of which can be printed."
        )
    if "/" in called or "\\" in called:
        raise InputError(f"The file is to be called {brief(called)}, but a name has no slash.")
    try:
        _check_size(f"The file {source}", source.stat().st_size)
        content = source.read_bytes()
    except OSError as error:
        raise InputError(f"The file {source} cannot be read: {error.strerror or error}.") from None
    return Content(SAVED + called, step, content, writer)


def save(claim: Claim, content: Content) -> None:
    """Write a file and enter it in the store; one of the same name is replaced.

    Raises:
        ClaimLostError: If this process no longer holds the run.
        StoreError: If it cannot be written.
    """
    files = claim.run.artifacts
    try:
        files.write(content)
    except OSError as error:
        raise StoreError(
            f"A file of run {claim.run.id} cannot be written: {error}. What was written before "
            "stays; check the disk and the permissions."
        ) from error
    with writing_to(claim, durable=True) as connection:
        hold(connection, claim)
        replaced = files.enter(connection, content)
    files.remove(replaced)


def _check_size(what: str, size: int) -> None:
    if size > MOST_BYTES:
        raise InputError(
            f"{what} has {size:,} bytes, but at most {MOST_BYTES:,} are kept with a run. Save it "
            "elsewhere, and log its path in the config."
        )
