"""``Run``: what ``wandb.init`` returns, over a run that ``mlcore.start_run`` records."""

from __future__ import annotations

import atexit
import json
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from mlcore.compat.wandb.files import Artifact, Kept
from mlcore.compat.wandb.mappings import Config, Summary
from mlcore.compat.wandb.media import Histogram, Image, Table, media_of
from mlcore.compat.wandb.metrics import Aggregates, flat
from mlcore.compat.wandb.said import Inert, aloud, once
from mlcore.core import MlcoreError
from mlcore.runs.logged.active_run import ActiveRun
from mlcore.runs.logged.values import number_of, step_of

SUMMARY: Final = "summary/"
"""Before the name of a metric that a script set in the summary, or that was asked for there."""

SUMMARY_FILE: Final = "wandb-summary.json"
_QUICK: Final = (float, int)
_open: list[Run] = []


class Run:
    """A run with W&B's methods; made by ``wandb.init``.

    Steps count as W&B's do: ``log`` without a step is the next one; ``commit=False``, or a step
    given, leaves it open for more. A step below the current one is kept at its place, where W&B
    drops it. All that W&B does and this does not is said once, and the script goes on.

    Attributes:
        id: Its id in mlcore's store.
        project: The project, which is the name of the experiment.
        config: Its settings; what is set later is stored, too.
        summary: The last values, and what the script sets itself: numbers become metrics named
            ``summary/…``, texts the file ``wandb-summary.json``.
        entity: Empty, as there is no account.
        group: As it was given; a tag ``group:…`` as well.
        job_type: As it was given; a tag ``job_type:…`` as well.
        resumed: False, as a run is never resumed.
        disabled: Whether nothing is recorded.
        offline: True, as nothing is sent to W&B.
        url: None, as ``project_url``, ``sweep_id`` and ``sweep_url`` are.
        start_time: Seconds since 1970.
    """

    entity: Final = ""
    resumed: Final = False
    offline: Final = True
    starting_step: Final = 0
    url: Final = None
    project_url: Final = None
    sweep_id: Final = None
    sweep_url: Final = None

    def __init__(
        self,
        inner: ActiveRun,
        config: Config,
        *,
        project: str,
        name: str = "",
        tags: Iterable[str] = (),
        notes: str = "",
        group: str = "",
        job_type: str = "",
        folder: Path = Path(),
        ended: Callable[[Run], None] = lambda _run: None,
    ) -> None:
        self.project, self.group, self.job_type = project, group, job_type
        self.id = inner.id or "disabled"
        self.disabled = not inner.id
        self.config = config
        config.__dict__["_report"] = self._config_changed
        self.summary = Summary(report=self._summary_changed)
        self.settings = Inert("run.settings")
        self.start_time = time.time()
        self._inner, self._ended = inner, ended
        self._name, self._tags, self._notes = name, tuple(tags), notes
        self._home = folder
        self._folder: Path | None = None
        self._step, self._last = 0, 0
        self._lock = threading.RLock()
        self._aggregates, self._kept = Aggregates(), Kept(inner)
        self._texts: dict[str, str] = {}
        self._watched, self._interrupted = 0, False
        _open.append(self)

    # --- logging -----------------------------------------------------------------------------

    def log(
        self,
        data: Mapping[str, Any],
        step: int | None = None,
        commit: bool | None = None,
        sync: bool | None = None,
    ) -> None:
        """Record values of this moment.

        Args:
            data: Numbers, images, histograms, tables, figures and lists of these by name; of a
                dict within it each value is named ``outer.inner``. An array of several numbers
                becomes a histogram.
            step: A whole number from 0; by default the current one.
            commit: Whether the next ``log`` is the next step; by default if ``step`` is None.
            sync: Ignored.

        Raises:
            KeyboardInterrupt: Once, in the main thread, if Stop was pressed in the dashboard.
        """
        del sync
        if not isinstance(data, Mapping):
            raise TypeError("wandb.log must be passed a dictionary")
        with self._lock:
            at = self._at(step)
            values: dict[Any, Any] = {}
            for name, value in flat(data):
                taken = {name: value} if type(value) in _QUICK else self._taken(name, value)
                values |= taken
                if type(taken.get(name)) in _QUICK:
                    self._aggregates.note(name, taken[name])
            self.summary.note({**self._last_values(data, values), "_step": at})
            self._inner.log(values, step=at)
            self._last = at
            if (step is None) if commit is None else commit:
                self._step = max(self._step, at) + 1
        self._obey()

    def _at(self, step: Any) -> int:
        if step is None:
            return self._step
        try:
            at = step_of(step)
        except ValueError as error:
            once("step", f"{error} The current step is taken instead.")
            return self._step
        if at < self._step:
            once(
                "steps back",
                f"Step {at} is below the current step {self._step}. W&B would drop what is logged "
                "there; it is kept at that step.",
            )
        self._step = max(self._step, at)
        return at

    def _taken(self, name: Any, value: Any) -> dict[Any, Any]:
        """What is logged of a value that is not simply a number."""
        if value is None or isinstance(value, Inert):
            return {}
        if isinstance(value, str):
            once(f"text {name}", f"{name!r} is a text, so it is kept in {SUMMARY_FILE} alone.")
            self._texts[str(name)] = value
            return {}
        found = media_of(str(name), value)
        if found is None:
            try:
                return {name: number_of(str(name), value)}
            except MlcoreError:
                return {name: value}  # the run says what is wrong with it
        return {at: kept for at, kept in found.items() if kept is not None}

    def _last_values(
        self, data: Mapping[str, Any], values: Mapping[Any, Any], prefix: str = ""
    ) -> dict[str, Any]:
        """What the summary shows of a logged dict; no tensor, as that may keep a whole graph."""
        shown: dict[str, Any] = {}
        for name, value in data.items():
            full = f"{prefix}{name}" if prefix else name
            if isinstance(value, Mapping):
                shown[name] = self._last_values(value, values, f"{full}.")
            elif aggregates := self._aggregates.of(full):
                shown[name] = aggregates
            elif type(number := values.get(full)) in _QUICK:
                shown[name] = bool(number) if isinstance(value, bool) else number
            elif value is None or isinstance(value, (str, Image, Histogram, Table)):
                shown[name] = value
        return shown

    def _obey(self) -> None:
        """End the script as Ctrl-C does when Stop was pressed, as W&B's own Stop does."""
        if not self._interrupted and self._inner.stop_requested:
            self._interrupted = True
            if threading.current_thread() is threading.main_thread():
                raise KeyboardInterrupt

    def define_metric(
        self,
        name: str,
        step_metric: Any = None,
        step_sync: bool | None = None,
        hidden: bool | None = None,
        summary: str | None = None,
        goal: str | None = None,
        overwrite: bool | None = None,
    ) -> Inert:
        """Ask for the lowest, highest, mean, first or last value of a metric in the summary.

        They become metrics ``summary/NAME.max`` and the like when the run ends.
        """
        del step_sync, hidden, overwrite
        if step_metric is not None:
            once("step_metric", "define_metric: charts keep the step as their x axis.")
        self._aggregates.ask(name, summary, goal)
        return Inert("define_metric")

    def watch(
        self,
        models: Any,
        criterion: Any = None,
        log: str | None = "gradients",
        log_freq: int = 1000,
        idx: int | None = None,
        log_graph: bool = False,
    ) -> None:
        """Record the norms of gradients and weights every ``log_freq`` backward passes."""
        del criterion, log_graph
        if log is None:
            return
        once("watch", "wandb.watch records norms of gradients and weights, not histograms.")
        for model in models if isinstance(models, (list, tuple)) else [models]:
            number = self._watched if idx is None else idx
            self._inner.watch(model, every=log_freq, name=f"graph_{number}" if number else "")
            self._watched += 1

    def unwatch(self, models: Any = None) -> None:
        """Stop recording norms."""
        for model in models if isinstance(models, (list, tuple)) else [models]:
            self._inner.unwatch(model)

    # --- files -------------------------------------------------------------------------------

    @property
    def dir(self) -> str:
        """A folder for files, made when it is asked for; what lies in it is kept at the end."""
        if self._folder is None:
            self._folder = self._home / "wandb" / f"run-{self.id}" / "files"
            self._folder.mkdir(parents=True, exist_ok=True)
        return str(self._folder)

    def save(
        self, glob_str: Any = None, base_path: Any = None, policy: str = "live", glob: bool = True
    ) -> list[str]:
        """Keep the files of a pattern with the run, and what changes of them until its end."""
        del policy, glob
        if glob_str is None:
            return []
        base = None if base_path is None else Path(base_path)
        return self._kept.save(os.fspath(glob_str), base)

    def log_artifact(
        self,
        artifact_or_path: Any,
        name: str | None = None,
        type: str | None = None,  # noqa: A002 - W&B's name
        **_: Any,
    ) -> Artifact:
        """Keep the files of an artifact, or one file or folder, with the run."""
        artifact = artifact_or_path
        if not isinstance(artifact, Artifact):
            path = Path(artifact_or_path)
            artifact = Artifact(name or path.stem, type or "")
            (artifact.add_dir if path.is_dir() else artifact.add_file)(path)
        artifact.save_to(self._kept)
        return artifact

    def log_model(self, path: Any, name: str | None = None, **_: Any) -> Artifact:
        """Keep the file or folder of a model with the run."""
        return self.log_artifact(path, name, "model")

    def log_code(self, *_words: Any, **_named: Any) -> None:
        """Nothing: git commit, uncommitted changes and packages are kept of every run."""
        once("log_code", "log_code keeps no files: git commit and changes are kept of every run.")

    def alert(
        self, title: str, text: str = "", level: Any = None, wait_duration: Any = None
    ) -> None:
        """Say a title and a text by the logger; nobody is sent a message."""
        del level, wait_duration
        aloud(f"Alert: {title}. {text}".rstrip())

    # --- what it is called --------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The name of the run; its id where none was given."""
        return self._name or self.id

    @name.setter
    def name(self, name: str) -> None:
        self._name = str(name)
        self._inner.update(name=self._name)

    @property
    def notes(self) -> str:
        """Free text."""
        return self._notes

    @notes.setter
    def notes(self, notes: str) -> None:
        self._notes = str(notes)
        self._inner.update(note=self._notes)

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags."""
        return self._tags

    @tags.setter
    def tags(self, tags: Iterable[str]) -> None:
        self._tags = tuple(str(tag) for tag in tags)
        self._inner.update(tags=all_tags(self._tags, self.group, self.job_type))

    @property
    def step(self) -> int:
        """The current step."""
        return self._step

    @property
    def path(self) -> str:
        """Project and id."""
        return f"{self.project}/{self.id}"

    def get_url(self) -> None:
        """None, as there is no page at W&B."""

    def project_name(self) -> str:
        """The project."""
        return self.project

    def display(self, *_words: Any, **_named: Any) -> bool:
        """False: nothing is shown here; the dashboard shows runs."""
        return False

    # --- the end -----------------------------------------------------------------------------

    def finish(self, exit_code: int | None = None, quiet: bool | None = None) -> None:
        """End the run: as finished, or as failed with an exit code above 0."""
        del quiet
        self._settle()
        error = SystemExit(exit_code) if exit_code else None
        self._inner.__exit__(None if error is None else SystemExit, error, None)

    join = finish

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._settle()
        self._inner.__exit__(kind, error, trace)

    def __getattr__(self, name: str) -> Inert:
        if name.startswith("_"):
            raise AttributeError(name)
        return Inert(f"run.{name}")

    def __repr__(self) -> str:
        return f"<wandb.Run {self.id} of mlcore>"

    def _settle(self) -> None:
        """Record what is known at the end, once."""
        if self not in _open:
            return
        _open.remove(self)
        if self._inner.recording:
            self._summary_changed(self._aggregates.all())
            self._kept.end(self._folder)
            self._keep_summary()
        self._ended(self)

    def _keep_summary(self) -> None:
        if self._texts:
            text = json.dumps(self._texts, ensure_ascii=False, indent=1)
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder, SUMMARY_FILE)
                path.write_text(text, encoding="utf-8", errors="replace")
                self._inner.save_file(path)

    def _config_changed(self, new: dict[str, Any]) -> None:
        self._inner.update(config=new)

    def _summary_changed(self, new: dict[str, Any]) -> None:
        numbers: dict[str, Any] = {}
        for name, value in flat(new):
            found = self._taken(name, value)
            numbers |= {f"{SUMMARY}{at}": one for at, one in found.items()}
        if numbers:
            self._inner.log(numbers, step=self._last)


def all_tags(tags: Iterable[str], group: str, job_type: str) -> list[str]:
    """The tags of a run, its group and kind of job among them."""
    named = {"group": group, "job_type": job_type}
    return [*(tag for tag in tags if tag.strip()), *(f"{k}:{v}" for k, v in named.items() if v)]


def active() -> Run | None:
    """The run begun last of those that have not ended."""
    return _open[-1] if _open else None


def finish_all() -> None:
    """End all runs that have not ended."""
    while _open:
        _open[0].finish()


def _at_exit() -> None:
    while _open:
        _open[0]._settle()  # noqa: SLF001 - of this module; how it ended is ActiveRun's to say


def _after_fork() -> None:
    for run in _open:
        run._lock = threading.RLock()  # noqa: SLF001 - another thread may have held it
    _open.clear()  # they stay with the parent


atexit.register(_at_exit)  # after ActiveRun's own, so it is called before
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
