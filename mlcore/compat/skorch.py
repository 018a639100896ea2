"""A callback for skorch: ``NeuralNetClassifier(…, callbacks=[MLCoreCallback("digits")])``."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from numbers import Real
from pathlib import Path
from typing import Any, Final

from mlcore.compat.recorded import Options, Recorded, missing, plain
from mlcore.runs.store.store import Store

try:
    from skorch.callbacks import Callback
except ModuleNotFoundError as error:
    if error.name != "skorch":
        raise
    raise missing("skorch") from error

_MAIN: Final = ("batch_size", "criterion", "lr", "max_epochs", "module", "optimizer")
"""Parameters that are kept also at their defaults."""
_COUNTS: Final = ("epoch", "train_batch_count", "valid_batch_count")
"""What the history counts beside what it measures."""


class MLCoreCallback(Recorded, Callback):  # type: ignore[misc]  # skorch has no types
    """Records each epoch of a net's history: losses, scores, seconds.

    The net's main parameters, and those that differ from their defaults, are the run's config; the
    step is the epoch, from 1, as in ``net.history``. Stop in the dashboard ends the training as
    skorch's own ``EarlyStopping`` does, by a ``KeyboardInterrupt`` that the net catches.

    The run ends with ``fit``: as *stopped* also by Ctrl-C, as *failed* if an exception leaves it.
    In a ``with`` block it ends with the block, and the exception's traceback is recorded.

    Args:
        experiment: What is trained: runs of one name are compared with each other.
        config: Settings beside the net's.
        batches: Record the losses of each batch as well, as ``batch/train_loss``.
        name: As ``mlcore.start_run`` takes it, as all that follow.
        tags: Likewise.
        note: Likewise.
        seed: Likewise.
        strict: Likewise.
        store: Likewise.

    Example:
        from mlcore.compat.skorch import MLCoreCallback

        net = NeuralNetClassifier(Net, max_epochs=2, callbacks=[MLCoreCallback("digits")])
        net.fit(x, y)
    """

    # skorch and scikit-learn copy a callback by its arguments, so each is an attribute
    def __init__(
        self,
        experiment: str,
        config: Any = None,
        *,
        batches: bool = False,
        name: str | None = None,
        tags: Iterable[str] = (),
        note: str = "",
        seed: int | None = None,
        strict: bool = False,
        store: Store | str | Path | None = None,
    ) -> None:
        self.experiment, self.config, self.batches = experiment, config, batches
        self.name, self.tags, self.note = name, tags, note
        self.seed, self.strict, self.store = seed, strict, store

    def on_train_begin(self, net: Any, X: Any = None, y: Any = None, **_kwargs: Any) -> None:  # noqa: N803 - skorch's
        """Begin a run."""
        del X, y
        options = Options(
            name=self.name,
            tags=self.tags,
            note=self.note,
            seed=self.seed,
            strict=self.strict,
            store=self.store,
        )
        known = len(net.history)
        total = None if self.batches else known + net.max_epochs + 1
        self.begin("skorch", self.experiment, self.config, _settings(net), total, options)
        self.epochs_, self.batch_ = known, {"train": 0, "valid": 0}

    def on_batch_end(
        self, net: Any, batch: Any = None, training: bool | None = None, **kwargs: Any
    ) -> None:
        """Record a batch, if that is wanted, and hear Stop."""
        del net, batch
        if self.run_ is None:
            return
        if self.batches and (loss := kwargs.get("loss")) is not None:
            kind = "train" if training else "valid"
            self.record({f"batch/{kind}_loss": loss}, self.batch_[kind])
            self.batch_[kind] += 1
        self._hear()

    def on_epoch_end(
        self, net: Any, dataset_train: Any = None, dataset_valid: Any = None, **_kwargs: Any
    ) -> None:
        """Record an epoch, and hear Stop."""
        del dataset_train, dataset_valid
        self._record(net)
        self._hear()

    def on_train_end(self, net: Any, X: Any = None, y: Any = None, **_kwargs: Any) -> None:  # noqa: N803
        """End the run."""
        del X, y
        if self.run_ is None:
            return
        self._record(net)  # a callback before this one may have ended the training
        cut_off = len(net.history) > self.epochs_
        self.trained(KeyboardInterrupt() if cut_off and not self.run_.stop_requested else None)

    def _record(self, net: Any) -> None:
        """Record the epochs that are complete, which have their duration."""
        for row in net.history[self.epochs_ :]:
            if "dur" in row and self.run_ is not None:
                self.record(_numbers(row), row["epoch"])
                self.epochs_ += 1

    def _hear(self) -> None:
        if self.run_ is not None and self.run_.stop_requested:
            raise KeyboardInterrupt


def _settings(net: Any) -> dict[str, Any]:
    """The main parameters, and those that differ from their defaults."""
    usual: dict[str, Any] = {}
    for kind in reversed(type(net).__mro__):
        usual |= {
            name: one.default
            for name, one in inspect.signature(kind.__init__).parameters.items()  # type: ignore[misc]  # of a class
        }
    given = net.get_params(deep=False)
    return {
        name: plain(one)
        for name, one in given.items()
        if name in _MAIN or (name not in usual or one is not usual[name])
        if name.partition("__")[0] != "callbacks" and name != "verbose" and name[0] != "_"
    }


def _numbers(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: one
        for name, one in row.items()
        if isinstance(one, Real) and name not in _COUNTS and not name.endswith("_best")
    }
