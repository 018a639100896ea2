"""The Keras callback, in trainings of the real library on its PyTorch back end."""

from __future__ import annotations

import csv
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import mlcore
from mlcore.runs import Status, Store
from tests.compat.reading import Points, only_run, points_of, press_stop
from tests.waiting import until

LIBRARY = "keras"

pytestmark = [
    pytest.mark.usefixtures("store"),
    # optimizer.get_config reads the rate of a variable so, with torch and NumPy 2
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword"),
]


def _fit(library: ModuleType, *callbacks: Any, epochs: int = 2) -> Any:
    library.utils.set_random_seed(0)
    x = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")
    model = library.Sequential([library.layers.Input((3,)), library.layers.Dense(1)])
    model.compile(optimizer=library.optimizers.SGD(0.05), loss="mse", metrics=["mae"])
    return model.fit(
        x,
        x.sum(1),
        validation_split=0.2,
        batch_size=8,
        epochs=epochs,
        verbose=0,
        callbacks=list(callbacks),
    )


def _csv(path: Path) -> Points:
    found: Points = {}
    with path.open() as file:
        for row in csv.DictReader(file):
            step = int(row.pop("epoch"))
            found |= {(name, step): float(value) for name, value in row.items()}
    return found


def test_a_training_is_equal_to_keras_own_csv(
    library: ModuleType, store: Store, tmp_path: Path
) -> None:
    from mlcore.compat.keras import MLCoreCallback

    callback = MLCoreCallback("plane", {"width": 1}, batches=True, seed=7)
    _fit(library, callback, library.callbacks.CSVLogger(str(tmp_path / "log.csv")))
    run = only_run(store)
    assert (run.status, run.seed, run.progress) == (Status.FINISHED, 7, 1.0)
    found = points_of(run)
    own = _csv(tmp_path / "log.csv")
    assert {key: found[key] for key in own} == own
    assert len(own) == 2 * 4
    others = {key for key in found if key not in own}
    assert others == {("learning_rate", 0), ("learning_rate", 1)} | {
        (f"batch/{name}", step) for name in ("loss", "mae") for step in range(8)
    }
    assert found["batch/loss", 7] == found["loss", 1], "the mean over an epoch is that of its end"
    fields = run.config_fields
    assert fields["model.layers"] == ["Dense"]
    assert (fields["model.parameters"], fields["loss"], fields["epochs"]) == (4, "mse", 2)
    assert (fields["optimizer.class"], fields["width"]) == ("SGD", 1)
    assert fields["optimizer.learning_rate"] == pytest.approx(0.05)


def test_stop_ends_the_training_and_the_run(library: ModuleType, store: Store) -> None:
    from mlcore.compat.keras import MLCoreCallback

    callback = MLCoreCallback("plane", batches=True)

    def stop(batch: int, **_kwargs: object) -> None:
        if batch == 1:
            press_stop(store, callback.run)

    pressing = library.callbacks.LambdaCallback(on_train_batch_begin=stop)
    history = _fit(library, pressing, callback, epochs=50)
    assert len(history.epoch) == 1
    run = only_run(store)
    assert run.status == Status.STOPPED
    assert max(step for name, step in points_of(run) if name == "batch/loss") == 1


def test_an_exception_that_is_caught_outside_ends_the_run_as_failed(
    library: ModuleType, store: Store
) -> None:
    from mlcore.compat.keras import MLCoreCallback

    def fail(*_args: object, **_kwargs: object) -> None:
        raise ZeroDivisionError

    failing = library.callbacks.LambdaCallback(on_epoch_end=fail)
    with pytest.raises(ZeroDivisionError):
        _fit(library, MLCoreCallback("plane"), failing)
    until(lambda: only_run(store).status == Status.FAILED, seconds=10)
    with pytest.raises(ZeroDivisionError), MLCoreCallback("again") as callback:
        _fit(library, callback, failing)
    run = mlcore.get_run(callback.run.id) if callback.run else None
    assert run is not None
    assert run.status == Status.FAILED
    assert "in fail" in (run.traceback or "")
