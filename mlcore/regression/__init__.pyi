from .closed_form import Fit as Fit
from .closed_form import least_squares as least_squares
from .closed_form import solve as solve
from .config import RegressionConfig as RegressionConfig
from .data import (
    DataError as DataError,
)
from .data import (
    Dataset as Dataset,
)
from .data import (
    hours_scores as hours_scores,
)
from .data import (
    made as made,
)
from .descent import Descent as Descent
from .descent import Path as Path
from .descent import descend as descend
from .descent import descend_on as descend_on
from .judging import judge as judge
from .judging import verdict as verdict
from .problem import Problem as Problem
from .racing import Race as Race
from .racing import Racer as Racer
from .racing import race as race
from .rules import RULE_NAMES as RULE_NAMES
from .rules import Rule as Rule
from .surfaces import (
    Surface as Surface,
)
from .surfaces import (
    regression_surface as regression_surface,
)
from .surfaces import (
    surface as surface,
)
from .tables import (
    from_table as from_table,
)
from .tables import (
    numeric_columns as numeric_columns,
)
from .tables import (
    read_table as read_table,
)
from .tasks import TASKS as TASKS
from .tasks import Answer as Answer
from .tasks import Attempt as Attempt
from .tasks import Task as Task
from .theory import BANDS as BANDS
from .theory import Verdict as Verdict
from .train import load as load
from .train import problem_of as problem_of
from .train import rule_of as rule_of
from .tuning import Tuned as Tuned
from .tuning import tune as tune
from .validation_split import split as split
from .validation_split import validation_loss as validation_loss
