"""A run that leaves and comes back is the same on every back end a store may have."""

from __future__ import annotations

from pathlib import Path

import torch

import mlcore
from mlcore.mnist.config import MNISTConfig
from mlcore.runs.export import to_tensorboard, to_zip
from mlcore.runs.imports import import_tensorboard, import_zip
from mlcore.runs.store.store import Store
from tests.runs.hostile import HOSTILE


def test_a_run_comes_back_with_all_it_had(store: Store, tmp_path: Path) -> None:
    run = mlcore.run(MNISTConfig(train_size=256, epochs=1, hidden=(8,)))
    run = run.edit(name=HOSTILE, note=HOSTILE, tags=["<b>"])
    (twin,) = import_zip(store, to_zip([run]))
    to_tensorboard([run], tmp_path)
    (from_events,) = import_tensorboard(store, tmp_path)
    for other in (twin, from_events):
        assert other.id != run.id
        assert (other.name, other.note, other.tags) == (HOSTILE, HOSTILE, ("<b>",))
        assert other.config == run.config
        assert other.metrics().equals(run.metrics())
        assert other.latest() == run.latest()
    for name, weight in run.model().state_dict().items():
        assert torch.equal(weight, twin.model().state_dict()[name])
    assert store.submit(run.config).id == run.id, "what was imported answers for nothing"
    twin.delete()
    assert [one.id for one in store.list(deleted=True)] == [twin.id]
    (again,) = import_zip(store, to_zip([run]))
    assert again.id != twin.id
