"""Widgets and views of the pages on regression and on the optimizer race."""
