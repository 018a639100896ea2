"""Parts of the autograd page: its graph, its curve, its forms."""
