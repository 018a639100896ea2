"""Inside: the weights of a trained network, its mistakes, and two paired experiments."""

from mlcore.ui import page

page.header("Inside", "What did the network learn, and where does it make mistakes?")

from mlcore.ui.common.tabs import tabs
from mlcore.ui.inside import algebra, matrices, mistakes, projections, relu, two_losses

VIEWS = {
    "Matrices": matrices.show,
    "Layer by layer": algebra.show,
    "Where it errs": mistakes.show,
    "Plane": projections.show,
    "Two losses": two_losses.show,
    "With or without ReLU": relu.show,
}

tabs({name: page.sentences()(show) for name, show in VIEWS.items()})
