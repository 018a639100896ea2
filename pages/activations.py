"""Activations and losses: slopes, chains of layers, dead units, gradients of the logits."""

from mlcore.ui import page

page.header("Activations and losses", "What does a gradient lose on its way through a function?")

from mlcore.ui.common import tabs
from mlcore.ui.layers import activation_tabs, loss_tab

tabs.tabs(
    {
        "Functions": activation_tabs.show_functions,
        "Chain": activation_tabs.show_chain,
        "Dead units": activation_tabs.show_units,
        "Losses": loss_tab.show,
    }
)
page.explain("The formulas", "activations", key="act.formulas")
