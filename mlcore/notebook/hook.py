"""What ``import mlcore`` connects to a notebook; cheap to import, and it loads nothing else."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from mlcore.core.hooks import LiveView

_SHOWN: Final = (
    ("mlcore.runs.recorded_run", "Run", "show_run"),
    ("mlcore.runs.logged.active_run", "ActiveRun", "show_active_run"),
    ("mlcore.runs.analysis.comparison", "Comparison", "show_comparison"),
    ("mlcore.sweeps.recorded_sweep", "Sweep", "show_sweep"),
)
"""Module and name of each class that shows itself, and the function of ``views`` that does it."""


_MOST_IDS: Final = 100


def shell() -> Any:
    """IPython's shell if it runs in a kernel, so that a front end draws what is shown; or None."""
    if "ipykernel" not in sys.modules:
        return None
    from IPython import get_ipython

    found = get_ipython()
    return found if getattr(found, "kernel", None) is not None else None


def register() -> None:
    """Have the kernel's shell, if there is one, show mlcore's results richly."""
    found = shell()
    if found is None:
        return
    formatters = found.display_formatter
    for module, name, function in _SHOWN:
        formatters.ipython_display_formatter.for_type_by_name(module, name, _Late(function))
    for kind in (list, tuple):
        if kind not in formatters.mimebundle_formatter.type_printers:
            formatters.mimebundle_formatter.for_type(kind, _of_sequence)
            text = formatters.formatters["text/plain"]
            text.for_type(kind, partial(_text_of_sequence, text.for_type(kind)))


def live_view(read: Callable[[], Any]) -> LiveView | None:
    """A live chart in the cell that is executed; None outside of a notebook."""
    if shell() is None:
        return None
    from mlcore.notebook.live import LiveChart

    return LiveChart(read)


class _Late:
    """Calls a function of ``mlcore.notebook.views``, which is imported by the first call."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, shown: Any) -> None:
        from mlcore.notebook import views

        getattr(views, self._name)(shown)


def _of_sequence(items: Any) -> Any:
    """The bundle of a list of runs, else what IPython itself would ask for."""
    if _are_runs(items):
        from mlcore.notebook import views

        return views.show_runs(items)
    own = getattr(type(items), "_repr_mimebundle_", None)
    return None if own is None else own(items)


def _text_of_sequence(usual: Callable[..., None], items: Any, printer: Any, cycle: bool) -> None:
    """Print a list of runs by their ids, as a run's whole text is long; else as usual."""
    if _are_runs(items):
        printer.text(f"{len(items)} runs: {', '.join(one.id for one in items[:_MOST_IDS])}")
    else:
        usual(items, printer, cycle)


def _are_runs(items: Any) -> bool:
    run = getattr(sys.modules.get("mlcore.runs.recorded_run"), "Run", None)
    return run is not None and len(items) > 0 and all(isinstance(one, run) for one in items)
