from .activations import (
    Activated as Activated,
)
from .activations import (
    Chained as Chained,
)
from .activations import (
    UnitActivity as UnitActivity,
)
from .activations import (
    activate as activate,
)
from .activations import (
    chain as chain,
)
from .activations import (
    unit_activity as unit_activity,
)
from .convolution import (
    Convolved as Convolved,
)
from .convolution import (
    Window as Window,
)
from .convolution import (
    convolve as convolve,
)
from .convolution import (
    output_size as output_size,
)
from .convolution import (
    receptive_field as receptive_field,
)
from .convolution import (
    window_of as window_of,
)
from .convolution_backward import (
    ConvolvedGradient as ConvolvedGradient,
)
from .convolution_backward import (
    convolve_backward as convolve_backward,
)
from .influence import Influence as Influence
from .influence import perturb as perturb
from .initialization import Propagated as Propagated
from .initialization import propagate as propagate
from .losses import (
    LogitLoss as LogitLoss,
)
from .losses import (
    Softmaxed as Softmaxed,
)
from .losses import (
    logit_loss as logit_loss,
)
from .losses import (
    softmax as softmax,
)
from .norm_identities import (
    Identity as Identity,
)
from .norm_identities import (
    Keeps as Keeps,
)
from .norm_identities import (
    identities as identities,
)
from .norm_identities import (
    keeps as keeps,
)
from .norm_parts import build_norm as build_norm
from .norm_parts import shared_cells as shared_cells
from .normalization import Normalized as Normalized
from .normalization import normalize as normalize
from .normalization_backward import (
    NormalizedGradient as NormalizedGradient,
)
from .normalization_backward import (
    normalize_backward as normalize_backward,
)
from .pooling import Pooled as Pooled
from .pooling import pool as pool
from .refusals import Refusal as Refusal
from .refusals import explain as explain
from .running import RunningTrace as RunningTrace
from .running import running_statistics as running_statistics
from .schemes import (
    draw_weight as draw_weight,
)
from .schemes import (
    initialize as initialize,
)
from .schemes import (
    weight_variance as weight_variance,
)
from .signal_theory import SignalTheory as SignalTheory
from .signal_theory import signal_theory as signal_theory
from .statistics import (
    LayerStatistics as LayerStatistics,
)
from .statistics import (
    activation_statistics as activation_statistics,
)
