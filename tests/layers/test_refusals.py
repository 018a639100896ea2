"""Settings that torch refuses: the real error is caught, understood, and its mend works."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from mlcore.layers import convolve, explain, normalize, pool


def refused(call: Callable[[], object]) -> ValueError | RuntimeError:
    try:
        call()
    except (ValueError, RuntimeError) as error:
        return error
    pytest.fail("torch accepted what it should refuse")


IMAGE = torch.zeros(1, 4, 5, 5)


@pytest.mark.parametrize(
    ("call", "mend"),
    [
        (lambda: normalize("batch", torch.zeros(1, 3, 1, 1)), "switch to eval"),
        (lambda: normalize("group", torch.zeros(1, 1, 1, 1), training=False), "more pixels"),
        (lambda: normalize("group", torch.zeros(1, 4, 1, 1), groups=4), "fewer groups"),
        (lambda: normalize("instance", torch.zeros(2, 3, 1, 1)), "more than one pixel"),
        (lambda: normalize("group", torch.zeros(2, 3, 2, 2), groups=2), "divides the channels"),
        (lambda: normalize("batch", torch.zeros(2, 3, 2, 2), eps=0.0), "above 0"),
        (lambda: convolve(IMAGE, torch.zeros(4, 4, 3, 3), groups=3), "divide both"),
        (lambda: convolve(IMAGE, torch.zeros(3, 2, 3, 3), groups=2), "divide both"),
        (lambda: convolve(IMAGE, torch.zeros(1, 4, 7, 7)), "smaller kernel"),
        (lambda: convolve(IMAGE, torch.zeros(1, 4, 3, 3), dilation=3), "smaller kernel"),
        (lambda: convolve(IMAGE, torch.zeros(1, 4, 3, 3), stride=0), "stride of 1"),
        (lambda: convolve(IMAGE, torch.zeros(1, 4, 3, 3), dilation=0), "dilation of 1"),
        (lambda: convolve(IMAGE, torch.zeros(1, 4, 3, 3), padding=-1), "padding of 0"),
        (lambda: pool(IMAGE, "max", 9), "smaller pooling window"),
        (lambda: pool(IMAGE, "average", 9), "smaller pooling window"),
    ],
)
def test_torchs_own_error_is_understood(call: Callable[[], object], mend: str) -> None:
    error = refused(call)

    refusal = explain(error)

    assert refusal is not None
    assert refusal.said in str(error)
    assert mend in refusal.mend


def test_an_error_of_another_kind_is_not_explained_away() -> None:
    assert explain(RuntimeError("out of memory")) is None


@pytest.mark.parametrize("training", [True, False])
def test_a_batch_of_one_value_is_refused_in_train_mode_only(training: bool) -> None:
    x = torch.ones(1, 2, 1, 1)

    if training:
        refused(lambda: normalize("batch", x))
    else:
        assert normalize("batch", x, training=False, affine=False).output.shape == x.shape


# Whatever an explanation says of PyTorch is tried on PyTorch itself, with its bare modules.


def zeros(*shape: int) -> torch.Tensor:
    return torch.zeros(shape)


TRUE_IN_TORCH: dict[str, tuple[bool, Callable[[], object]]] = {
    "GroupNorm refuses one value in eval mode too": (
        False,
        lambda: nn.GroupNorm(1, 1).eval()(zeros(1, 1, 1, 1)),
    ),
    "GroupNorm takes it with fewer groups": (True, lambda: nn.GroupNorm(2, 4)(zeros(1, 4, 1, 1))),
    "GroupNorm takes it with more pixels": (True, lambda: nn.GroupNorm(4, 4)(zeros(1, 4, 1, 2))),
    "GroupNorm does not check with two samples": (
        True,
        lambda: nn.GroupNorm(4, 4)(zeros(2, 4, 1, 1)),
    ),
    "BatchNorm refuses one value": (False, lambda: nn.BatchNorm2d(3)(zeros(1, 3, 1, 1))),
    "BatchNorm takes more samples": (True, lambda: nn.BatchNorm2d(3)(zeros(2, 3, 1, 1))),
    "BatchNorm takes more pixels": (True, lambda: nn.BatchNorm2d(3)(zeros(1, 3, 1, 2))),
    "BatchNorm takes one value in eval": (
        True,
        lambda: nn.BatchNorm2d(3).eval()(zeros(1, 3, 1, 1)),
    ),
    "LayerNorm takes a batch of one": (True, lambda: nn.LayerNorm((3, 1, 1))(zeros(1, 3, 1, 1))),
    "InstanceNorm refuses one pixel": (False, lambda: nn.InstanceNorm2d(3)(zeros(2, 3, 1, 1))),
    "InstanceNorm refuses one pixel in eval too": (
        False,
        lambda: nn.InstanceNorm2d(3).eval()(zeros(2, 3, 1, 1)),
    ),
    "but not with running statistics": (
        True,
        lambda: nn.InstanceNorm2d(3, track_running_stats=True).eval()(zeros(2, 3, 1, 1)),
    ),
    "InstanceNorm takes two pixels": (True, lambda: nn.InstanceNorm2d(3)(zeros(2, 3, 1, 2))),
    "GroupNorm refuses groups that do not divide": (False, lambda: nn.GroupNorm(3, 4)),
    "1 group always divides": (True, lambda: nn.GroupNorm(1, 7)),
    "C groups always divide": (True, lambda: nn.GroupNorm(7, 7)),
    "BatchNorm refuses an epsilon of 0": (
        False,
        lambda: nn.BatchNorm2d(3, eps=0.0)(zeros(2, 3, 2, 2)),
    ),
    "in eval it takes it": (True, lambda: nn.BatchNorm2d(3, eps=0.0).eval()(zeros(2, 3, 2, 2))),
    "pooling refuses more padding than half its window": (
        False,
        lambda: nn.MaxPool2d(2, padding=2)(zeros(1, 1, 5, 5)),
    ),
    "pooling takes padding of half its window": (
        True,
        lambda: nn.AvgPool2d(2, padding=1)(zeros(1, 1, 5, 5)),
    ),
    "a dilated kernel as large as the padded input fits": (
        True,
        lambda: nn.Conv2d(1, 1, 3, dilation=3, padding=1)(zeros(1, 1, 5, 5)),
    ),
    "one pixel less and it does not": (
        False,
        lambda: nn.Conv2d(1, 1, 3, dilation=3, padding=1)(zeros(1, 1, 4, 4)),
    ),
}


@pytest.mark.parametrize("claim", TRUE_IN_TORCH)
def test_what_the_explanations_say_of_pytorch_is_what_pytorch_does(claim: str) -> None:
    accepted, call = TRUE_IN_TORCH[claim]

    if accepted:
        call()
    else:
        assert explain(refused(call)) is not None
