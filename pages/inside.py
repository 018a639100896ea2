"""Inside: the matrices of a trained network, where it errs, and two paired experiments."""

from mlcore.ui import page

page.header("Inside", "What did the network learn, and why does it err?")

from mlcore.ui.inside import algebra, matrices, mistakes, planes  # noqa: E402 - first paint, then load
from mlcore.ui.layers.parts import tabs  # noqa: E402

tabs(
    {
        "Matrices": matrices.show,
        "Layer by layer": algebra.show,
        "Where it errs": mistakes.show,
        "Plane": planes.show,
    }
)
