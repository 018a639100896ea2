"""A callback for Keras: ``model.fit(…, callbacks=[MLCoreCallback("autoencoder")])``.

It works with each of Keras's back ends; set ``KERAS_BACKEND`` before Keras is imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

from mlcore.compat.recorded import Options, Recorded, missing, plain

try:
    from keras.callbacks import Callback
except ModuleNotFoundError as error:
    if error.name != "keras":  # such as tensorflow, where KERAS_BACKEND names none
        raise
    raise missing("keras") from error


class MLCoreCallback(Recorded, Callback):  # type: ignore[misc]  # Keras has no types
    """Records what ``model.fit`` computes: after each epoch, and if wanted after each batch.

    Metrics are named as in ``fit``'s history (``loss``, ``val_loss``), with ``learning_rate``; the
    step is the epoch, from 0, as in Keras's ``CSVLogger``. Stop in the dashboard sets
    ``model.stop_training``.

    The run ends with ``fit``; as *failed* if an exception leaves it. In a ``with`` block it ends
    with the block, and the exception's traceback is recorded.

    Args:
        experiment: What is trained: runs of one name are compared with each other.
        config: Settings beside those of model and optimizer.
        batches: Record after each batch as well, as ``batch/loss`` and the like: Keras's means over
            the epoch so far. The step is the batch, counted from the start of ``fit``.
        options: ``name``, ``tags``, ``note``, ``seed``, ``strict`` and ``store``, as
            ``mlcore.start_run`` takes them.

    Example:
        from mlcore.compat.keras import MLCoreCallback

        model.fit(x, y, epochs=2, callbacks=[MLCoreCallback("digits", {"width": 64})])
    """

    def __init__(
        self,
        experiment: str,
        config: Any = None,
        *,
        batches: bool = False,
        **options: Unpack[Options],
    ) -> None:
        super().__init__()
        self._experiment, self._config, self._options = experiment, config, options
        self._batches, self._batch = batches, 0

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Begin a run."""
        del logs
        epochs, steps = self.params.get("epochs"), self.params.get("steps")
        settings = plain({**_settings(self.model), "epochs": epochs, "steps_per_epoch": steps})
        total = (epochs or 0) * (steps or 0) if self._batches else epochs
        self._batch = 0
        self.begin("keras", self._experiment, self._config, settings, total, self._options)

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Record a batch, if that is wanted, and hear Stop."""
        del batch
        if self.run_ is None:
            return
        if self._batches and logs:
            self.record({f"batch/{name}": one for name, one in logs.items()}, self._batch)
        self._batch += 1
        if self.run_.stop_requested:
            self.model.stop_training = True

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Record an epoch."""
        if self.run_ is not None:
            self.record({**_learning_rate(self.model), **(logs or {})}, epoch)

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """End the run."""
        del logs
        self.trained()


def _settings(model: Any) -> dict[str, Any]:
    """What a model, its optimizer and its loss are.

    Without names: Keras numbers them (``sgd_1``), so they would tell apart what is alike.
    """
    optimizer, loss = model.optimizer, getattr(model, "loss", None)
    given = {} if optimizer is None else plain(optimizer.get_config())
    given.pop("name", None)
    if isinstance(rate := given.get("learning_rate"), float):
        given["learning_rate"] = float(f"{rate:.7g}")  # 0.01 of 32 bits is 0.009999999776
    return {
        "model": {
            "class": type(model).__name__,
            "layers": [type(layer).__name__ for layer in model.layers],
            "parameters": model.count_params() if model.built else None,
        },
        "optimizer": {"class": type(optimizer).__name__, **given},
        "loss": loss if isinstance(loss, str) else getattr(loss, "name", plain(loss)),
    }


def _learning_rate(model: Any) -> dict[str, float]:
    try:
        return {"learning_rate": float(model.optimizer.learning_rate)}
    except (AttributeError, TypeError, ValueError):  # none, or one for each group of variables
        return {}
