"""The skorch callback, in trainings of the real library."""

from __future__ import annotations

import pickle
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

import mlcore
from mlcore.runs import Status, Store
from tests.compat.reading import only_run, points_of, press_stop
from tests.waiting import until

LIBRARY = "skorch"

pytestmark = pytest.mark.usefixtures("store")


class Net(torch.nn.Module):
    """Two classes from three numbers."""

    def __init__(self, width: int = 4) -> None:
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(3, width), torch.nn.ReLU(), torch.nn.Linear(width, 2)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits ``[N, 2]``."""
        return self.layers(x)  # type: ignore[no-any-return]


X = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")
Y = (X.sum(1) > 0).astype("int64")


def _net(library: ModuleType, *callbacks: Any, **options: Any) -> Any:
    torch.manual_seed(0)
    return library.NeuralNetClassifier(
        Net,
        module__width=5,
        criterion=torch.nn.CrossEntropyLoss,
        max_epochs=options.pop("max_epochs", 2),
        batch_size=8,
        verbose=0,
        callbacks=list(callbacks),
        **options,
    )


def _acting(library: ModuleType, act: Any) -> Any:
    """A callback that acts after the second batch."""

    class Acting(library.callbacks.Callback):  # type: ignore[misc, name-defined]
        def on_batch_end(self, net: Any, **_kwargs: Any) -> None:
            if len(net.history[-1, "batches"]) == 2:
                act()

    return Acting()


def test_a_training_is_equal_to_the_nets_history(library: ModuleType, store: Store) -> None:
    from mlcore.compat.skorch import MLCoreCallback

    net = _net(library, MLCoreCallback("classes", {"seed": 0}, batches=True, tags=["lib"]))
    net.fit(X, Y)
    run = only_run(store)
    assert (run.status, run.tags, run.seed) == (Status.FINISHED, ("lib",), 0)
    found = points_of(run)
    names = ("train_loss", "valid_loss", "valid_acc", "dur")
    own = {(name, row["epoch"]): row[name] for row in net.history for name in names}
    assert {key: one for key, one in found.items() if key[0][:5] != "batch"} == own
    for kind in ("train", "valid"):
        each = [
            one[f"{kind}_loss"]
            for row in net.history
            for one in row["batches"]
            if f"{kind}_loss" in one
        ]
        assert [found[f"batch/{kind}_loss", step] for step in range(len(each))] == each
    fields = run.config_fields
    assert (fields["module__width"], fields["max_epochs"], fields["lr"]) == (5, 2, 0.01)
    assert fields["criterion"] == "torch.nn.modules.loss.CrossEntropyLoss"
    assert [name for name, one in fields.items() if "0x" in str(one)] == []


def test_stop_ctrl_c_and_early_stopping_end_it_as_skorch_does(
    library: ModuleType, store: Store
) -> None:
    from mlcore.compat.skorch import MLCoreCallback

    def interrupt() -> None:
        raise KeyboardInterrupt

    callback = MLCoreCallback("classes")
    net = _net(library, _acting(library, lambda: press_stop(store, callback.run)), callback)
    net.fit(X, Y)
    assert callback.run is not None
    assert len(net.history[-1, "batches"]) == 2
    assert callback.run.read().status == Status.STOPPED

    callback = MLCoreCallback("classes")
    _net(library, callback, _acting(library, interrupt)).fit(X, Y)
    assert callback.run is not None
    assert callback.run.read().status == Status.STOPPED

    callback = MLCoreCallback("classes")
    early = library.callbacks.EarlyStopping(patience=1, threshold=10.0)
    net = _net(library, early, callback, max_epochs=9).fit(X, Y)
    assert callback.run is not None
    run = callback.run.read()
    assert run.status == Status.FINISHED
    assert run.metrics(["train_loss"])["value"].tolist() == net.history[:, "train_loss"]
    assert len(net.history) < 9


def test_an_exception_ends_the_run_as_failed(library: ModuleType, store: Store) -> None:
    from mlcore.compat.skorch import MLCoreCallback

    def fail() -> None:
        raise ZeroDivisionError

    callback = MLCoreCallback("classes")
    failing = _net(library, callback, _acting(library, fail))
    with pytest.raises(ZeroDivisionError):
        failing.fit(X, Y)
    until(lambda: only_run(store).status == Status.FAILED, seconds=10)
    for _ in range(2):  # the second begins before it is noticed how the first ended
        with pytest.raises(ZeroDivisionError):
            failing.fit(X, Y)
    copied = pickle.loads(pickle.dumps(callback))  # noqa: S301 - made here
    assert copied.run is None
    until(lambda: mlcore.search_runs("classes")["status"].tolist() == ["failed"] * 3, seconds=10)


def test_a_grid_search_copies_the_callback_and_records_each_training(library: ModuleType) -> None:
    from sklearn.model_selection import GridSearchCV

    from mlcore.compat.skorch import MLCoreCallback

    net = _net(library, MLCoreCallback("search", note="grid"), max_epochs=1, train_split=None)
    GridSearchCV(net, {"lr": [0.01, 0.1]}, cv=2, refit=False).fit(X, Y)
    table = mlcore.search_runs("search")
    assert table["status"].tolist() == ["finished"] * 4
    assert sorted(table["config.lr"]) == [0.01, 0.01, 0.1, 0.1]
