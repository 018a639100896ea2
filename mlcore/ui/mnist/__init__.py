"""The tabs of the MNIST page."""
