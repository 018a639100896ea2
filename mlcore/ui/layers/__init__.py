"""Widgets and views of the pages on normalization, activations, convolution and initialization."""
