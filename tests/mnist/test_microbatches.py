"""Microbatches of a batch: how many, in which order, and what goes wrong in one."""

import threading

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mlcore.mnist.augment import MAX_SHIFT, affine, shift
from mlcore.mnist.config import MNISTConfig
from mlcore.mnist.evaluate import sample_indices
from mlcore.mnist.fast_layers import SeededDropout, masks_from
from mlcore.mnist.microbatches import Team, microbatches_for
from mlcore.mnist.random_draws import seeded
from mlcore.mnist.runtime import threads_for
from tests.waiting import PATIENCE


@pytest.mark.parametrize(
    ("fields", "microbatches"),
    [
        ({}, 2),
        ({"batch_size": 2048}, 8),
        ({"batch_size": 65_536}, 8),
        ({"batch_size": 64}, 1),
        ({"model": "linear"}, 1),
        ({"model": "cnn", "batch_size": 256}, 2),
        ({"normalization": "batch"}, 1),
        ({"normalization": "layer"}, 2),
    ],
)
def test_a_batch_is_cut_where_the_microbatches_are_worth_a_thread(
    fields: dict[str, object], microbatches: int
) -> None:
    config = MNISTConfig.from_dict(fields)

    assert microbatches_for(config) == microbatches
    assert [threads_for(config, cores) for cores in (1, 2, 64)] == [
        1,
        min(2, microbatches),
        microbatches,
    ]


@given(st.integers(1, 4), st.lists(st.integers(), min_size=1, max_size=20))
def test_a_team_gives_results_in_the_order_of_the_items(threads: int, items: list[int]) -> None:
    team = Team(threads)

    assert team.map(lambda item: item * 2, items) == [item * 2 for item in items]
    team.close()


def test_a_team_works_side_by_side() -> None:
    team, both = Team(2), threading.Barrier(2, timeout=PATIENCE)

    assert sorted(team.map(lambda _: both.wait(), [0, 1])) == [0, 1]
    team.close()


def test_an_error_in_a_microbatch_reaches_the_caller() -> None:
    def work(item: int) -> int:
        if item == 3:
            raise ArithmeticError("microbatch 3")
        return item

    team = Team(2)
    with pytest.raises(ArithmeticError, match="microbatch 3"):
        team.map(work, [0, 1, 2, 3])
    assert team.map(work, [0, 1]) == [0, 1]
    team.close()


def test_dropout_draws_from_the_given_generator_alone() -> None:
    layer, values = SeededDropout(0.25), torch.ones(1000)
    before = torch.get_rng_state()

    with masks_from(seeded(0, "test")):
        first = layer(values)
    with masks_from(seeded(0, "test")):
        again = layer(values)

    assert torch.equal(first, again)
    assert torch.equal(torch.get_rng_state(), before)
    assert first.unique().tolist() == pytest.approx([0.0, 1 / 0.75])
    assert float((first == 0).float().mean()) == pytest.approx(0.25, abs=0.05)
    assert torch.equal(layer.eval()(values), values)


def test_shift_moves_whole_images_by_whole_pixels_within_reach() -> None:
    images = torch.zeros(200, 28, 28)
    images[:, 10, 15] = 1.0

    moved = shift(images, seeded(0, "test"))

    assert bool((moved.sum(dim=(1, 2)) == 1).all())
    places = moved.flatten(1).argmax(dim=1)
    rows, columns = places // 28 - 10, places % 28 - 15
    assert set(rows.tolist()) == set(columns.tolist()) == set(range(-MAX_SHIFT, MAX_SHIFT + 1))


def test_affine_keeps_the_middle_in_reach_and_the_ink_about_the_same() -> None:
    images = torch.zeros(100, 28, 28)
    images[:, 12:16, 12:16] = 1.0

    moved = affine(images, seeded(0, "test"))

    ink = moved.sum(dim=(1, 2))
    assert bool(((ink > 16 * 0.75) & (ink < 16 * 1.3)).all())
    axis = torch.arange(28.0)
    middle = (moved.sum(dim=2) * axis).sum(dim=1) / ink
    assert float((middle - 13.5).abs().max()) <= MAX_SHIFT + 0.6
    assert float((middle - 13.5).abs().max()) > 1


def test_samples_are_the_first_of_each_class() -> None:
    labels = torch.tensor([2, 0, 0, 1, 2, 0])

    assert sample_indices(labels, classes=3, count=6).tolist() == [1, 2, 3, 0, 4]
