"""Where runs are carried out: by workers on this machine, or on a Ray cluster."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
