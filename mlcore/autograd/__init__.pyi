from .errors import (
    BackwardError as BackwardError,
)
from .errors import (
    ProgramError as ProgramError,
)
from .errors import (
    TensorError as TensorError,
)
from .inputs import Leaf as Leaf
from .inputs import parse_leaf as parse_leaf
from .parser import parse as parse
from .program import Program as Program
from .records import (
    Edge as Edge,
)
from .records import (
    Graph as Graph,
)
from .records import (
    Local as Local,
)
from .records import (
    Node as Node,
)
from .records import (
    Saved as Saved,
)
from .records import (
    TensorRow as TensorRow,
)
from .tracing import Trace as Trace
from .tracing import trace as trace
