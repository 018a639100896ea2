"""Inspects trained networks: predictions, attributions, weights and mistakes; pure functions.

    >>> import mlcore
    >>> from mlcore.mnist import insight
    >>> digits = mlcore.mnist.load("mnist")
    >>> run = mlcore.run(mlcore.MNISTConfig(train_size=200, hidden=(8,), epochs=1))
    >>> network = insight.on_pixels(run.model(), digits)
    >>> found = insight.examine(network, digits.test_images[:100], digits.test_labels[:100])

- One picture: ``read_photo``, ``prepare`` (a drawing as MNIST would have it), ``on_pixels``,
  ``answer``, ``forward``, ``activations``, ``feature_maps``.
- Why this answer: ``saliency``, ``integrated_gradients``, ``difference_quotients``, ``occlusion``;
  ``walk`` finds the smallest change that fools it.
- Similar pictures: ``features``, ``nearest``, ``principal_plane``, ``umap_plane``.
- The weights: ``matrices``, ``weight_history``, ``algebra`` (every layer by its formula),
  ``sum_written_out``, ``collapse`` (linear layers as one).
- Mistakes: ``examine``, ``accuracy_by_class``, ``confident_mistakes``, ``wilson_interval``,
  ``reliability`` (calibration).
- A network of your own that takes images: ``own_network`` puts it over pixels; ``weight_tiles`` and
  ``output_maps`` are its weights and what its layers return.
- Two networks: ``same_start``, ``disagreement``, ``paired_accuracy``, ``paired_difference``.

Names are loaded when first used.
"""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
