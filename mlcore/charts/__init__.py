"""Charts: each module turns a DataFrame of its domain into an Altair chart."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
