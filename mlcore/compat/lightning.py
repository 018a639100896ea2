"""A logger for Lightning: ``Trainer(logger=MLCoreLogger("autoencoder"))``."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Unpack

from mlcore.compat.recorded import Options, TrainingEndedError, end_run, missing
from mlcore.runs.logged.active_run import ActiveRun
from mlcore.runs.logged.media import Image
from mlcore.runs.logged.start import start_run

try:
    from lightning.pytorch import Callback
    from lightning.pytorch.loggers.logger import DummyExperiment, Logger
    from lightning.pytorch.utilities import rank_zero_only
except ModuleNotFoundError as error:
    if error.name != "lightning":
        raise
    raise missing("lightning") from error

_STOPPED = ("stopped", "aborted", "interrupted")


class MLCoreLogger(Logger):  # type: ignore[misc]  # Lightning is not looked into
    """Records what a ``Trainer`` logs: hyperparameters, metrics with their steps, images.

    The run begins with ``fit``, ``validate`` or ``test`` and ends with it: as *finished*; as
    *failed* by an exception; as *stopped* by Ctrl-C or by Stop in the dashboard, which sets
    ``trainer.should_stop``. In a ``with`` block it ends with the block, so that ``fit`` and
    ``test`` are one run. Only rank 0 records.

    Args:
        experiment: What is trained: runs of one name are compared with each other.
        config: Settings beside those of ``save_hyperparameters()``.
        save_checkpoint: Keep the best checkpoint of ``ModelCheckpoint`` with the run.
        options: ``name``, ``tags``, ``note``, ``seed``, ``strict`` and ``store``, as
            ``mlcore.start_run`` takes them.

    Example:
        from lightning import Trainer
        from mlcore.compat.lightning import MLCoreLogger

        with MLCoreLogger("autoencoder") as logger:
            trainer = Trainer(max_epochs=2, logger=logger)
            trainer.fit(model, loader)
            trainer.test(model, test_loader)
    """

    def __init__(
        self,
        experiment: str,
        config: Any = None,
        *,
        save_checkpoint: bool = False,
        **options: Unpack[Options],
    ) -> None:
        super().__init__()
        self._experiment, self._config, self._options = experiment, config, options
        self._save_checkpoint, self._best = save_checkpoint, ""
        self._run: ActiveRun | None = None
        self._ended = self._in_block = False
        self._stop: _StopOnRequest | None = None

    @property
    def run(self) -> ActiveRun | None:
        """The latest run; None before the first."""
        return self._run

    @property
    def experiment(self) -> Any:
        """The run to log to, an ``mlcore`` ``ActiveRun``; on other ranks than 0 a dummy."""
        if rank_zero_only.rank > 0:
            return DummyExperiment()
        if self._run is None or self._ended:
            self._run = start_run(self._experiment, self._config, **self._options)
            self._ended = False
        return self._run

    @property
    def name(self) -> str:
        """The experiment's name."""
        return self._experiment

    @property
    def version(self) -> str | None:
        """The run's id; None before it has begun."""
        return None if self._run is None else self._run.id

    def log_hyperparams(
        self, params: Mapping[str, Any] | Namespace, *_args: Any, **_kwargs: Any
    ) -> None:
        """Add hyperparameters to the run's config."""
        self.experiment.update(vars(params) if isinstance(params, Namespace) else dict(params))

    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Record metrics at a step."""
        self.experiment.log(dict(metrics), step)

    def log_image(
        self,
        key: str,
        images: Sequence[Any],
        step: int | None = None,
        caption: Sequence[str] | None = None,
    ) -> None:
        """Record images, each as ``mlcore.Image`` takes it; of several, as ``key/0``."""
        captions = list(caption or [""] * len(images))
        names = [key] if len(images) == 1 else [f"{key}/{at}" for at in range(len(images))]
        self.experiment.log(dict(zip(names, map(Image, images, captions), strict=True)), step)

    def log_graph(self, model: Any, input_array: Any = None) -> None:
        """Lightning names the model when training begins: from then on Stop is heard."""
        del input_array
        trainer = getattr(model, "_trainer", None)
        if trainer is not None and self._stop is None:
            self._stop = _StopOnRequest(self)
            trainer.callbacks.insert(0, self._stop)  # the last ones must be those of checkpoints

    def after_save_checkpoint(self, checkpoint_callback: Any) -> None:
        """Note which checkpoint is the best."""
        self._best = checkpoint_callback.best_model_path

    def finalize(self, status: str) -> None:
        """End the run: Lightning says ``"success"``, or ``"failed"`` while it handles the error."""
        error = sys.exc_info()[1]
        if error is None and status in _STOPPED:
            error = KeyboardInterrupt()
        elif error is None and status == "failed":
            error = TrainingEndedError("The training was reported as failed, without a reason.")
        if error is not None or not self._in_block:
            self.end(error)

    def end(self, error: BaseException | None = None) -> None:
        """End the run, if one is open; an exception makes it *failed*, Ctrl-C *stopped*."""
        if self._run is None or self._ended:
            return
        if self._save_checkpoint and Path(self._best).is_file():
            self._run.save_file(self._best)
        self._ended = True
        end_run(self._run, error)

    def __enter__(self) -> MLCoreLogger:
        self._in_block = True
        return self

    def __exit__(self, _kind: Any, error: BaseException | None, _trace: Any) -> None:
        self._in_block = False
        self.end(error)


class _StopOnRequest(Callback):  # type: ignore[misc]
    """Sets ``trainer.should_stop`` after Stop was pressed in the dashboard."""

    def __init__(self, logger: MLCoreLogger) -> None:
        self._logger = logger

    def on_train_batch_end(self, trainer: Any, *_args: Any, **_kwargs: Any) -> None:
        run = self._logger.run
        asked = run is not None and run.stop_requested
        if trainer.world_size > 1:  # all ranks must end after the same batch
            if trainer.global_step % trainer.log_every_n_steps:
                return
            asked = trainer.strategy.broadcast(asked)
        if asked:
            trainer.should_stop = True

    def teardown(self, trainer: Any, *_args: Any, **_kwargs: Any) -> None:
        """Leave the trainer as it was."""
        trainer.callbacks = [one for one in trainer.callbacks if one is not self]
        self._logger._stop = None  # noqa: SLF001 - of this module
