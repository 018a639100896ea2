"""Sweeps: many runs as one, chosen by a grid or a sampler, kept and moved on by the store."""

from mlcore.core import SweepNotFoundError, SweepStateError
from mlcore.sweeps.api import get_sweep, list_sweeps, start, sweep
from mlcore.sweeps.makers import as_range, choices, int_range, linear_range, log_range, when
from mlcore.sweeps.objectives import Objective
from mlcore.sweeps.pruning import Decision, Pruning
from mlcore.sweeps.range_format import parse_range, shown
from mlcore.sweeps.ranges import Choices, Conditional, IntRange, LinearRange, LogRange, Range
from mlcore.sweeps.recorded_sweep import Sweep
from mlcore.sweeps.results import Counts
from mlcore.sweeps.space import Space
from mlcore.sweeps.spec import SAMPLERS, SweepSpec, spec_for
from mlcore.sweeps.trials import State, Trial, TrialRun

__all__ = [
    "SAMPLERS",
    "Choices",
    "Conditional",
    "Counts",
    "Decision",
    "IntRange",
    "LinearRange",
    "LogRange",
    "Objective",
    "Pruning",
    "Range",
    "Setting",
    "Space",
    "State",
    "Sweep",
    "SweepNotFoundError",
    "SweepSpec",
    "SweepStateError",
    "TrialRun",
    "as_range",
    "choices",
    "get_sweep",
    "int_range",
    "linear_range",
    "list_sweeps",
    "log_range",
    "parse_range",
    "shown",
    "spec_for",
    "start",
    "sweep",
    "when",
]
