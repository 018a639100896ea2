"""A model of your own, looked into: learning rates, curvature, layers.

    >>> import mlcore, torch
    >>> model = torch.nn.Linear(2, 1)
    >>> batch = (torch.ones(4, 2), torch.zeros(4, 1))
    >>> found = mlcore.lr_find(model, torch.nn.functional.mse_loss, [batch])
    >>> print(len(found.table().columns), found.optimizer)
    4 SGD

- ``lr_find``: the learning-rate range test, with 2/λ beside it.
- ``summary``: shapes, parameters, multiply-adds and memory of each layer.
- ``activations``: mean, spread, zeros, saturation and gradients of each layer for one batch.
- ``graph``: autograd's graph of one forward pass, by module, with the gradient's norm at each step
  of one backward pass.
- ``sharpness``: λ, the largest eigenvalue of the loss's Hessian.

Each takes any ``nn.Module`` and leaves it bit for bit as it was.
"""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
