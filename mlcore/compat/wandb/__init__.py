"""Runs an unchanged W&B script: ``import mlcore.compat.wandb as wandb``.

    >>> import mlcore.compat.wandb as wandb
    >>> with wandb.init(project="autoencoder", config={"lr": 1e-3}) as run:
    ...     for step in range(3):
    ...         wandb.log({"loss": 1 / (step + 1), "val": {"accuracy": step / 4}})
    >>> import mlcore
    >>> sorted(mlcore.get_run(run.id).latest())
    ['loss', 'val.accuracy']

The run is recorded by ``mlcore.start_run``; nothing is sent anywhere, and no account is needed.
What W&B does and this does not (sweeps, artifacts of the cloud, video, audio, 3-D objects, HTML,
custom charts) does nothing and is said once, by the logger ``mlcore.log``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from enum import Enum
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

from mlcore.compat.wandb import said
from mlcore.compat.wandb.active import Run, active, all_tags, finish_all
from mlcore.compat.wandb.errors import CommError, Error, UsageError
from mlcore.compat.wandb.files import Artifact
from mlcore.compat.wandb.mappings import Before, Config, parsed
from mlcore.compat.wandb.media import Histogram, Image, Table
from mlcore.core import MlcoreError
from mlcore.experiments import EXPERIMENTS
from mlcore.runs.logged.active_run import ActiveRun
from mlcore.runs.logged.start import LONGEST_EXPERIMENT, start_run
from mlcore.runs.store.organize import LONGEST_TAG

__all__ = [
    "AlertLevel",
    "Artifact",
    "CommError",
    "Error",
    "Histogram",
    "Image",
    "Run",
    "Settings",
    "Table",
    "UsageError",
    "alert",
    "config",
    "define_metric",
    "finish",
    "init",
    "log",
    "log_artifact",
    "log_model",
    "login",
    "run",
    "save",
    "setup",
    "summary",
    "teardown",
    "unwatch",
    "watch",
]

__version__ = "0.31.0"
"""The version of W&B whose functions these are."""

UNNAMED: Final = "uncategorized"
"""The project where none is named, as W&B calls it."""

run: Run | None = None
config: Any = Before("wandb.config")
summary: Any = Before("wandb.summary")


class Settings(SimpleNamespace):
    """Settings of W&B, by name; ``mode``, ``project``, ``run_name`` and ``root_dir`` count."""


class AlertLevel(Enum):
    """How urgent an alert is; all are said alike."""

    INFO = "INFO"
    WARN = "WARN"
    ERROR = "ERROR"


def init(
    entity: str | None = None,
    project: str | None = None,
    dir: Any = None,  # noqa: A002 - W&B's names, here and below
    id: str | None = None,  # noqa: A002
    name: str | None = None,
    notes: str | None = None,
    tags: Any = None,
    config: Any = None,
    config_exclude_keys: Iterable[str] | None = None,
    config_include_keys: Iterable[str] | None = None,
    group: str | None = None,
    job_type: str | None = None,
    mode: str | None = None,
    reinit: Any = None,
    resume: Any = None,
    settings: Any = None,
    **others: Any,
) -> Run:
    """Begin to record a run.

    Args:
        entity: Ignored, as there is no account.
        project: The name of the experiment; by default ``WANDB_PROJECT``.
        dir: Where ``run.dir`` is made; by default ``WANDB_DIR``, else the working folder.
        id: Kept as a tag; the run's own id is mlcore's.
        name: What to call the run.
        notes: Free text.
        tags: To find it again by.
        config: Its settings: a dict, a namespace, flags, or the path of a YAML file.
        config_exclude_keys: Settings to leave out.
        config_include_keys: The only settings to take.
        group: Becomes a tag ``group:…``.
        job_type: Becomes a tag ``job_type:…``.
        mode: ``"disabled"`` records nothing; ``"online"`` and ``"offline"`` are one here.
        reinit: ``True`` or ``"finish_previous"`` ends the run before; ``"create_new"`` begins
            another beside it; by default a run that goes on is returned.
        resume: A run that was asked for is said not to be resumed: a new one begins.
        settings: See ``Settings``; a dict will do.
        others: ``resume_from``, ``fork_from`` and ``sync_tensorboard`` are said to do nothing; the
            rest is ignored.

    Raises:
        StoreError: Never: where the store does not answer, points wait in memory.

    Example:
        >>> import mlcore, mlcore.compat.wandb as wandb
        >>> run = wandb.init(project="autoencoder", config={"lr": 0.1}, tags=["first"])
        >>> wandb.config.epochs = 5
        >>> wandb.log({"loss": 0.5})
        >>> wandb.finish()
        >>> print(mlcore.get_run(run.id).config_fields)
        {'epochs': 5, 'lr': 0.1}
    """
    del entity
    before = active()
    if reinit in (True, "finish_previous"):
        finish_all()
    elif before is not None and reinit != "create_new":
        said.once("init", "wandb.init returns the run that goes on; finish it first for another.")
        return before
    told = vars(settings) if isinstance(settings, Settings) else parsed(settings)
    _say_what_is_not(id, resume, others)
    project = str(project or told.get("project") or os.environ.get("WANDB_PROJECT") or UNNAMED)
    group = str(group or os.environ.get("WANDB_RUN_GROUP") or "")
    job_type = str(job_type or os.environ.get("WANDB_JOB_TYPE") or "")
    name = str(name or told.get("run_name") or os.environ.get("WANDB_NAME") or "")
    notes = str(notes or os.environ.get("WANDB_NOTES") or "")
    chosen = _tags(tags) + ([f"id:{id}"] if id else [])
    fields = _chosen(Config(config), config_exclude_keys, config_include_keys)
    inner = _start(
        _disabled(mode or told.get("mode")),
        _experiment(project),
        fields.as_dict(),
        name=name,
        tags=[tag[:LONGEST_TAG] for tag in all_tags(chosen, group, job_type)],
        note=notes,
    )
    found = Run(
        inner,
        fields,
        project=project,
        name=name,
        tags=chosen,
        notes=notes,
        group=group,
        job_type=job_type,
        folder=Path(dir or told.get("root_dir") or os.environ.get("WANDB_DIR") or "."),
        ended=_forget,
    )
    if reinit != "create_new":
        here = sys.modules[__name__].__dict__
        here.update(run=found, config=found.config, summary=found.summary)
    return found


def log(data: Any, step: int | None = None, commit: bool | None = None, **_ignored: Any) -> None:
    """Record values of this moment: see ``Run.log``."""
    _current("log").log(data, step=step, commit=commit)


def watch(
    models: Any,
    criterion: Any = None,
    log: str | None = "gradients",
    log_freq: int = 1000,
    **_: Any,
) -> None:
    """Record the norms of gradients and weights: see ``Run.watch``."""
    _current("watch").watch(models, criterion, log, log_freq)


def unwatch(models: Any = None) -> None:
    """Stop recording norms."""
    _current("unwatch").unwatch(models)


def define_metric(name: str, *words: Any, **named: Any) -> said.Inert:
    """Ask for an aggregate in the summary: see ``Run.define_metric``."""
    return _current("define_metric").define_metric(name, *words, **named)


def save(glob_str: Any = None, base_path: Any = None, policy: str = "live", **_: Any) -> list[str]:
    """Keep files with the run: see ``Run.save``."""
    return _current("save").save(glob_str, base_path, policy)


def log_artifact(artifact_or_path: Any, *words: Any, **named: Any) -> Artifact:
    """Keep the files of an artifact with the run: see ``Run.log_artifact``."""
    return _current("log_artifact").log_artifact(artifact_or_path, *words, **named)


def log_model(path: Any, name: str | None = None, **_: Any) -> Artifact:
    """Keep the file or folder of a model with the run."""
    return _current("log_model").log_model(path, name)


def alert(title: str, text: str = "", level: Any = None, wait_duration: Any = None) -> None:
    """Say a title and a text by the logger; nobody is sent a message."""
    _current("alert").alert(title, text, level, wait_duration)


def finish(exit_code: int | None = None, quiet: bool | None = None) -> None:
    """End the run; nothing if there is none."""
    if run is not None:
        run.finish(exit_code, quiet)


def login(*_words: Any, **_named: Any) -> bool:
    """True: no account is needed."""
    return True


def setup(*_words: Any, **_named: Any) -> None:
    """Nothing: there is nothing to set up."""


def teardown(exit_code: int | None = None) -> None:
    """End all runs."""
    del exit_code
    finish_all()


def require(*_words: Any, **_named: Any) -> None:
    """Nothing: no feature is asked for."""


def termlog(string: str = "", *_words: Any, **_named: Any) -> None:
    """Say a text by the logger."""
    said.aloud(string)


termwarn = termerror = termlog


def __getattr__(name: str) -> said.Inert:
    if name.startswith("_"):
        raise AttributeError(f"mlcore.compat.wandb has no {name!r}.")
    return said.Inert(f"wandb.{name}")


def _current(what: str) -> Run:
    if run is None:
        raise Error(f"You must call wandb.init() before wandb.{what}()")
    return run


def _forget(ended: Run) -> None:
    here = sys.modules[__name__].__dict__
    if here["run"] is ended:
        here.update(run=None, config=Before("wandb.config"), summary=Before("wandb.summary"))


def _start(disabled: bool, experiment: str, settings: dict[str, Any], **named: Any) -> ActiveRun:
    if disabled:
        return ActiveRun("", experiment, None, state="silent")
    try:
        return start_run(experiment, settings, **named)
    except MlcoreError as error:
        said.aloud(f"{error} The run begins without its config, name, tags and notes.")
        return start_run(experiment)


def _disabled(mode: Any) -> bool:
    asked = mode or os.environ.get("WANDB_MODE", "")
    return asked in ("disabled", "dryrun-disabled") or os.environ.get("WANDB_DISABLED") == "true"


def _experiment(project: str) -> str:
    """The name of the experiment; mlcore's own names are those of what it can train itself."""
    plain = " ".join(project.replace(":", "-").replace("\0", "").split())[:LONGEST_EXPERIMENT]
    if plain in EXPERIMENTS:
        renamed = f"{plain}-wandb"
        said.once(
            f"project {plain}",
            f"The project {plain!r} is recorded as {renamed!r}: mlcore has an experiment of that "
            "name.",
        )
        return renamed
    return plain or UNNAMED


