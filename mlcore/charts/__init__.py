"""Charts: a DataFrame goes in, an Altair chart comes out; one module a domain."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
