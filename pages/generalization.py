"""Generalization: polynomials, double descent, a network on few images, and folds."""

from mlcore.ui import page

page.header(
    "Generalization", "Why does a model that fits its training data better do worse on new data?"
)

from mlcore.ui.common import tabs
from mlcore.ui.generalization import descent_view, few_view, fit_view, fold_view

tabs.tabs(
    {
        "Fit": fit_view.show,
        "Double descent": descent_view.show,
        "Few images": few_view.show,
        "Folds": fold_view.show,
    }
)
page.explain("The formulas", "generalization", key="gen.formulas")
