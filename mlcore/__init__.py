"""A bench for gradient descent: experiments as frozen configs and generators of steps.

    >>> import mlcore
    >>> config = mlcore.MNISTConfig(hidden=(256, 64), loss="mse", lr=0.01)

Names are loaded when first used, so ``import mlcore`` alone stays quick.
"""

import lazy_loader as lazy

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
