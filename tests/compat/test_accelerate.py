"""The accelerate tracker, in loops with the real library."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

import mlcore
from mlcore.runs import Status, Store
from tests.compat.reading import Points, only_run, points_of, press_stop

LIBRARY = "accelerate"

pytestmark = pytest.mark.usefixtures("store")


@pytest.fixture(autouse=True)
def new_state(library: ModuleType) -> Iterator[None]:
    """Accelerate keeps one state for each process."""
    yield
    library.state.AcceleratorState._reset_state(reset_partial_state=True)


def _train(accelerator: Any, each_step: Any = None) -> int:
    """Two epochs of four batches; the steps that were taken."""
    torch.manual_seed(0)
    x = torch.randn(32, 3)
    model = torch.nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    loader = DataLoader(TensorDataset(x, x.sum(1, keepdim=True)), batch_size=8)
    model, optimizer, loader = accelerator.prepare(model, optimizer, loader)
    step = 0
    for epoch in range(2):
        for inputs, targets in loader:
            optimizer.zero_grad()
            loss = torch.nn.functional.mse_loss(model(inputs), targets)
            accelerator.backward(loss)
            optimizer.step()
            accelerator.log({"loss": loss.item(), "epoch": epoch, "phase": "train"}, step=step)
            step += 1
            if each_step is not None:
                each_step(step)
            if accelerator.check_trigger():
                return step
        accelerator.log({"norm": {"weight": model.weight.norm().item()}}, step=step)
    return step


def _tensorboard(folder: Path) -> Points:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found: Points = {}
    for file in folder.rglob("events.out.*"):
        events = EventAccumulator(str(file)).Reload()
        for name in events.Tags()["scalars"]:
            whole = name if file.parent == folder else name + "/weight"
            found |= {(whole, one.step): one.value for one in events.Scalars(name)}
    return found


def test_a_loop_is_equal_to_accelerates_own_tensorboard(
    library: ModuleType, store: Store, tmp_path: Path
) -> None:
    pytest.importorskip("tensorboard")
    from mlcore.compat.accelerate import MLCoreTracker

    accelerator = library.Accelerator(
        cpu=True,
        log_with=[MLCoreTracker("plane", tags=["lib"]), "tensorboard"],
        project_dir=str(tmp_path / "tb"),
    )
    accelerator.init_trackers("plane", config={"lr": 0.1, "seed": 5})
    _train(accelerator)
    tracker = accelerator.get_tracker("mlcore")
    tracker.log_images({"weights": np.zeros((2, 4, 4, 3), dtype=np.uint8)}, step=8)
    assert accelerator.get_tracker("mlcore", unwrap=True).id == tracker.tracker.id
    accelerator.end_training()
    run = only_run(store)
    assert (run.status, run.seed, run.tags) == (Status.FINISHED, 5, ("lib",))
    assert run.config_fields == {"lr": 0.1, "seed": 5}
    # event files hold floats of 32 bits
    found = {key: float(np.float32(one)) for key, one in points_of(run).items()}
    assert found == _tensorboard(tmp_path / "tb" / "plane")
    assert {("loss", 7), ("epoch", 7), ("norm/weight", 8)} <= {*found}
    assert sorted(run.media()["name"]) == ["weights/0", "weights/1"]


def test_stop_is_heard_by_the_loop_and_ends_the_run(library: ModuleType, store: Store) -> None:
    from mlcore.compat.accelerate import MLCoreTracker

    tracker = MLCoreTracker("plane")
    accelerator = library.Accelerator(cpu=True, log_with=tracker)
    accelerator.init_trackers("plane")

    def hear(step: int) -> None:
        if step == 3:
            press_stop(store, tracker.tracker)
        if accelerator.is_main_process and tracker.stop_requested:
            accelerator.set_trigger()

    assert _train(accelerator, hear) == 3
    accelerator.end_training()
    assert only_run(store).status == Status.STOPPED


def test_an_exception_ends_the_run_as_failed(library: ModuleType, store: Store) -> None:
    from mlcore.compat.accelerate import MLCoreTracker

    tracker = MLCoreTracker("plane")
    accelerator = library.Accelerator(cpu=True, log_with=tracker)
    accelerator.init_trackers("plane")
    with pytest.raises(ZeroDivisionError), tracker:
        accelerator.log({"loss": 1 / 0})
    run = only_run(store)
    assert run.status == Status.FAILED
    assert "1 / 0" in (run.traceback or "")


def test_another_process_records_nothing(
    library: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlcore.compat.accelerate import MLCoreTracker

    tracker = MLCoreTracker("plane")
    accelerator = library.Accelerator(cpu=True, log_with=tracker)
    monkeypatch.setattr(library.PartialState, "is_main_process", False)
    accelerator.init_trackers("plane", config={"lr": 0.1})
    accelerator.log({"loss": 1.0}, step=0)
    accelerator.end_training()
    assert tracker.tracker is None
    assert len(mlcore.search_runs()) == 0
