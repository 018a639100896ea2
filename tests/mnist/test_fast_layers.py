"""Stand-ins against the layers they stand in for."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from mlcore.mnist.config import MNISTConfig
from mlcore.mnist.fast_layers import MeasuredLinear, use_fast_layers
from mlcore.mnist.products import LIBRARIES, Library, onednn_multiplies

CPU = torch.device("cpu")

pytestmark = pytest.mark.skipif(not onednn_multiplies(), reason="this torch has no oneDNN for x86")


@given(
    st.integers(1, 70),
    st.integers(1, 200),
    st.integers(1, 200),
    st.booleans(),
    st.integers(0, 99),
    st.tuples(st.sampled_from(LIBRARIES), st.sampled_from(LIBRARIES)),
)
def test_the_quick_product_and_its_gradients_are_nn_linears(
    batch: int,
    inputs: int,
    outputs: int,
    transposed: bool,
    seed: int,
    libraries: tuple[Library, Library],
) -> None:
    generator = torch.Generator().manual_seed(seed)
    layer = nn.Linear(inputs, outputs)
    shape = (inputs, batch) if transposed else (batch, inputs)
    x = torch.randn(shape, generator=generator)
    x = (x.t() if transposed else x).requires_grad_()
    dy = torch.randn(batch, outputs, generator=generator)

    quick = MeasuredLinear(layer, libraries)
    found = quick(x)
    exact = layer.double()(x.double())

    assert torch.allclose(found.double(), exact, atol=1e-5)
    layer.float()
    wanted = torch.autograd.grad((layer(x) * dy).sum(), [x, layer.weight, layer.bias])
    given_ = torch.autograd.grad((quick(x) * dy).sum(), [x, quick.weight, quick.bias])
    for one, other in zip(wanted, given_, strict=True):
        assert torch.allclose(one, other, atol=1e-4)


def test_a_quickened_network_keeps_its_names_and_its_parameters() -> None:
    model = MNISTConfig(dropout=0.5, normalization="layer").build_model()
    before = dict(model.named_parameters())

    use_fast_layers(model, CPU, ("onednn", "blas"))

    after = dict(model.named_parameters())
    assert before.keys() == after.keys()
    assert all(before[name] is after[name] for name in before)
    assert sum(isinstance(layer, MeasuredLinear) for layer in model.modules()) == 2


def test_under_autocast_the_product_is_torchs_own_in_bfloat16() -> None:
    layer, x = nn.Linear(8, 8), torch.ones(2, 8)

    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(MeasuredLinear(layer, ("onednn", "onednn"))(x), layer(x))
