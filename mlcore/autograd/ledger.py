"""The ledger of ``.grad``: what each ``backward()`` adds, and PyTorch's exception if one fails.

Every call is really made on real tensors. What a call added is read from ``.grad`` before and
after it; what ``.grad`` would be had it been zeroed comes from a second, separate simulation.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import torch

from mlcore.autograd.backward_options import MAX_CALLS, BackwardOptions
from mlcore.autograd.errors import ProgramError
from mlcore.autograd.evaluate import Run, evaluate
from mlcore.autograd.explain import Failure, failure
from mlcore.autograd.inputs import Leaf, Nested
from mlcore.autograd.program import Program
from mlcore.autograd.records import nested
from mlcore.autograd.tracing import leaf_tensors

if TYPE_CHECKING:
    import pandas as pd

_ONE_AT_A_TIME: Final = threading.Lock()  # warnings.catch_warnings changes the whole process


@dataclass(frozen=True, slots=True)
class Entry:
    """The effect of one call on one tensor's ``.grad``.

    Attributes:
        call: Its number, from 1.
        what: The call as written, such as ``z.backward()``.
        tensor: Name of the leaf, or of the result that retains its gradient.
        before: ``.grad`` just before the call, after any zeroing; None if there was none.
        added: ``.grad`` after the call less that before it.
        after: ``.grad`` after the call: the running sum.
        if_zeroed: What it would be had ``.grad`` been zeroed before every call; None where the
            simulation with zeroing stopped earlier.
    """

    call: int
    what: str
    tensor: str
    before: Nested | None
    added: Nested | None
    after: Nested | None
    if_zeroed: Nested | None


@dataclass(frozen=True, slots=True)
class Ledger:
    """The entries up to the end or to the call that failed.

    Attributes:
        entries: A row for each call and tensor.
        failure: PyTorch's exception with its meaning, or None.
    """

    entries: tuple[Entry, ...]
    failure: Failure | None

    def to_frame(self) -> pd.DataFrame:
        """The entries as a table."""
        import pandas as pd

        columns = ["call", "what", "tensor", "before", "added", "after", "if_zeroed"]
        rows = [[getattr(entry, column) for column in columns] for entry in self.entries]
        return pd.DataFrame(rows, columns=columns, dtype=object)


def ledger(
    program: Program, leaves: Mapping[str, Leaf], backward_options: BackwardOptions
) -> Ledger:
    """Call ``backward()`` as the options say, and record the effect of each call.

    Raises:
        ProgramError: If a switch names no tensor of the program.
        TensorError: If PyTorch refuses the forward pass.
    """
    _check(program, leaves, backward_options)
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        # backward(create_graph=True) warns of a reference cycle; the simulation drops its tensors
        warnings.filterwarnings("ignore", message="Using backward\\(\\) with create_graph=True")
        rows, failed = _Simulation(program, leaves, backward_options).run()
        zeroed, _ = _Simulation(program, leaves, replace(backward_options, zero_grad=True)).run()
    instead = {(row.call, row.tensor): row.after for row in zeroed}
    entries = (replace(row, if_zeroed=instead.get((row.call, row.tensor))) for row in rows)
    return Ledger(tuple(entries), failed)


def _check(program: Program, leaves: Mapping[str, Leaf], backward_options: BackwardOptions) -> None:
    if not 1 <= backward_options.calls <= MAX_CALLS:
        raise ProgramError(f"calls is {backward_options.calls}; it must be from 1 to {MAX_CALLS}.")
    results = [name for name, _ in program.names if name != program.output_name]
    allowed = {
        "detach": [*leaves, *results],
        "edit": [*leaves, *results, program.output_name],
        "retain_grad": [*results, program.output_name],
        "then_by": [name for name, given in leaves.items() if given.requires_grad],
    }
    for switch, names in allowed.items():
        name = getattr(backward_options, switch)
        if name and name not in names:
            raise ProgramError(
                f"{switch} names {name}; it must be one of {', '.join(names) or 'none'}."
            )


class _Simulation:
    def __init__(
        self, program: Program, leaves: Mapping[str, Leaf], backward_options: BackwardOptions
    ) -> None:
        self.program = program
        self.backward_options = backward_options
        self.leaves = leaf_tensors(program, leaves)
        self.named: dict[str, torch.Tensor] = {}
        self.during = ""
        self.entries: list[Entry] = []

    def run(self) -> tuple[list[Entry], Failure | None]:
        try:
            self._calls()
        except (RuntimeError, AttributeError) as error:
            return self.entries, failure(error, self.during)
        return self.entries, None

    def _calls(self) -> None:
        run: Run | None = None
        seed: torch.Tensor | None = None
        s = self.backward_options
        for call in range(1, s.calls + 1):
            through_gradient = call == 2 and seed is not None
            if run is None or (s.forward_again and not through_gradient):
                run = self._forward()
            watched = self._watched(run)
            if s.zero_grad:
                for tensor in watched.values():
                    tensor.grad = None
            self._edit(run)
            target = seed if through_gradient and seed is not None else run.output
            what = f"{'g' if through_gradient else self.program.output_name}.backward()"
            before = {name: _grad(tensor) for name, tensor in watched.items()}
            self.during = what
            target.backward(  # type: ignore[no-untyped-call]  # torch leaves it untyped
                retain_graph=s.retain_graph or None, create_graph=s.create_graph
            )
            self._write(call, what, watched, before)
            if call == 1 and s.then_by and s.calls > 1:
                self.during = f"{s.then_by}.grad.sum()"
                # None raises here, as it does for the learner
                seed = self.leaves[s.then_by].grad.sum()  # type: ignore[union-attr]

    def _forward(self) -> Run:
        self.named = {}
        self.during = "the forward pass"
        if self.backward_options.no_grad:
            with torch.no_grad():
                run = evaluate(self.program, self.leaves, self._replacing)
        else:
            run = evaluate(self.program, self.leaves, self._replacing)
        if self.backward_options.retain_grad:
            name = self.backward_options.retain_grad
            self.during = f"{name}.retain_grad()"
            self._tensor(run, name).retain_grad()
        return run

    def _replacing(self, name: str, tensor: torch.Tensor) -> torch.Tensor:
        self.named[name] = tensor  # the tensor itself; only its uses are detached
        return tensor.detach() if name == self.backward_options.detach else tensor

    def _tensor(self, run: Run, name: str) -> torch.Tensor:
        if name in self.leaves:
            return self.leaves[name]
        return self.named.get(name, run.output)

    def _watched(self, run: Run) -> dict[str, torch.Tensor]:
        watched = {name: t for name, t in self.leaves.items() if t.requires_grad}
        kept = self.backward_options.retain_grad
        return {**watched, kept: self._tensor(run, kept)} if kept else watched

    def _edit(self, run: Run) -> None:
        name = self.backward_options.edit
        if not name:
            return
        tensor = self._tensor(run, name)
        self.during = f"{name}.add_(1)"
        if self.backward_options.edit_no_grad:
            with torch.no_grad():
                tensor.add_(1)
        else:
            tensor.add_(1)

    def _write(
        self,
        call: int,
        what: str,
        watched: Mapping[str, torch.Tensor],
        before: Mapping[str, torch.Tensor | None],
    ) -> None:
        for name, tensor in watched.items():
            earlier, later = before[name], _grad(tensor)
            added = later if earlier is None or later is None else later - earlier
            self.entries.append(
                Entry(call, what, name, _nested(earlier), _nested(added), _nested(later), None)
            )


def _grad(tensor: torch.Tensor) -> torch.Tensor | None:
    return None if tensor.grad is None else tensor.grad.detach().clone()


def _nested(tensor: torch.Tensor | None) -> Nested | None:
    return None if tensor is None else nested(tensor)
