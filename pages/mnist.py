"""MNIST: data, shapes, training and predictions of a real network."""

from mlcore.ui import page

page.header("MNIST", "How does a network learn to read digits, and what does it cost?")