def _tags(tags: Any) -> list[str]:
    given = tags or os.environ.get("WANDB_TAGS", "").split(",")
    found = [given] if isinstance(given, str) else [str(tag) for tag in given]
    return [tag.strip() for tag in found if tag.strip()]


def _chosen(given: Config, exclude: Iterable[str] | None, include: Iterable[str] | None) -> Config:
    fields = given.as_dict()
    if include is not None:
        only = set(include)
        fields = {key: value for key, value in fields.items() if key in only}
    if exclude is not None:
        without = set(exclude)
        fields = {key: value for key, value in fields.items() if key not in without}
    return Config(fields)


def _say_what_is_not(run_id: Any, resume: Any, others: dict[str, Any]) -> None:
    forked = others.get("resume_from") or others.get("fork_from")
    if forked or resume not in (None, False, "never", "allow", "auto"):
        said.once("resume", "A run is not resumed or forked here: a new one begins.")
    elif resume and run_id:
        said.once("resume", f"The run {run_id!r} is not resumed here: a new one begins.")
    elif run_id:
        said.once("id", f"The id {run_id!r} is kept as a tag: mlcore gives a run its own id.")
    if others.get("tensorboard") or others.get("sync_tensorboard"):
        said.once(
            "tensorboard",
            "sync_tensorboard does nothing here: `mlcore follow FOLDER` follows event files.",
        )
