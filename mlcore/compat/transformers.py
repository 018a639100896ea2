"""A callback for Hugging Face's ``Trainer``: ``Trainer(…, callbacks=[MLCoreCallback("bert")])``."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any, Final, Unpack

from mlcore.compat.recorded import Options, Recorded, missing, plain

try:
    from transformers import TrainerCallback
except ModuleNotFoundError as error:
    if error.name != "transformers":
        raise
    raise missing("transformers") from error

_PLACES: Final = ("output_dir", "logging_dir", "run_name")
"""Arguments that say where a run is kept, by which runs would differ that are alike."""


class MLCoreCallback(Recorded, TrainerCallback):  # type: ignore[misc]  # not looked into
    """Records what a ``Trainer`` logs.

    Its arguments and the model's config are the run's config; the step is the global step. Metrics
    are named as Hugging Face names them in TensorBoard: ``train/loss``, ``eval/loss``. Stop in the
    dashboard sets ``control.should_training_stop``. Only the first process records.

    The run ends with ``train()``; as *failed* if an exception leaves it. In a ``with`` block it
    ends with the block: what ``evaluate()`` measures after the training joins it, and the
    exception's traceback is recorded.

    Args:
        experiment: What is trained: runs of one name are compared with each other.
        config: Settings beside those of the ``Trainer``.
        options: ``name``, ``tags``, ``note``, ``seed``, ``strict`` and ``store``, as
            ``mlcore.start_run`` takes them.

    Example:
        from mlcore.compat.transformers import MLCoreCallback

        with MLCoreCallback("bert") as callback:
            trainer = Trainer(model, args, train_dataset=data, callbacks=[callback])
            trainer.train()
            trainer.evaluate(held_out)
    """

    def __init__(self, experiment: str, config: Any = None, **options: Unpack[Options]) -> None:
        self._experiment, self._config, self._options = experiment, config, options

    def on_train_begin(
        self, args: Any, state: Any, control: Any, model: Any = None, **_kwargs: Any
    ) -> None:
        """Begin a run."""
        del control
        if not state.is_world_process_zero:
            return
        settings = {key: plain(one) for key, one in args.to_dict().items() if key not in _PLACES}
        config = getattr(model, "config", None)
        if callable(to_dict := getattr(config, "to_dict", None)):
            settings["model"] = plain(to_dict())
        total = state.max_steps
        self.begin("transformers", self._experiment, self._config, settings, total, self._options)

    def on_log(
        self,
        args: Any,
        state: Any,
        control: Any,
        logs: Mapping[str, Any] | None = None,
        **_kwargs: Any,
    ) -> None:
        """Record what the Trainer logs."""
        del args, control
        if self.run_ is not None and state.is_world_process_zero:
            self.run_.log(
                {_named(key): one for key, one in (logs or {}).items() if isinstance(one, Real)},
                state.global_step,
            )

    def on_step_end(self, args: Any, state: Any, control: Any, **_kwargs: Any) -> None:
        """Hear Stop."""
        del args, state
        if self.run_ is not None and self.run_.stop_requested:
            control.should_training_stop = True

    def on_train_end(self, args: Any, state: Any, control: Any, **_kwargs: Any) -> None:
        """End the run."""
        del args, state, control
        self.trained()


def _named(key: str) -> str:
    """A metric's name as Hugging Face's own ``rewrite_logs`` gives it."""
    for part in ("eval", "test"):
        if key.startswith(f"{part}_"):
            return f"{part}/{key.removeprefix(f'{part}_')}"
    return f"train/{key}"
