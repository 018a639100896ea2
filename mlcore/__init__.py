"""A bench for gradient descent: experiments as frozen configs and generators of steps.

    >>> import mlcore
    >>> config = mlcore.MNISTConfig(hidden=(256, 64), loss="mse", lr=0.01)

Names are loaded when first used, so ``import mlcore`` alone stays quick.
"""

from typing import Any

import lazy_loader as lazy

from mlcore.core.hooks import on_tend

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)


@on_tend
def _advance_sweeps(store: Any) -> None:
    """Advance running sweeps; registered here since every process of ours imports this module."""
    from mlcore.sweeps.hook import advance_running

    advance_running(store)
