"""The MNIST chapter: data, networks, training and insight.

    >>> import mlcore
    >>> config = mlcore.MNISTConfig(train_size=200, hidden=(8,), epochs=1)
    >>> run = mlcore.run(config)
    >>> network = run.model()  # an nn.Module with the final weights

- ``MNISTConfig``: network, loss, optimizer and data of a training; four are its ``presets``.
- ``load`` reads a data set (``Digits``); ``split`` draws a config's training and validation part,
  ``held_out`` gives the images that evaluate it; ``fold_numbers`` the fold of each image.
- ``build_model`` makes the untrained network, ``load_weights`` one from a snapshot; ``ledger`` is a
  table of its layers and their shapes; ``threads_for`` says how many threads a training gets.
- ``predict_files`` predicts whole folders of pictures (``FilePrediction``), in bounded memory.
- ``mlcore.mnist.insight``: what a trained network sees and where it errs.

Names are loaded when first used: a form can be drawn from the config before torch is there.
"""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
