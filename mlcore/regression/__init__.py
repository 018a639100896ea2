"""Regression by gradient descent: data, descent, its theory, and optimizer races on surfaces.

Names are loaded when first used: a form can be drawn from the config before torch is there.
"""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
