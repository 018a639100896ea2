"""``Run``: a recorded run, its results and the actions on it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from mlcore.core import Config, InputError, RunStateError
from mlcore.experiments import code_now, config_class
from mlcore.runs.status import Status

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    import torch
    from torch import nn

    from mlcore.mnist.portable.read_picture import Background
    from mlcore.mnist.predict_files import FilePrediction, Fit
    from mlcore.runs.store.artifacts import Artifacts
    from mlcore.runs.store.store import Store
    from mlcore.runs.test_set import Opening

CODE: Final = "code"
"""The name, among a run's versions, of the code hash of an experiment of one's own."""

MODULE: Final = "module"
FOLDER: Final = "folder"
"""The names, in a run's environment, of where such an experiment lies: module:Class, and the folder
from which that is imported."""

SCRIPT: Final = "script"
"""The ``source`` of a run that a loop of its own logged: see ``mlcore.start_run``."""

FOLLOWED: Final = "followed"
"""The name, in the origin of an imported run, of whether ``mlcore follow`` reads its files."""

_CHECK_EVERY = 2.0  # s between two looks whether the engine can be reached


@dataclass(frozen=True)
class Run:
    """A run as read from the store; ``refresh`` reads it again.

    Attributes:
        id: Eight letters and digits.
        experiment: Name of the experiment.
        config_fields: The config as plain values; ``config`` is the checked object.
        fingerprint: The cache key (see ``mlcore.core.fingerprint``).
        status: Its status.
        created: When it was first submitted (all times are UTC).
        started: When its first worker took it, or None.
        finished: When it last ended, or None.
        elapsed: Seconds of work so far, pauses left out.
        step: Optimizer steps of the last flushed point.
        done: Work done, in the unit of ``total``.
        total: Work in all; 0 before the first step.
        host: The machine it runs or ran on.
        seed: The config's seed, if it has one.
        versions: Of mlcore, torch, python and the git commit, at submission.
        error: One sentence on why it failed or was lost, or which signal ended its process.
        traceback: The whole traceback of a failure.
        tags: Its tags.
        note: Free text.
        request: ``"stop"`` or ``"pause"`` while the worker has not answered yet.
        cached: Whether ``run`` or ``submit`` answered with this finished run.
        name: The name it was given; ``""`` if none.
        starred: Whether it is starred.
        archived: Whether it is archived: hidden from the usual list.
        deleted: When it was moved to the trash, or None; ``restore`` takes it out again.
        source: None if mlcore trained it here; ``"script"`` if a loop logged it
            (``mlcore.start_run``); ``"zip"``, ``"tensorboard"`` and the like if it was imported,
            and then it is read-only: its numbers cannot be trusted to be this code's.
        origin: What is known of where an imported run was made.
        edited: How often its name, note, tags or marks were changed.
        environment: Its environment: checksum of the data, device, threads, processor, platform.
        queued: When it was last put in the queue: later than ``started`` if it was resumed.

    Example:
        >>> import mlcore
        >>> run = mlcore.run(mlcore.RegressionConfig(steps=20))
        >>> print(run.status, run.config.lr, run.progress)
        finished 0.0001 1.0
        >>> points = run.metrics(["loss"])  # step, name, value, time
        >>> print(points["step"].tolist()[-1], round(points["value"].tolist()[-1], 1))
        20 112.6
    """

    id: str
    experiment: str
    config_fields: Mapping[str, Any]
    fingerprint: str
    status: Status
    created: datetime
    started: datetime | None
    finished: datetime | None
    elapsed: float
    step: int
    done: float
    total: float
    host: str | None
    seed: int | None
    versions: Mapping[str, str]
    error: str | None
    traceback: str | None
    tags: tuple[str, ...]
    note: str
    request: str | None
    last: Mapping[str, float] = field(repr=False)
    key: int = field(repr=False)
    store: Store = field(repr=False, compare=False)
    cached: bool = False
    name: str = ""
    starred: bool = False
    archived: bool = False
    deleted: datetime | None = None
    source: str | None = None
    origin: Mapping[str, Any] = field(default_factory=dict, repr=False)
    edited: int = 0
    environment: Mapping[str, Any] = field(default_factory=dict, repr=False)
    queued: datetime | None = field(default=None, repr=False)

    @cached_property
    def config(self) -> Config:
        """The config, validated.

        Raises:
            ConfigError: If this version no longer knows these fields or values.
            ValueError: If there is no such experiment here, as for imported runs.
        """
        return config_class(self.experiment).from_dict(self.config_fields)

    def fill_config(self, config: Config) -> None:
        """Set what ``config`` gives, where the class was loaded already."""
        self.__dict__["config"] = config

    @property
    def code(self) -> str:
        """The code hash of its experiment at submission; ``""`` for mlcore's experiments."""
        return self.versions.get(CODE, "")

    def code_changed(self) -> bool:
        """Whether the source of its experiment, one of one's own, was edited since.

        False also where that source is not found here.
        """
        if not self.code or self.imported:
            return False
        now = code_now(self.experiment)
        return bool(now) and now != self.code

    @property
    def duration(self) -> float | None:
        """Seconds of work so far, or None if it has not started."""
        return None if self.started is None else self.elapsed

    @property
    def progress(self) -> float:
        """Share of the work that is done, from 0 to 1."""
        return min(1.0, self.done / self.total) if self.total else 0.0

    @property
    def logged(self) -> bool:
        """Whether a loop of its own logs or logged it: ``mlcore.start_run``."""
        return self.source == SCRIPT

    @property
    def imported(self) -> bool:
        """Whether it was imported from a file."""
        return self.source not in (None, SCRIPT)

    @property
    def followed(self) -> bool:
        """Whether ``mlcore follow`` reads or read it from the event files of another program."""
        return self.imported and self.origin.get(FOLLOWED) is True

    @property
    def resumable(self) -> bool:
        """Whether ``resume`` can go on with it: mlcore trained it here, and it did not end."""
        return self.source is None and self.status.resumable

    @property
    def artifacts(self) -> Artifacts:
        """The run's files."""
        from mlcore.runs.store.artifacts import Artifacts

        return Artifacts(self.store, self.id, self.key)

    def refresh(self) -> Run:
        """Read the run again."""
        return self.store.get(self.id)

    # --- what it measured --------------------------------------------------------------------

    def latest(self) -> dict[str, float]:
        """The last value of each metric at the time of reading."""
        return dict(self.last)

    def metrics(
        self,
        names: Iterable[str] | None = None,
        after: int | None = None,
        *,
        axes: bool = False,
    ) -> pd.DataFrame:
        """Every point as a long table: step, name, value, time (s of work).

        Args:
            names: Only these metrics.
            after: Only points of later steps: a cursor for reading a live run.
            axes: Also how far the run was in epochs and samples, as columns epoch and samples;
                NaN where the run does not know.
        """
        from mlcore.runs.store import points

        with self.store.reading() as connection:
            table = points.read(connection, self.key, names, after)
        if axes:
            from mlcore.runs.analysis.axes import with_axes

            return with_axes(table, self)
        return table

    def arrays(self, step: int) -> dict[str, torch.Tensor]:
        """The arrays saved at a step (see ``array_steps``), such as the confusion matrix.

        Raises:
            SnapshotError: If there are none at that step, or the file is damaged.
        """
        return dict(self.artifacts.load_arrays(step).tensors)

    def array_steps(self) -> list[int]:
        """The steps at which arrays were saved."""
        return self.artifacts.array_steps()

    def model(self) -> nn.Module:
        """The network with the final weights, in eval mode; of an unfinished run the last saved.

        With ``keep="best"`` both are those of the best epoch so far.

        Raises:
            RunStateError: If no weights have been saved yet, or with ``keep="best"`` no epoch has
                ended yet.
            SnapshotError: If the file with the weights is gone or damaged.
        """
        network = self.config.build_model()
        network.load_state_dict(self.state_dict())
        return network.eval()

    def state_dict(self) -> dict[str, torch.Tensor]:
        """The weights that ``model`` loads, by name; of a logged run those of ``save_model``.

        Raises:
            RunStateError: If no weights have been saved, or with ``keep="best"`` no epoch has
                ended yet.
            SnapshotError: If the file with the weights is gone or damaged.
        """
        from mlcore.runs.store.artifacts import CHECKPOINT, WEIGHTS

        saved = self.artifacts.load(WEIGHTS) or self.artifacts.load(CHECKPOINT)
        if saved is None:
            raise RunStateError(
                f"Run {self.id} is {self.status} at step {self.step} and has saved no weights "
                "yet. "
                + (
                    "Its script saves them by run.save_model(model)."
                    if self.logged
                    else "Wait for it to finish, or stop it to keep what it has."
                )
            )
        return saved.state_dict()

    def export_model(self, folder: str | Path) -> Path:
        """Write the network as a folder that runs without mlcore: ``export.to_model_folder``."""
        from mlcore.runs.export.network import to_model_folder

        return to_model_folder(self, folder)

    def predict_files(
        self,
        paths: str | Path | Iterable[str | Path],
        *,
        fit: Fit = "whole",
        background: Background = "auto",
    ) -> Iterator[FilePrediction]:
        """Predict pictures, folders of them, or IDX files: see ``mlcore.mnist.predict_files``.

        Raises:
            InputError: If a path is not there, or the run is none of MNIST.
            RunStateError: If it is queued or running, or has saved no weights.
        """
        from mlcore.mnist.predict_files import predict_files
        from mlcore.runs.export.network import trained_network

        config, model = trained_network(self)
        return predict_files(config, model, paths, fit=fit, background=background)

    def files(self) -> dict[str, int]:
        """The files that its script saved (``save_file``): their sizes in bytes, by name."""
        return self.artifacts.saved()

    def file(self, name: str) -> bytes:
        """The content of one of ``files``, its checksum verified.

        Raises:
            InputError: If there is none of that name.
            SnapshotError: If it is gone or damaged.
        """
        from mlcore.runs.store.artifacts import SAVED

        content = self.artifacts.content(SAVED + name)
        if content is None:
            known = ", ".join(self.files()) or "none"
            raise InputError(f"Run {self.id} has no file {name!r}; it has: {known}.")
        return content

    def packages(self) -> tuple[str, ...]:
        """The packages installed where a script logged this run, as ``name==version``.

        Raises:
            SnapshotError: If the file is damaged.

        Example:
            >>> import mlcore
            >>> with mlcore.start_run("autoencoder") as run:
            ...     run.log({"loss": 0.5})
            >>> any(one.startswith("torch==") for one in run.read().packages())
            True
        """
        from mlcore.runs.store.artifacts import PACKAGES

        return tuple((self.artifacts.content(PACKAGES) or b"").decode().splitlines())

    def diff(self) -> str:
        """Uncommitted changes in the git repository of the script that logged this run.

        As ``git diff HEAD`` shows them; empty without changes or a repository. They may hold
        passwords, so they are in no export.

        Raises:
            SnapshotError: If the file is damaged.

        Example:
            >>> import mlcore
            >>> mlcore.run(mlcore.RegressionConfig(steps=20), progress=False).diff()
            ''
        """
        from mlcore.runs.store.artifacts import DIFF

        return (self.artifacts.content(DIFF) or b"").decode("utf-8", "replace")

    def media(self) -> pd.DataFrame:
        """Images, histograms, tables and figures that were logged: name, kind, step, size (bytes).

        Example:
            >>> import mlcore
            >>> mlcore.run(mlcore.RegressionConfig(steps=20), progress=False).media().empty
            True
        """
        import pandas as pd

        return pd.DataFrame(self.artifacts.media(), columns=["name", "kind", "step", "size"])

    def media_file(self, name: str, step: int) -> bytes:
        """The content of one of ``media``: PNG, or else JSON.

        Raises:
            InputError: If there is none of that name and step.
            SnapshotError: If the file is damaged.
        """
        from mlcore.runs.store.artifacts import MEDIA

        for known, kind, at, _ in self.artifacts.media():
            if known == name and at == step:
                content = self.artifacts.content(f"{MEDIA}{step}/{kind}/{name}")
                if content is not None:
                    return content
        raise InputError(f"Run {self.id} has nothing called {name!r} at step {step}.")

    def system_metrics(self) -> pd.DataFrame:
        """What the run's processes and its machine did, a row every few seconds.

        Columns: those of ``mlcore.runs.execution.system_metrics.SYSTEM_COLUMNS`` that were
        measured, such as ``cpu`` in percent of one core and ``memory`` in bytes, by ``seconds`` of
        the run. Runs of less than six seconds and imported ones have no rows.

        Raises:
            SnapshotError: If the file is damaged.

        Example:
            >>> import mlcore
            >>> run = mlcore.run(mlcore.RegressionConfig(standardize=True), progress=False)
            >>> len(run.system_metrics())
            0
        """
        import pandas as pd

        from mlcore.runs.execution.system_metrics import SYSTEM_COLUMNS, read_samples
        from mlcore.runs.store.artifacts import SYSTEM

        content = self.artifacts.content(SYSTEM)
        samples = [] if content is None else read_samples(content)
        found = {name for sample in samples for name in sample} or {"seconds"}
        columns = [name for name in SYSTEM_COLUMNS if name in found]
        return pd.DataFrame(samples, columns=columns, dtype=float)

    @property
    def opening(self) -> Opening | None:
        """The look at its test set that was written down; None while that is sealed."""
        from mlcore.runs.test_set import opening_of

        return opening_of(self.store, [self.id]).get(self.id)

    def examine(self, *, person: str = "local") -> Opening:
        """Look at the test set that was sealed while it trained, once: see ``runs.test_set``."""
        from mlcore.runs.test_set import examine

        return examine(self, person=person)

    # --- what one may ask of it --------------------------------------------------------------

    def wait(self, timeout: float | None = None) -> Run:
        """Block until the run is no longer queued or running.

        Args:
            timeout: Seconds to wait at most.

        Raises:
            EngineError: If it waits for a cluster that does not answer; it goes on waiting there.
            TimeoutError: If it is still going after ``timeout`` seconds.
        """
        from mlcore.runs.execution.supervisor import check, tend

        check_due = time.monotonic()
        deadline = None if timeout is None else time.monotonic() + timeout
        while (now := self.refresh()).status.moving:
            if deadline is not None and time.monotonic() > deadline:
                raise TimeoutError(
                    f"Run {self.id} is still {now.status} after {timeout:g} s, at "
                    f"{now.progress:.0%}. It goes on; wait again or stop it."
                )
            tend(self.store)
            if now.status == Status.QUEUED and time.monotonic() > check_due:
                check(self.store)
                check_due = time.monotonic() + _CHECK_EVERY
            time.sleep(0.05)
        return now

    def stop(self) -> Run:
        """Request a stop, with a checkpoint; a run that has ended stays as it is."""
        return self.store.request(self, "stop")

    def pause(self) -> Run:
        """Request a pause, to make room for other runs; ``resume`` continues it."""
        return self.store.request(self, "pause")

    def resume(self) -> Run:
        """Queue the run again from its last checkpoint, in the background.

        Raises:
            RunStateError: If it is finished or failed, another run of its config is live, or the
                code of its experiment was edited since.
        """
        from mlcore.runs.execution.supervisor import tend

        if self.resumable and self.code_changed():
            raise RunStateError(
                f"Run {self.id} cannot be resumed: the code of {self.experiment} was edited since. "
                "Start its config again: that is a new run of the code as it is now."
            )
        again = self.store.requeue(self)
        tend(self.store)
        return again

    # --- name, tags, trash --------------------------------------------------------------------

    def edit(
        self,
        *,
        name: str | None = None,
        note: str | None = None,
        tags: Iterable[str] | None = None,
        starred: bool | None = None,
        archived: bool | None = None,
    ) -> Run:
        """Change the given attributes: see ``mlcore.runs.store.organize.edit``."""
        from mlcore.runs.store.organize import edit

        changed = edit(
            self.store,
            [self.id],
            name=name,
            note=note,
            tags=tags,
            starred=starred,
            archived=archived,
        )
        return changed[0]

    def delete(self) -> Run:
        """Move the run to the trash, from which ``restore`` takes it out again.

        Raises:
            RunStateError: If it is running; stop it first.
        """
        from mlcore.runs.store.organize import trash

        return trash(self.store, [self.id])[0]

    def restore(self) -> Run:
        """Take the run out of the trash."""
        from mlcore.runs.store.organize import restore

        return restore(self.store, [self.id])[0]
