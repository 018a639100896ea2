"""Layers under the glass: normalization, activations, losses, convolution, initialization.

Names are loaded when first used, so that a config may read ``names`` before torch is there.
"""
