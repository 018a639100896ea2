"""The Lightning logger, in trainings of the real library."""

from __future__ import annotations

import csv
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

import mlcore
from mlcore.runs import Status, Store
from tests.compat.reading import Points, only_run, points_of, press_stop

LIBRARY = "lightning"

pytestmark = [
    pytest.mark.usefixtures("store"),
    pytest.mark.filterwarnings(r"ignore:`isinstance\(treespec, LeafSpec\)` is deprecated"),
    pytest.mark.filterwarnings("ignore:The '.*_dataloader' does not have many workers"),
    pytest.mark.filterwarnings("ignore:You defined a `validation_step` but have no"),
]


@pytest.fixture
def data() -> DataLoader[Any]:
    """Points on a plane, in 4 batches."""
    x = torch.randn(32, 3, generator=torch.Generator().manual_seed(0))
    return DataLoader(TensorDataset(x, x.sum(1, keepdim=True)), batch_size=8)


def _module(library: ModuleType, each_step: Any = None) -> Any:
    class Plane(library.LightningModule):  # type: ignore[misc, name-defined]
        def __init__(self, lr: float = 0.1, width: int = 1) -> None:  # noqa: ARG002 - a hyperparameter
            super().__init__()
            self.save_hyperparameters()
            self.layer = torch.nn.Linear(3, width)

        def training_step(self, batch: Any) -> torch.Tensor:
            loss = torch.nn.functional.mse_loss(self.layer(batch[0]), batch[1])
            self.log("train/loss", loss, on_step=True, on_epoch=True)
            if each_step is not None:
                each_step(self.global_step)
            return loss

        def validation_step(self, batch: Any) -> None:
            loss = torch.nn.functional.mse_loss(self.layer(batch[0]), batch[1])
            self.log("val/loss", loss)

        def test_step(self, batch: Any) -> None:
            self.log("test/error", (self.layer(batch[0]) - batch[1]).abs().mean())

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), lr=self.hparams.lr)

    torch.manual_seed(0)
    return Plane(lr=0.05)


def _trainer(library: ModuleType, logger: Any, **options: Any) -> Any:
    return library.Trainer(
        max_epochs=2,
        accelerator="cpu",
        logger=logger,
        log_every_n_steps=1,
        enable_progress_bar=False,
        enable_model_summary=False,
        **options,
    )


def _csv(folder: Path) -> Points:
    found: Points = {}
    with (folder / "metrics.csv").open() as file:
        for row in csv.DictReader(file):
            step = int(row.pop("step"))
            found |= {(name, step): float(value) for name, value in row.items() if value}
    return found


def test_a_training_and_its_test_are_one_run_equal_to_lightnings_csv(
    library: ModuleType, store: Store, data: DataLoader[Any], tmp_path: Path
) -> None:
    from lightning.pytorch.loggers import CSVLogger

    from mlcore.compat.lightning import MLCoreLogger

    own = CSVLogger(tmp_path, name="csv", version="0")
    with MLCoreLogger("plane", {"note": "x"}, save_checkpoint=True, tags=["lib"]) as logger:
        trainer = _trainer(library, [logger, own])
        model = _module(library)
        trainer.fit(model, data, data)
        logger.log_image("weight", [torch.rand(4, 4), torch.rand(4, 4)], step=8)
        trainer.test(model, data, verbose=False)
    run = only_run(store)
    assert run.status == Status.FINISHED
    found = points_of(run)
    assert found == _csv(tmp_path / "csv" / "0")
    assert {
        ("train/loss_step", 0),
        ("train/loss_epoch", 7),
        ("val/loss", 3),
        ("test/error", 8),
    } <= {*found}
    assert run.config_fields == {"lr": 0.05, "width": 1, "note": "x"}
    assert run.tags == ("lib",)
    assert [name.endswith(".ckpt") for name in run.files()] == [True]
    assert sorted(run.media()["name"]) == ["weight/0", "weight/1"]


def test_stop_ends_the_training_and_the_run(
    library: ModuleType, store: Store, data: DataLoader[Any]
) -> None:
    from mlcore.compat.lightning import MLCoreLogger

    logger = MLCoreLogger("plane")

    def stop_at_2(step: int) -> None:
        if step == 2:
            press_stop(store, logger.run)

    trainer = _trainer(library, logger, enable_checkpointing=False)
    trainer.fit(_module(library, stop_at_2), data)
    assert trainer.global_step == 3
    assert [type(one).__module__ for one in trainer.callbacks if "mlcore" in str(type(one))] == []
    assert only_run(store).status == Status.STOPPED


def test_an_exception_and_ctrl_c_end_the_run_and_the_next_training_is_another(
    library: ModuleType, store: Store, data: DataLoader[Any]
) -> None:
    from mlcore.compat.lightning import MLCoreLogger

    def fail(_step: int) -> None:
        raise ZeroDivisionError

    def interrupt(_step: int) -> None:
        raise KeyboardInterrupt

    logger = MLCoreLogger("plane")
    statuses = []
    for act, raised in ((fail, ZeroDivisionError), (interrupt, SystemExit), (None, None)):
        trainer = _trainer(library, logger, enable_checkpointing=False)
        if raised is None:
            trainer.fit(_module(library), data)
        else:
            with pytest.raises(raised):
                trainer.fit(_module(library, act), data)
        assert logger.run is not None
        statuses.append(store.get(logger.run.id))
    assert [run.status for run in statuses] == [Status.FAILED, Status.STOPPED, Status.FINISHED]
    assert "in training_step" in (statuses[0].traceback or "")


@pytest.mark.usefixtures("library")
def test_another_rank_records_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from lightning.pytorch.utilities import rank_zero_only

    from mlcore.compat.lightning import MLCoreLogger

    monkeypatch.setattr(rank_zero_only, "rank", 1)
    logger = MLCoreLogger("plane")
    logger.log_hyperparams({"lr": 0.1})
    logger.log_metrics({"loss": 1.0}, 0)
    logger.finalize("success")
    assert logger.run is None
    assert len(mlcore.search_runs()) == 0
