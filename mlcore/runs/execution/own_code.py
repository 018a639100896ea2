"""Loads the code of an experiment of one's own that a run was submitted with, and no other."""

from __future__ import annotations

from pathlib import Path

from mlcore.core import Config, RunStateError
from mlcore.core.source_code import class_in_memory
from mlcore.experiments import config_class, load_from
from mlcore.runs.recorded_run import FOLDER, MODULE, Run


def load_config(run: Run) -> None:
    """Make the config of a claimed run one of the code that it was submitted with.

    A run of mlcore's experiments is left as it is. Its own folder is looked at first: a worker may
    have been started in another one.

    Raises:
        RunStateError: If the code was edited since.
        ValueError: If its module cannot be imported here.
    """
    if not run.code:
        return
    module, _, name = str(run.environment.get(MODULE, "")).partition(":")
    known = class_in_memory(name, run.code)
    if known is not None and issubclass(known, Config) and known.experiment == run.experiment:
        run.fill_config(known.from_dict(run.config_fields))
        return
    folder = Path(str(run.environment.get(FOLDER, "")))
    if module and name and folder.joinpath(*module.split(".")).parent.is_dir():
        cls = load_from(run.experiment, module, name, folder)
    else:
        cls = config_class(run.experiment)
    if cls.code_hash() != run.code:
        raise RunStateError(
            f"The code of {run.experiment} was edited after this run was submitted, so the run "
            "cannot be trained any more. Start its config again: that is a new run of the code as "
            "it is now."
        )
    run.fill_config(cls.from_dict(run.config_fields))
