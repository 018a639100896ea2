"""Initialization: how activations and gradients change over many layers of an untrained network."""

from mlcore.ui import page

page.header(
    "Initialization",
    "How must weights start so that signals and gradients survive many layers?",
)

from mlcore.ui.common import tabs
from mlcore.ui.layers import signal_tabs

tabs.tabs({"Signals": signal_tabs.show_signals, "Train them": signal_tabs.show_training})
page.explain("The formulas", "initialization", key="init.formulas")
