"""Says once, by the logger ``mlcore.log``, what this module does otherwise than W&B."""

from __future__ import annotations

import logging
from typing import Any, Final

_log: Final = logging.getLogger("mlcore.log")
_said: set[str] = set()


def once(kind: str, sentence: str) -> None:
    """Say a sentence, the first time that something of this kind is met."""
    if kind not in _said:
        _said.add(kind)
        _log.warning("%s", sentence)


def aloud(sentence: str) -> None:
    """Say a sentence each time."""
    _log.warning("%s", sentence)


def forget() -> None:
    """Forget what was said, so that it is said again."""
    _said.clear()


class Inert:
    """Stands for what is not recorded here: whatever is asked of it does nothing.

    It is called, indexed, iterated (it is empty), entered and compared without an error, so that
    the script around it goes on. It is false.

    Args:
        name: As the script calls it, such as ``wandb.Video``.
    """

    def __init__(self, name: str) -> None:
        self.__dict__["_name"] = name

    def __call__(self, *_words: Any, **_named: Any) -> Inert:
        """Do nothing."""
        self._say()
        return self

    def __getattr__(self, name: str) -> Inert:
        if name.startswith("__"):  # copy, pickle and the like ask for what is not there
            raise AttributeError(name)
        self._say()
        return Inert(f"{self._name}.{name}")

    def __setattr__(self, name: str, value: Any) -> None:
        self._say()

    def __getitem__(self, key: Any) -> Inert:
        self._say()
        return self

    def __setitem__(self, key: Any, value: Any) -> None:
        self._say()

    def __iter__(self) -> Any:
        self._say()
        return iter(())

    def __enter__(self) -> Inert:
        self._say()
        return self

    def __exit__(self, *_error: object) -> None:
        pass

    def __len__(self) -> int:
        return 0

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return f"<{self._name}, not recorded by mlcore>"

    def _say(self) -> None:
        whole = str(self._name)
        what = ".".join(whole.split(".")[:2])  # wandb.plot.line and wandb.plot.bar are one thing
        once(what, f"{what} does nothing here: {_instead(what)}")


def _instead(what: str) -> str:
    return _INSTEAD.get(what.partition(".")[2], "mlcore has nothing like it. The script goes on.")


_SWEEP: Final = "no trial is run. mlcore.sweep searches the settings of an experiment."
_CLOUD: Final = "runs are recorded in mlcore's store, not in W&B's cloud."
_FILE: Final = "it is not recorded. wandb.save keeps its file."
_INSTEAD: Final = {
    "sweep": _SWEEP,
    "agent": _SWEEP,
    "controller": _SWEEP,
    "plot": "it is not recorded. Log a figure of matplotlib or an Altair chart.",
    "plot_table": "it is not recorded. Log a figure of matplotlib or an Altair chart.",
    "Plotly": "it is not recorded. Log a figure of matplotlib or an Altair chart.",
    "Html": _FILE,
    "Video": _FILE,
    "Audio": _FILE,
    "Object3D": _FILE,
    "Molecule": _FILE,
    "box3d": _FILE,
    "Graph": _FILE,
    "Api": f"{_CLOUD} mlcore.search_runs lists them.",
    "api": f"{_CLOUD} mlcore.search_runs lists them.",
    "use_artifact": _CLOUD,
    "use_model": _CLOUD,
    "link_artifact": _CLOUD,
    "link_model": _CLOUD,
    "restore": _CLOUD,
}
