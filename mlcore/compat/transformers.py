"""A callback for Hugging Face's ``Trainer``: ``Trainer(…, callbacks=[MLCoreCallback("bert")])``."""

from __future__ import annotations

import dataclasses
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

_MAIN: Final = (
    "learning_rate",
    "lr_scheduler_type",
    "num_train_epochs",
    "optim",
    "per_device_train_batch_size",
    "seed",
    "weight_decay",
)
"""Arguments that are kept also at their defaults."""
_ELSEWHERE: Final = (
    *("do_eval", "do_predict", "do_train", "disable_tqdm", "local_rank", "report_to"),
    *("output_dir", "logging_dir", "run_name", "project", "accelerator_config"),
)
"""Arguments that do not decide what is trained; by some, runs would differ that are alike."""


class MLCoreCallback(Recorded, TrainerCallback):  # type: ignore[misc]  # not looked into
    """Records what a ``Trainer`` logs.

    The ``Trainer``'s arguments and the model's config are the run's config: of over a hundred
    arguments, the main ones and those that differ from their defaults. The step is the global step.
    Metrics are named as Hugging Face names them in TensorBoard: ``train/loss``, ``eval/loss``. Stop
    in the dashboard sets ``control.should_training_stop``. Only the first process records.

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
        self, args: Any, state: Any, control: Any, *, model: Any, **_kwargs: Any
    ) -> None:
        """Begin a run."""
        del control
        if not state.is_world_process_zero:
            return
        settings = plain({**_arguments(args), "model": _model(model)})
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
            self.record(
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


def _arguments(args: Any) -> dict[str, Any]:
    """The main arguments, and those that differ from their defaults."""
    values = args.to_dict()  # without tokens
    return {
        field.name: values[field.name]
        for field in dataclasses.fields(args)
        if field.name in _MAIN
        or (_is_own(field) and _differs(values.get(field.name), field.default))
    }


def _is_own(field: Any) -> bool:
    """Whether an argument's default tells what is the default, and the argument what is trained."""
    secret = field.name.endswith("_token")
    return field.default is not dataclasses.MISSING and field.name not in _ELSEWHERE and not secret


def _differs(value: Any, default: Any) -> bool:
    """Whether a value is no default; None, False and an empty list are one and the same."""
    return value != default and bool(value or default)


def _model(model: Any) -> dict[str, Any]:
    """A model's class and size, and its config as ``save_pretrained`` keeps it."""
    to_diff = getattr(getattr(model, "config", None), "to_diff_dict", None)
    config = to_diff() if callable(to_diff) else {}
    count = sum(parameter.numel() for parameter in model.parameters())
    return {"class": type(model).__name__, "parameters": count, **config}


def _named(key: str) -> str:
    """A metric's name as Hugging Face's own ``rewrite_logs`` gives it."""
    for part in ("eval", "test"):
        if key.startswith(f"{part}_"):
            return f"{part}/{key.removeprefix(f'{part}_')}"
    return f"train/{key}"
