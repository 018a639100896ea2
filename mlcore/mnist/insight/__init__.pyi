from .adversarial import Walk as Walk
from .adversarial import walk as walk
from .attribution import (
    Attribution as Attribution,
)
from .attribution import (
    Saliency as Saliency,
)
from .attribution import (
    difference_quotients as difference_quotients,
)
from .attribution import (
    integrated_gradients as integrated_gradients,
)
from .attribution import (
    saliency as saliency,
)
from .calibration import Reliability as Reliability
from .calibration import reliability as reliability
from .layer_activations import Activation as Activation
from .layer_activations import activations as activations
from .layer_algebra import (
    Broken as Broken,
)
from .layer_algebra import (
    Row as Row,
)
from .layer_algebra import (
    algebra as algebra,
)
from .layer_algebra import (
    sum_written_out as sum_written_out,
)
from .linear_collapse import Collapsed as Collapsed
from .linear_collapse import collapse as collapse
from .mistakes import (
    Examination as Examination,
)
from .mistakes import (
    accuracy_by_class as accuracy_by_class,
)
from .mistakes import (
    confident_mistakes as confident_mistakes,
)
from .mistakes import (
    examine as examine,
)
from .mistakes import (
    wilson_interval as wilson_interval,
)
from .neighbours import Neighbours as Neighbours
from .neighbours import features as features
from .neighbours import nearest as nearest
from .occlusion_map import Occlusion as Occlusion
from .occlusion_map import occlusion as occlusion
from .own_networks import OwnNetwork as OwnNetwork
from .own_networks import output_maps as output_maps
from .own_networks import own_network as own_network
from .own_networks import weight_tiles as weight_tiles
from .paired_runs import (
    Disagreement as Disagreement,
)
from .paired_runs import (
    Pair as Pair,
)
from .paired_runs import (
    PairedDifference as PairedDifference,
)
from .paired_runs import (
    SameStart as SameStart,
)
from .paired_runs import (
    disagreement as disagreement,
)
from .paired_runs import (
    paired_accuracy as paired_accuracy,
)
from .paired_runs import (
    paired_difference as paired_difference,
)
from .paired_runs import (
    same_start as same_start,
)
from .pixels import OnPixels as OnPixels
from .pixels import on_pixels as on_pixels
from .predict import Answer as Answer
from .predict import Forward as Forward
from .predict import answer as answer
from .predict import forward as forward
from .preprocess import DrawingError as DrawingError
from .preprocess import prepare as prepare
from .projections import (
    Plane as Plane,
)
from .projections import (
    principal_plane as principal_plane,
)
from .projections import (
    umap_plane as umap_plane,
)
from .uploads import read_photo as read_photo
from .weights import (
    Matrix as Matrix,
)
from .weights import (
    feature_maps as feature_maps,
)
from .weights import (
    matrices as matrices,
)
from .weights import (
    weight_history as weight_history,
)
