"""The nearest in the last hidden layer equal those of a search through all."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from torch import nn

from mlcore.mnist import load
from mlcore.mnist.insight import OnPixels, activations, features, nearest
from mlcore.mnist.insight.neighbours import Metric
from mlcore.mnist.insight.pixels import as_pixels
from mlcore.mnist.insight.predict import forward
from tests.mnist.insight.conftest import KINDS, network

PICTURES = load("mnist").test_images[:300]
METRICS: tuple[Metric, ...] = ("euclidean", "cosine")


def on_pixels(kind: str) -> OnPixels:
    return OnPixels(network(kind), 0.1307, 0.3081).eval()


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("kind", ["linear", "mlp", "cnn"])
def test_the_nearest_are_those_of_brute_force(kind: str, metric: Metric) -> None:
    model = on_pixels(kind)
    gallery = features(model, PICTURES[1:])
    query = features(model, PICTURES[0])[0]

    found = nearest(gallery, query, 20, metric)

    away = cdist(gallery.double().numpy(), query.double().numpy()[None], metric)[:, 0]
    assert found.places.tolist() == np.argsort(away, kind="stable")[:20].tolist()
    np.testing.assert_allclose(found.distances, np.sort(away)[:20], rtol=1e-9, atol=1e-12)


@given(
    st.integers(1, 300),
    st.integers(1, 9),
    st.integers(0, 999),
    st.sampled_from(METRICS),
    st.data(),
)
def test_any_matrix_is_searched_as_by_brute_force(
    rows: int, units: int, seed: int, metric: Metric, data: st.DataObject
) -> None:
    count = data.draw(st.integers(1, min(rows, 15)))
    generator = torch.Generator().manual_seed(seed)
    gallery = torch.randn(rows, units, generator=generator)
    query = torch.randn(units, generator=generator)

    found = nearest(gallery, query, count, metric)

    away = cdist(gallery.double().numpy(), query.double().numpy()[None], metric)[:, 0]
    np.testing.assert_allclose(found.distances, np.sort(away)[:count], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(away[found.places], found.distances, rtol=1e-9, atol=1e-12)


def test_of_equally_near_ones_the_earlier_comes_first() -> None:
    gallery = torch.ones(200, 3)

    assert nearest(gallery, torch.zeros(3), 5).places.tolist() == [0, 1, 2, 3, 4]


def test_a_vector_of_zeros_points_nowhere() -> None:
    gallery = torch.tensor([[0.0, 0.0], [1.0, 0.0], [-1.0, 0.0]])

    assert nearest(gallery, torch.tensor([2.0, 0.0]), 3, "cosine").distances.tolist() == [0, 1, 2]
    assert nearest(gallery, torch.zeros(2), 3, "cosine").distances.tolist() == [1, 1, 1]


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(3,\), but the rows .* have \(2,\)"):
        nearest(torch.ones(5, 2), torch.ones(3))
    with pytest.raises(ValueError, match="6 neighbours were asked for, but there are 1 to 5"):
        nearest(torch.ones(5, 2), torch.ones(2), 6)
    with pytest.raises(ValueError, match="no linear layer"):
        features(nn.Sequential(nn.Flatten()), PICTURES[:1])


@pytest.mark.parametrize("kind", KINDS)
def test_features_are_what_the_last_layer_is_given(kind: str) -> None:
    model = on_pixels(kind)

    found = features(model, PICTURES[:25], chunk=7)

    normal = (PICTURES[:25].float() / 255 - 0.1307) / 0.3081
    torch.testing.assert_close(
        found, torch.from_numpy(forward(network(kind), normal).features), rtol=1e-4, atol=1e-5
    )


# --- layers ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_activations_are_those_of_the_layers_called_one_by_one(kind: str) -> None:
    model = on_pixels(kind)
    found = activations(model, PICTURES[0])

    layers = dict(network(kind).named_children())
    assert [one.name for one in found] == list(layers)
    hidden = (as_pixels(PICTURES[0], model) - 0.1307) / 0.3081
    with torch.no_grad():
        for one, layer in zip(found, layers.values(), strict=True):
            hidden = layer(hidden)
            assert one.kind == type(layer).__name__
            np.testing.assert_allclose(one.values, hidden[0].numpy(), rtol=1e-4, atol=1e-5)


def test_no_hook_stays_on_a_network_and_none_hears_other_threads() -> None:
    model, done = on_pixels("mlp"), threading.Event()

    def others() -> None:
        while not done.is_set():
            with torch.no_grad():
                model(torch.rand(3, 28, 28))

    expected = features(model, PICTURES[:40])
    thread = threading.Thread(target=others)
    thread.start()
    try:
        for _ in range(20):
            assert torch.equal(features(model, PICTURES[:40]), expected)
            assert len(activations(model, PICTURES[0])) == len(list(model.model.children()))
    finally:
        done.set()
        thread.join()
    assert all(
        not layer._forward_hooks and not layer._forward_pre_hooks for layer in model.modules()
    )
