"""Learning rates against closed forms and torch's own schedulers."""

import math
import warnings
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim import lr_scheduler

from mlcore.mnist.config import MNISTConfig
from mlcore.mnist.schedules import learning_rate

PER_EPOCH = 20


def rates(config: MNISTConfig) -> list[float]:
    return [learning_rate(config, step, PER_EPOCH) for step in range(config.epochs * PER_EPOCH)]


def torch_rates(
    make: Callable[[torch.optim.Optimizer], lr_scheduler.LRScheduler], steps: int, lr: float
) -> list[float]:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the optimizer never steps
        scheduler = make(optimizer)
        for _ in range(steps):
            found.append(optimizer.param_groups[0]["lr"])
            scheduler.step()
    return found


def test_constant_is_constant() -> None:
    assert set(rates(MNISTConfig(lr=0.1))) == {0.1}


def test_step_is_torchs_steplr_by_epochs() -> None:
    config = MNISTConfig(lr=0.1, schedule="step", epochs=6, drop_every=2, drop_factor=0.3)
    torchs = torch_rates(
        lambda o: lr_scheduler.StepLR(o, step_size=2 * PER_EPOCH, gamma=0.3), 6 * PER_EPOCH, 0.1
    )

    assert rates(config) == pytest.approx(torchs)


def test_cosine_is_torchs_cosine_annealing() -> None:
    config = MNISTConfig(lr=0.1, schedule="cosine", epochs=2)
    torchs = torch_rates(
        lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=2 * PER_EPOCH), 2 * PER_EPOCH, 0.1
    )

    assert rates(config) == pytest.approx(torchs)


@pytest.mark.parametrize("peak", [0.1, 0.3, 0.75])
def test_one_cycle_is_torchs_one_cycle(peak: float) -> None:
    config = MNISTConfig(lr=0.1, schedule="one_cycle", epochs=2, peak=peak)
    torchs = torch_rates(
        lambda o: lr_scheduler.OneCycleLR(
            o, max_lr=0.1, total_steps=2 * PER_EPOCH, pct_start=peak, cycle_momentum=False
        ),
        2 * PER_EPOCH - 1,
        0.1,
    )

    assert rates(config)[:-1] == pytest.approx(torchs)
    assert rates(config)[-1] == pytest.approx(0.1 / 250_000)


@pytest.mark.parametrize("schedule", ["constant", "step", "cosine", "plateau"])
def test_warm_up_rises_in_a_straight_line_to_the_full_rate(schedule: str) -> None:
    config = MNISTConfig(lr=0.1, epochs=1, warmup=0.25, validation_size=100).replace(
        schedule=schedule
    )

    assert rates(config)[:6] == pytest.approx([0.02, 0.04, 0.06, 0.08, 0.1, rates(config)[5]])


@given(
    st.sampled_from(["constant", "step", "cosine", "one_cycle", "plateau"]),
    st.floats(0, 0.9),
    st.floats(0, 0.9),
    st.integers(1, 3),
    st.integers(1, 9),
)
def test_every_rate_is_positive_finite_and_no_higher_than_asked(
    schedule: str, warmup: float, peak: float, epochs: int, per_epoch: int
) -> None:
    config = MNISTConfig(
        lr=0.1, warmup=warmup, peak=peak, epochs=epochs, validation_size=100
    ).replace(schedule=schedule)

    for step in range(epochs * per_epoch):
        rate = learning_rate(config, step, per_epoch)
        assert math.isfinite(rate)
        assert 0 <= rate <= 0.1 * (1 + 1e-12)
