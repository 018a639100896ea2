from . import (
    autograd as autograd,
)
from . import (
    charts as charts,
)
from . import (
    generalization as generalization,
)
from . import (
    inspection as inspection,
)
from . import (
    layers as layers,
)
from . import (
    mnist as mnist,
)
from . import (
    regression as regression,
)
from . import (
    runs as runs,
)
from . import (
    sweeps as sweeps,
)
from .core import Config as Config
from .core import ConfigError as ConfigError
from .core import MlcoreError as MlcoreError
from .core import Snapshot as Snapshot
from .core import Step as Step
from .inspection import (
    activations as activations,
)
from .inspection import (
    graph as graph,
)
from .inspection import (
    lr_find as lr_find,
)
from .inspection import (
    summary as summary,
)
from .mnist.config import MNISTConfig as MNISTConfig
from .regression.config import RegressionConfig as RegressionConfig
from .runs import (
    ActiveRun as ActiveRun,
)
from .runs import (
    CrossValidation as CrossValidation,
)
from .runs import (
    Figure as Figure,
)
from .runs import (
    Histogram as Histogram,
)
from .runs import (
    Image as Image,
)
from .runs import (
    Run as Run,
)
from .runs import (
    Status as Status,
)
from .runs import (
    Table as Table,
)
from .runs import (
    compare_folds as compare_folds,
)
from .runs import (
    cross_validate as cross_validate,
)
from .runs import (
    get_run as get_run,
)
from .runs import (
    run as run,
)
from .runs import (
    search_runs as search_runs,
)
from .runs import (
    start_run as start_run,
)
from .runs import (
    submit as submit,
)
from .runs import (
    train as train,
)
from .sweeps import (
    Sweep as Sweep,
)
from .sweeps import (
    choices as choices,
)
from .sweeps import (
    get_sweep as get_sweep,
)
from .sweeps import (
    int_range as int_range,
)
from .sweeps import (
    linear_range as linear_range,
)
from .sweeps import (
    list_sweeps as list_sweeps,
)
from .sweeps import (
    log_range as log_range,
)
from .sweeps import (
    sweep as sweep,
)
from .sweeps import (
    when as when,
)

__version__: str
