from .config import Config as Config
from .ensemble import Ensemble as Ensemble
from .ensemble import Told as Told
from .errors import (
    ConfigError as ConfigError,
)
from .errors import (
    DataUnavailableError as DataUnavailableError,
)
from .errors import (
    DivergenceError as DivergenceError,
)
from .errors import (
    EngineError as EngineError,
)
from .errors import (
    InputError as InputError,
)
from .errors import (
    InputTypeError as InputTypeError,
)
from .errors import (
    MlcoreError as MlcoreError,
)
from .errors import (
    RunNotFoundError as RunNotFoundError,
)
from .errors import (
    RunStateError as RunStateError,
)
from .errors import (
    SnapshotError as SnapshotError,
)
from .errors import (
    StoreError as StoreError,
)
from .errors import (
    SweepNotFoundError as SweepNotFoundError,
)
from .errors import (
    SweepStateError as SweepStateError,
)
from .fields import FieldSpec as FieldSpec
from .fingerprint import canonical_json as canonical_json
from .fingerprint import fingerprint as fingerprint
from .steps import BEST_PREFIX as BEST_PREFIX
from .steps import MEASURED_METRICS as MEASURED_METRICS
from .steps import MODEL_PREFIX as MODEL_PREFIX
from .steps import Snapshot as Snapshot
from .steps import Step as Step
