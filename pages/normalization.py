"""Normalization: which cells share a mean and a variance, and what training gains from it."""

from mlcore.ui import page

page.header("Normalization", "Which numbers share a mean and a variance, and what do you gain?")

from mlcore.ui.common import tabs
from mlcore.ui.layers import norm_compare, norm_race, norm_running, norm_spread, norm_tensor

tabs.tabs(
    {
        "Tensor": norm_tensor.show,
        "Before and after": norm_spread.show,
        "Same or not": norm_compare.show,
        "Train and eval": norm_running.show,
        "What you gain": norm_race.show,
    }
)
page.explain("The formulas", "normalization", key="norm.formulas")
