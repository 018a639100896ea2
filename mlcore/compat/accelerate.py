"""A tracker for accelerate: ``Accelerator(log_with=MLCoreTracker("autoencoder"))``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Unpack

from mlcore.compat.recorded import Options, end_run, missing
from mlcore.runs.logged.active_run import ActiveRun
from mlcore.runs.logged.media import Image
from mlcore.runs.logged.start import start_run

try:
    from accelerate import PartialState
    from accelerate.tracking import GeneralTracker
except ModuleNotFoundError as error:
    if error.name != "accelerate":
        raise
    raise missing("accelerate") from error


class MLCoreTracker(GeneralTracker):  # type: ignore[misc]  # accelerate is not looked into
    """Records what ``accelerator.log`` is given, on the main process.

    ``accelerator.init_trackers`` begins the run and stores its config;
    ``accelerator.end_training`` ends it. In a ``with`` block an exception ends it as *failed*;
    without one it does so if it ends the process. The loop is yours, so it must hear Stop itself,
    by accelerate's trigger, which all processes see:

        if accelerator.is_main_process and tracker.stop_requested:
            accelerator.set_trigger()
        if accelerator.check_trigger():
            break

    Args:
        experiment: What is trained: runs of one name are compared with each other.
        options: ``name``, ``tags``, ``note``, ``seed``, ``strict`` and ``store``, as
            ``mlcore.start_run`` takes them.

    Example:
        from mlcore.compat.accelerate import MLCoreTracker

        tracker = MLCoreTracker("autoencoder")
        accelerator = Accelerator(log_with=tracker)
        accelerator.init_trackers("autoencoder", config={"lr": 0.1})
        accelerator.log({"loss": loss}, step=step)
        accelerator.end_training()
    """

    name: ClassVar[str] = "mlcore"
    requires_logging_directory: ClassVar[bool] = False
    main_process_only: ClassVar[bool] = True

    def __init__(self, experiment: str, **options: Unpack[Options]) -> None:
        super().__init__()
        self._experiment, self._options = experiment, options
        self._run: ActiveRun | None = None

    def start(self) -> None:
        """Begin the run."""
        if PartialState().is_main_process:
            self._run = start_run(self._experiment, **self._options)

    @property
    def tracker(self) -> ActiveRun | None:
        """The run; None before it began, and on other processes."""
        return self._run

    @property
    def stop_requested(self) -> bool:
        """Whether Stop was pressed in the dashboard."""
        return self._run is not None and self._run.stop_requested

    def store_init_configuration(self, values: Mapping[str, Any]) -> None:
        """Add settings to the run's config."""
        if self._run is not None:
            self._run.update(dict(values))

    def log(self, values: Mapping[str, Any], step: int | None = None, **_kwargs: Any) -> None:
        """Record numbers at a step.

        Those of a dict are named ``outer/inner``; texts are left out.
        """
        if self._run is not None:
            numbers: dict[str, Any] = {}
            for name, value in values.items():
                if isinstance(value, Mapping):
                    numbers |= {f"{name}/{inner}": one for inner, one in value.items()}
                elif not isinstance(value, str):
                    numbers[name] = value
            self._run.log(numbers, step)

    def log_images(
        self, values: Mapping[str, Sequence[Any]], step: int | None = None, **_kwargs: Any
    ) -> None:
        """Record images: a list or a batch ``[N, H, W, C]`` by name; of several, as ``name/0``."""
        if self._run is not None:
            for name, images in values.items():
                several = len(images) > 1
                self._run.log(
                    {
                        f"{name}/{at}" if several else name: Image(image)
                        for at, image in enumerate(images)
                    },
                    step,
                )

    def finish(self) -> None:
        """End the run."""
        if self._run is not None:
            end_run(self._run)

    def __enter__(self) -> MLCoreTracker:
        return self

    def __exit__(self, _kind: Any, error: BaseException | None, _trace: Any) -> None:
        if self._run is not None:
            end_run(self._run, error)
