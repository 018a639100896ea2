"""The validation split: disjoint, stratified, seeded, and no trace of it where there is none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedShuffleSplit

import mlcore
from mlcore.core import ConfigError, DataUnavailableError
from mlcore.mnist import validation_split
from mlcore.mnist.batches import batch_order
from mlcore.mnist.config import MNISTConfig
from mlcore.mnist.data.digits import load
from mlcore.mnist.validation_split import held_out, split
from tests.mnist.conftest import write_folder


def parts(labels: torch.Tensor, train: int, validation: int, seed: int) -> tuple[Any, Any]:
    """The two parts of any labels, without a data set behind them."""

    class Given:
        train_size, validation_size, folds = train, validation, 0

        def __init__(self) -> None:
            self.seed = seed

        def num_train(self) -> int:
            return min(self.train_size, len(labels) - self.validation_size)

    found = split(Given(), labels)  # type: ignore[arg-type]  # what it reads of a config
    return found.train, found.validation


@given(
    st.lists(st.integers(1, 60), min_size=2, max_size=10),
    st.integers(1, 300),
    st.integers(1, 600),
    st.integers(0, 5),
)
def test_parts_are_disjoint_and_each_class_has_its_share_to_the_image(
    counts: list[int], validation: int, train: int, seed: int
) -> None:
    total = sum(counts)
    assume(validation < total)
    order = torch.randperm(total, generator=torch.Generator().manual_seed(seed))
    labels = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))[order]

    learned, held = parts(labels, train, validation, seed)

    both = torch.cat([learned, held])
    assert len(held) == validation
    assert len(learned) == min(train, total - validation)
    assert len(set(both.tolist())) == len(both)
    for part in (learned, held):
        share = torch.tensor(counts) * len(part) / total
        found = labels[part].bincount(minlength=len(counts))
        assert float((found - share).abs().max()) <= 1 + 1e-9
        assert torch.equal(part, part.sort().values)


def test_the_classes_are_counted_as_scikit_learn_counts_them() -> None:
    labels = load().train_labels
    found = split(MNISTConfig(validation_size=10_000), labels)
    assert found.train is not None
    assert found.validation is not None
    theirs = StratifiedShuffleSplit(1, test_size=10_000, random_state=0)
    train, validation = next(theirs.split(np.zeros(len(labels)), labels.numpy()))
    for mine, other in ((found.train, train), (found.validation, validation)):
        counts = labels[mine].bincount(), labels[torch.from_numpy(other)].bincount()
        assert int((counts[0] - counts[1]).abs().max()) <= 1
    assert len({*found.train.tolist(), *found.validation.tolist()}) == 60_000


def test_the_split_is_the_seed_s_whatever_the_threads() -> None:
    config = MNISTConfig(validation_size=10_000, train_size=5000, seed=3)
    labels, before = load().train_labels, torch.get_num_threads()
    found = []
    try:
        for threads in (1, 8):
            torch.set_num_threads(threads)
            found.append(split(config, labels))
    finally:
        torch.set_num_threads(before)
    other = split(config.replace(seed=4), labels)
    for name in ("train", "validation"):
        assert torch.equal(getattr(found[0], name), getattr(found[1], name))
        assert not torch.equal(getattr(found[0], name), getattr(other, name))


def test_a_run_learns_from_its_training_part_alone(tiny: str) -> None:
    config = MNISTConfig(dataset="folder", data_dir=tiny, validation_size=20, batch_size=16)
    digits = load("folder", tiny)
    found = split(config, digits.train_labels)
    assert found.train is not None
    assert found.validation is not None
    seen = torch.cat(list(batch_order(config.replace(epochs=1))))
    assert torch.equal(seen.sort().values, found.train)
    held = held_out(config, digits)
    assert held.part == "validation"
    assert torch.equal(held.images, digits.train_images[found.validation])


def test_without_a_split_runs_and_cache_keys_are_those_of_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # fingerprints recorded before the first of these fields was added
    before = {
        MNISTConfig(): "a9245e940ae334049913ff4f9083a93ba81f617a876b3711705d969c13e5c5f2",
        MNISTConfig.presets[
            "99 % CNN"
        ]: "88cca23ead976d731ab89ab36892afdeecbe16c94cc90869fddc078bdd2ba97c",
        MNISTConfig(
            hidden=(32,), lr=0.1, seed=3
        ): "6a7daa7f6bae24111aac3e88735df66b8f89355684ff617c411dc34a91fa2699",
        mlcore.RegressionConfig(): (
            "ef9fdd9787f6b6346b349d681d149719e4e3249edc84cd6aeec090d0305d8051"
        ),
    }
    for config, key in before.items():
        assert config.fingerprint("data") == key
        assert type(config).from_json(config.to_json()) == config
    changed = MNISTConfig(validation_size=1)
    assert changed.fingerprint("data") not in before.values()
    assert MNISTConfig.from_json(changed.to_json()) == changed
    monkeypatch.setattr(validation_split, "shares", None)
    assert split(MNISTConfig(), load().train_labels).validation is None


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (
            {"validation_size": 10_000, "train_size": 55_000},
            "validation_size is 10000, but with train_size 55000 only 5000 of the 60000 images of "
            "MNIST are left: give fewer, or a smaller train_size.",
        ),
        (
            {"validation_size": 40_000},
            "validation_size is 40000, but must be a whole number from 0 to 30000.",
        ),
        (
            {"keep": "best"},
            "keep is best, but no validation images are held out to judge an epoch by: set "
            "validation_size or folds above 0.",
        ),
        (
            {"early_stopping": True, "patience": 1},
            "early_stopping is on, but no validation images are held out to judge an epoch by: "
            "set validation_size or folds above 0.",
        ),
        (
            {"validation_size": 9, "early_stopping": True, "patience": 0},
            "patience is 0, but must be a whole number from 1 to 999.",
        ),
        (
            {"validation_size": 9, "early_stopping": True, "patience": 7, "epochs": 7},
            "patience is 7, but the run has epochs=7, so that early_stopping could never end it: "
            "give 1 to 6, or more epochs.",
        ),
    ],
)
def test_a_split_that_cannot_be_is_refused_in_a_sentence(
    fields: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        MNISTConfig(**fields)
    assert str(refused.value) == sentence


def test_a_folder_with_too_few_images_names_the_field(tmp_path: Any) -> None:
    write_folder(tmp_path, train=20)
    config = MNISTConfig(dataset="folder", data_dir=str(tmp_path), validation_size=20)
    with pytest.raises(DataUnavailableError, match=r"^validation_size is 20, but .* holds 20 "):
        next(iter(config.train()))
