from .api import get_sweep as get_sweep
from .api import list_sweeps as list_sweeps
from .api import start as start
from .api import sweep as sweep
from .objectives import Objective as Objective
from .pruning import Decision as Decision
from .pruning import Pruning as Pruning
from .range_format import parse_range as parse_range
from .range_format import shown as shown
from .ranges import (
    Choices as Choices,
)
from .ranges import (
    Conditional as Conditional,
)
from .ranges import (
    IntRange as IntRange,
)
from .ranges import (
    LinearRange as LinearRange,
)
from .ranges import (
    LogRange as LogRange,
)
from .ranges import (
    Range as Range,
)
from .ranges import (
    as_range as as_range,
)
from .ranges import (
    choices as choices,
)
from .ranges import (
    int_range as int_range,
)
from .ranges import (
    linear_range as linear_range,
)
from .ranges import (
    log_range as log_range,
)
from .ranges import (
    when as when,
)
from .recorded_sweep import Sweep as Sweep
from .results import Counts as Counts
from .space import Space as Space
from .spec import SAMPLERS as SAMPLERS
from .spec import SweepSpec as SweepSpec
from .spec import spec_for as spec_for
from .trials import State as State
from .trials import Trial as Trial
from .trials import TrialRun as TrialRun
