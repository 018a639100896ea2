"""The plane against scikit-learn's PCA, and collapsed networks against the networks themselves."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.decomposition import PCA
from torch import Tensor

from mlcore.mnist.config import MNISTConfig
from mlcore.mnist.insight import collapse, principal_plane, umap_plane
from mlcore.mnist.insight.linear_collapse import exact_logits
from mlcore.mnist.models import build_model
from tests.mnist.insight.conftest import KINDS, network


def cloud(points: int, width: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    scales = torch.linspace(3, 0.1, width)
    return torch.randn(points, width, generator=generator) * scales + 5


def test_the_plane_is_scikit_learns_up_to_the_sign_of_an_axis() -> None:
    features = cloud(300, 20)
    found = principal_plane(features)
    expected = PCA(2, svd_solver="full").fit(features.double().numpy())
    np.testing.assert_allclose(found.explained, expected.explained_variance_ratio_)
    np.testing.assert_allclose(np.abs(found.axes), np.abs(expected.components_), atol=1e-9)
    places = expected.transform(features.double().numpy())
    np.testing.assert_allclose(np.abs(found.places), np.abs(places), atol=1e-9)


@given(
    hnp.arrays(
        np.float64, st.tuples(st.integers(2, 12), st.integers(2, 6)), elements=st.floats(-9, 9)
    )
)
def test_axes_are_orthonormal_and_projecting_the_cloud_again_gives_its_places(
    points: np.ndarray[tuple[int, int], np.dtype[np.float64]],
) -> None:
    found = principal_plane(points)
    np.testing.assert_allclose(found.axes @ found.axes.T, np.eye(2), atol=1e-9)
    np.testing.assert_allclose(found.project(points), found.places, atol=1e-8)
    assert (found.axes[np.arange(2), np.abs(found.axes).argmax(axis=1)] > 0).all()
    assert 0 <= found.explained.sum() <= 1 + 1e-9


def test_a_cloud_of_many_dimensions_is_reduced_alike() -> None:
    features = cloud(50, 300)  # more dimensions than points
    found = principal_plane(features)
    expected = PCA(2, svd_solver="full").fit(features.double().numpy())
    np.testing.assert_allclose(found.explained, expected.explained_variance_ratio_)


@pytest.mark.parametrize("bad", [torch.zeros(1, 5), torch.zeros(5, 1), torch.zeros(5)])
def test_too_few_points_or_dimensions_are_refused(bad: Tensor) -> None:
    with pytest.raises(ValueError, match="at least 2 of each"):
        principal_plane(bad)


def test_numbers_that_are_not_finite_are_refused() -> None:
    with pytest.raises(ValueError, match="NaN or infinities"):
        principal_plane(torch.tensor([[1.0, float("nan")], [0.0, 1.0]]))


def test_without_the_extra_umap_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(ImportError, match=r'pip install "mlcore\[umap\]"'):
        umap_plane(cloud(40, 5))


def test_umap_is_asked_for_two_components_with_a_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, object] = {}

    class Reducer:
        def __init__(self, **options: object) -> None:
            asked.update(options)

        def fit_transform(
            self, points: np.ndarray[tuple[int, int], np.dtype[np.float32]]
        ) -> object:
            return points[:, :2]

    monkeypatch.setitem(sys.modules, "umap", SimpleNamespace(UMAP=Reducer))
    laid = umap_plane(cloud(40, 5), neighbours=7, seed=3)
    assert laid.shape == (40, 2)
    assert asked["n_components"] == 2
    assert (asked["n_neighbors"], asked["random_state"]) == (7, 3)


def test_umap_needs_more_points_than_neighbours() -> None:
    with pytest.raises(ValueError, match="There are 10 points, but 15 neighbours"):
        umap_plane(cloud(10, 5))


# --- collapse --------------------------------------------------------------------------------


@given(
    hidden=st.lists(st.integers(1, 40), min_size=1, max_size=4).map(tuple),
    seed=st.integers(0, 10_000),
)
def test_linear_layers_without_a_bend_are_one_map_to_1e_5(
    hidden: tuple[int, ...], seed: int
) -> None:
    model = build_model(MNISTConfig(hidden=hidden, activation="identity", seed=seed)).eval()
    images = torch.randn(5, 28, 28, generator=torch.Generator().manual_seed(seed))
    found = collapse(model)
    assert found.difference(model, images) < 1e-5
    assert found.bends == ()
    with torch.no_grad():
        as_trained = model(images)
    np.testing.assert_allclose(found.logits(images), as_trained.numpy(), atol=1e-4)


def test_the_product_is_that_of_the_matrices() -> None:
    model = network("mlp, identity")
    first, second, last = (model.get_submodule(name) for name in ("hidden1", "hidden2", "output"))
    product = last.weight.double() @ second.weight.double() @ first.weight.double()  # type: ignore[operator]  # all three are linear
    found = collapse(model)
    np.testing.assert_allclose(found.weight, product.detach().numpy(), atol=1e-12)
    assert found.images.shape == (10, 28, 28)
    assert found.layers == ("hidden1", "hidden2", "output")


def test_with_relu_the_product_is_not_the_network(images: Tensor) -> None:
    model = network("mlp")
    found = collapse(model)
    assert found.bends == ("activation1", "activation2")
    assert found.difference(model, images) > 0.01


def test_dropout_in_eval_mode_is_no_bend(images: Tensor) -> None:
    config = KINDS["mlp"].replace(activation="identity", dropout=0.5)
    model = build_model(config).eval()
    assert collapse(model).difference(model, images) < 1e-12


def test_a_single_linear_layer_is_its_own_collapse() -> None:
    model = network("linear")
    weight = model.get_submodule("output").weight.detach().double()  # type: ignore[operator]  # linear
    np.testing.assert_array_equal(collapse(model).weight, weight.numpy())


@pytest.mark.parametrize("kind", ["cnn", "mlp, batch"])
def test_what_is_no_product_of_matrices_is_refused(kind: str) -> None:
    with pytest.raises(ValueError, match="only linear layers can be multiplied"):
        collapse(network(kind))


@pytest.mark.parametrize("kind", ["mlp", "cnn, batch", "mlp, layer"])
def test_exact_logits_are_those_of_the_network_in_float64(kind: str, images: Tensor) -> None:
    model = network(kind)
    found = exact_logits(model, images)
    with torch.no_grad():
        expected = model.double()(images.double())
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-12)
