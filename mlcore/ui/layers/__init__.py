"""What the pages on normalization, activations, convolution and initialization are made of."""
