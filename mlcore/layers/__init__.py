"""Normalization, activations, losses, convolution and initialization, by torch and by formula.

    >>> import mlcore, torch
    >>> norm = mlcore.layers.normalize("layer", torch.arange(8.0).reshape(1, 2, 2, 2))
    >>> print(norm.axes, norm.mean)
    ('C', 'H', 'W') tensor([3.5000])

Each result holds torch's values, those computed by hand, and their ``max_difference``.

- Normalization: ``normalize``, ``normalize_backward``; ``shared_cells`` (who shares a mean),
  ``keeps`` (parameters and running statistics), ``identities`` (which norms are equal), ``perturb``
  (who feels a changed sample), ``running_statistics``, ``build_norm``.
- Activations and losses: ``activate``, ``chain`` (a gradient through many layers),
  ``unit_activity`` (dead units), ``softmax``, ``logit_loss``.
- Convolution: ``convolve``, ``convolve_backward``, ``window_of`` (one cell of the output),
  ``output_size``, ``receptive_field``; ``pool``.
- Initialization: ``initialize``, ``draw_weight``, ``weight_variance``, ``propagate`` (a first pass,
  measured), ``signal_theory`` (the same, predicted), ``activation_statistics`` (of any network).
- ``explain`` puts torch's errors into plain words.

Names are loaded when first used, so that a config may read ``names`` before torch is there.
"""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
