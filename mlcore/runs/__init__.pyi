from . import export as export
from . import imports as imports
from .analysis.comparison import Comparison as Comparison
from .analysis.comparison import compare as compare
from .analysis.contrasts import Contrast as Contrast
from .analysis.fold_comparison import FoldComparison as FoldComparison
from .analysis.fold_comparison import compare_folds as compare_folds
from .analysis.fold_scores import CrossValidation as CrossValidation
from .analysis.importances import Importance as Importance
from .analysis.importances import importance as importance
from .analysis.seed_groups import SeedGroup as SeedGroup
from .analysis.seed_groups import queue_more_seeds as queue_more_seeds
from .api import (
    get_run as get_run,
)
from .api import (
    run as run,
)
from .api import (
    search_runs as search_runs,
)
from .api import (
    submit as submit,
)
from .api import (
    train as train,
)
from .cross_validation import cross_validate as cross_validate
from .execution.supervisor import tend as tend
from .logged.active_run import ActiveRun as ActiveRun
from .logged.media import Figure as Figure
from .logged.media import Histogram as Histogram
from .logged.media import Image as Image
from .logged.media import Table as Table
from .logged.start import start_run as start_run
from .recorded_run import Run as Run
from .status import Status as Status
from .store.run_table import run_table as run_table
from .store.store import Store as Store
from .store.store import open_store as open_store
