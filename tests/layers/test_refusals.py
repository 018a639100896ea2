"""Settings that torch refuses: the real error is caught, understood, and its mend works."""

from collections.abc import Callable

import pytest
import torch

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
