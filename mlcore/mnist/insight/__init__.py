"""What a trained network sees, how its matrices came to be, and where it errs: pure functions.

Names are loaded when first used.
"""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
