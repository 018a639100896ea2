"""Normalization, activations, losses, convolution and initialization, by torch and by formula.

Names are loaded when first used, so that a config may read ``names`` before torch is there.
"""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
