"""Convolution: the window of the input behind each output cell, on real digits."""

from mlcore.ui import page

page.header("Convolution", "What does one cell of the output see?")

from mlcore.ui.layers import convolution_tab  # noqa: E402 - torch comes after the first paint

convolution_tab.show()
page.explain("The formulas", "convolution", key="conv.formulas")
