"""Folds: disjoint, exhaustive, stratified, and each run validates on its own one alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedKFold

from mlcore.core import ConfigError
from mlcore.mnist.config import MNISTConfig
from mlcore.mnist.data.digits import load
from mlcore.mnist.ensemble.key import shape
from mlcore.mnist.ensemble.program import MNISTEnsemble
from mlcore.mnist.folds import fold_numbers
from mlcore.mnist.validation_split import held_out, split
from tests.mnist.conftest import write_folder


@given(st.lists(st.integers(2, 40), min_size=2, max_size=8), st.integers(2, 8), st.integers(0, 5))
def test_folds_are_exhaustive_and_of_the_sizes_that_scikit_learn_gives_them(
    counts: list[int], folds: int, seed: int
) -> None:
    total = sum(counts)
    assume(folds <= min(counts))
    order = torch.randperm(total, generator=torch.Generator().manual_seed(seed))
    labels = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))[order]
    config = MNISTConfig(dataset="folder", data_dir="none", folds=folds, fold_seed=seed)

    numbers = fold_numbers(config, labels)

    assert numbers.min() == 1
    assert numbers.max() == folds
    mine = torch.stack([labels[numbers == f + 1].bincount() for f in range(folds)])
    assert torch.equal(mine.sum(dim=0), labels.bincount())
    theirs = torch.stack(
        [
            labels[torch.from_numpy(held)].bincount(minlength=len(counts))
            for _, held in StratifiedKFold(folds, shuffle=True, random_state=seed).split(
                np.zeros(total), labels.numpy()
            )
        ]
    )
    assert sorted(mine.sum(dim=1).tolist()) == sorted(theirs.sum(dim=1).tolist())
    for found in (mine, theirs):  # a class's images are spread as evenly as can be
        assert int((found.max(dim=0).values - found.min(dim=0).values).max()) <= 1


def test_a_class_is_shared_to_the_image_when_fewer_images_than_all_are_divided() -> None:
    labels = load().train_labels
    config = MNISTConfig(folds=5, train_size=503)
    numbers = fold_numbers(config, labels)
    assert numbers.bincount().tolist() == [60_000 - 503, 101, 101, 101, 100, 100]
    inside = labels[numbers > 0].bincount() - labels.bincount() * 503 / 60_000
    assert float(inside.abs().max()) <= 1
    again = fold_numbers(config.replace(fold_seed=1, fold=3), labels)
    assert torch.equal(again > 0, numbers > 0)  # the same images, divided anew
    assert not torch.equal(again, numbers)
    assert not torch.equal(fold_numbers(config.replace(seed=1), labels) > 0, numbers > 0)


def test_the_folds_are_the_fold_seed_s_whatever_the_threads() -> None:
    labels, before = load().train_labels, torch.get_num_threads()
    found = []
    try:
        for threads, seed in ((1, 0), (8, 9)):
            torch.set_num_threads(threads)
            found.append(fold_numbers(MNISTConfig(folds=7, fold_seed=3, seed=seed), labels))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(*found)


def test_each_image_is_held_out_by_one_run_and_learned_from_by_all_others(tiny: str) -> None:
    config = MNISTConfig(dataset="folder", data_dir=tiny, folds=3)
    digits = load("folder", tiny)
    parts = [split(config.replace(fold=fold), digits.train_labels) for fold in (1, 2, 3)]
    held = [part.validation for part in parts if part.validation is not None]
    assert torch.cat(held).sort().values.tolist() == list(range(70))
    for fold, part in enumerate(parts, start=1):
        own = config.replace(fold=fold)
        assert part.train is not None
        assert part.validation is not None
        assert torch.cat([part.train, part.validation]).sort().values.tolist() == list(range(70))
        assert (own.num_train(), own.validation_images()) == (len(part.train), len(part.validation))
        found = held_out(own, digits)
        assert found.part == "validation"
        assert torch.equal(found.images, digits.train_images[part.validation])


def test_folds_of_one_size_train_as_one_program_with_the_numbers_of_single_runs(
    tmp_path: Any,
) -> None:
    write_folder(tmp_path, train=60)
    base = MNISTConfig(
        dataset="folder", data_dir=str(tmp_path), hidden=(8,), batch_size=16, epochs=2, folds=3
    )
    members = [base, base.replace(fold=2), base.replace(fold=3), base.replace(fold_seed=1)]
    assert len({shape(config) for config in members}) == 1
    found: dict[int, dict[str, float]] = {}
    confusions = {}
    for told in MNISTEnsemble(members, [None] * 4).rounds():
        for one in told:
            assert one.step is not None
            found.setdefault(one.member, {}).update(one.step.metrics)
            if one.step.arrays:
                confusions[one.member] = one.step.arrays["confusion"]
    for place, config in enumerate(members):
        steps = list(config.train())
        last = steps[-1].metrics
        assert torch.equal(confusions[place], steps[-1].arrays["confusion"])
        for name in ("validation_loss", "validation_accuracy", "train_loss"):
            assert found[place][name] == pytest.approx(last[name], rel=1e-4)
        assert "test_accuracy" not in last
    # 59 images: the last fold holds one less, so that its run learns from one more
    shorter = base.replace(train_size=59)
    assert shape(shorter) == shape(shorter.replace(fold=2)) != shape(shorter.replace(fold=3))


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (
            {"folds": 1},
            "folds is 1, but then nothing is left to learn from: give 2 or more, or 0 for none.",
        ),
        (
            {"folds": 5, "validation_size": 100},
            "folds is 5, but validation_size is 100, and a run has one validation part: set one "
            "of the two to 0.",
        ),
        (
            {"folds": 30, "train_size": 20},
            "folds is 30, but train_size is 20, and each fold needs an image: give fewer folds, or "
            "a larger train_size.",
        ),
        (
            {"folds": 5, "train_size": 40},
            "folds is 5, but of 40 images in 10 classes some class has fewer than 5: give fewer "
            "folds, or a larger train_size.",
        ),
        ({"folds": 5, "fold": 6}, "fold is 6, but folds is 5: give 1 to 5."),
        ({"fold": 2}, "fold is 2, but there are no folds: set folds to 2 or more."),
    ],
)
def test_folds_that_cannot_be_are_refused_in_a_sentence(
    fields: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        MNISTConfig(**fields)
    assert str(refused.value) == sentence


def test_a_class_with_fewer_images_than_folds_is_named_before_a_run_is_trained() -> None:
    config = MNISTConfig(folds=10, train_size=101)  # of some class there are 9 then
    with pytest.raises(ConfigError) as refused:
        config.check_data()
    assert str(refused.value) == (
        "folds is 10, but of the class with label 5 there are 9 images, and each fold needs one: "
        "give fewer folds, or more images (train_size)."
    )
    MNISTConfig(folds=9, train_size=101).check_data()


def test_a_run_outside_of_folds_has_the_fingerprint_it_had() -> None:
    fold = MNISTConfig(folds=5, fold=2, fold_seed=1)
    assert fold.replace(folds=0, fold=1, fold_seed=0).fingerprint("data") == (
        "a9245e940ae334049913ff4f9083a93ba81f617a876b3711705d969c13e5c5f2"
    )
    assert MNISTConfig.from_json(fold.to_json()) == fold
    assert fold.sealed()
