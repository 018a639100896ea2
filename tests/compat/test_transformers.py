"""The callback for Hugging Face's ``Trainer``, in trainings of the real library."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

import mlcore
from mlcore.runs import Status, Store
from tests.compat.reading import Points, only_run, points_of, press_stop
from tests.waiting import until

LIBRARY = "transformers"

pytestmark = pytest.mark.usefixtures("store")


class Sentences(torch.utils.data.Dataset[dict[str, torch.Tensor]]):
    """Words that are all small or all large, and which of both."""

    def __init__(self, size: int) -> None:
        numbers = torch.Generator().manual_seed(0)
        self.labels = torch.arange(size) % 2
        self.words = torch.randint(0, 10, (size, 4), generator=numbers) + 10 * self.labels[:, None]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return {"input_ids": self.words[index], "labels": self.labels[index]}


def _trainer(library: ModuleType, folder: Path, *callbacks: Any, **arguments: Any) -> Any:
    library.set_seed(0)
    config = library.BertConfig(
        vocab_size=20,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
        max_position_embeddings=8,
    )
    given = {
        "num_train_epochs": 2,
        "per_device_train_batch_size": 8,
        "logging_steps": 1,
        "eval_strategy": "epoch",
        "save_strategy": "no",
        "report_to": "none",
        "use_cpu": True,
        "disable_tqdm": True,
        "dataloader_pin_memory": False,
        **arguments,
    }
    return library.Trainer(
        model=library.BertForSequenceClassification(config),
        args=library.TrainingArguments(output_dir=str(folder / "out"), **given),
        train_dataset=Sentences(32),
        eval_dataset=Sentences(16),
        callbacks=list(callbacks),
    )


def _history(trainer: Any) -> Points:
    """What the Trainer keeps itself, by the names that it gives in TensorBoard."""
    from transformers.integrations.integration_utils import rewrite_logs

    found: Points = {}
    for row in trainer.state.log_history:
        step = row["step"]
        named = rewrite_logs({name: one for name, one in row.items() if name != "step"})
        found |= {(name, step): one for name, one in named.items()}
    return found


def test_a_training_is_equal_to_the_trainers_history(
    library: ModuleType, store: Store, tmp_path: Path
) -> None:
    from mlcore.compat.transformers import MLCoreCallback

    with MLCoreCallback("bert", {"data": "synthetic"}) as callback:
        trainer = _trainer(library, tmp_path, callback, seed=3)
        trainer.train()
        trainer.evaluate(Sentences(8), metric_key_prefix="test")
    run = only_run(store)
    assert (run.status, run.seed, run.progress) == (Status.FINISHED, 3, 1.0)
    found = points_of(run)
    assert found == _history(trainer)
    assert {("train/loss", 8), ("eval/loss", 4), ("test/loss", 8)} <= {*found}
    fields = run.config_fields
    assert (fields["model.hidden_size"], fields["learning_rate"]) == (8, 5e-5)
    assert (fields["data"], fields["per_device_train_batch_size"]) == ("synthetic", 8)
    assert fields["model.class"] == "BertForSequenceClassification"
    assert fields["dataloader_pin_memory"] is False
    arguments = {name for name in fields if not name.startswith("model.")}
    defaults = {"output_dir", "report_to", "adam_beta1", "hub_token", "gradient_checkpointing"}
    assert defaults.isdisjoint(arguments)
    assert len(arguments) < 20


def test_stop_ends_the_training_and_the_run(
    library: ModuleType, store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from mlcore.compat.transformers import MLCoreCallback

    callback = MLCoreCallback("bert")

    class Press(library.TrainerCallback):  # type: ignore[misc, name-defined]
        def on_step_begin(self, _args: Any, state: Any, *_rest: Any, **_kwargs: Any) -> None:
            if state.global_step == 2:
                press_stop(store, callback.run)

    trainer = _trainer(library, tmp_path, Press(), callback, eval_strategy="no")
    trainer.train()
    assert trainer.state.global_step == 3
    assert only_run(store).status == Status.STOPPED
    trainer.evaluate()
    assert "what is measured afterwards is not in it" in caplog.text


def test_an_exception_that_is_caught_outside_ends_the_run_as_failed(
    library: ModuleType, store: Store, tmp_path: Path
) -> None:
    from mlcore.compat.transformers import MLCoreCallback

    class Fail(library.TrainerCallback):  # type: ignore[misc, name-defined]
        def on_step_end(self, *_args: Any, **_kwargs: Any) -> None:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        _trainer(library, tmp_path, MLCoreCallback("bert"), Fail()).train()
    until(lambda: only_run(store).status == Status.FAILED, seconds=10)
    assert "caught outside" in str(only_run(store).error)


def test_only_the_first_process_records(library: ModuleType, tmp_path: Path) -> None:
    from mlcore.compat.transformers import MLCoreCallback

    callback = MLCoreCallback("bert")
    state = library.TrainerState(is_world_process_zero=False)
    trainer = _trainer(library, tmp_path, callback)
    callback.on_train_begin(trainer.args, state, trainer.control, model=trainer.model)
    callback.on_log(trainer.args, state, trainer.control, logs={"loss": 1.0})
    callback.on_step_end(trainer.args, state, trainer.control)
    callback.on_train_end(trainer.args, state, trainer.control)
    assert callback.run is None
    assert len(mlcore.search_runs()) == 0
