"""Spaces: checked against a config, listed as a grid, kept as JSON."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

import mlcore
from mlcore import MNISTConfig, RegressionConfig
from mlcore.core import ConfigError
from mlcore.sweeps import IntRange, Space


def test_a_grid_is_the_product_of_its_values_in_their_order() -> None:
    swept: dict[str, Any] = {
        "hidden": [(32,), (64, 32)],
        "lr": [0.1, 0.01, 0.001],
        "seed": mlcore.int_range(0, 3),
    }
    grid = Space.of(MNISTConfig(), swept).grid(MNISTConfig())
    expected = itertools.product([(32,), (64, 32)], [0.1, 0.01, 0.001], range(4))
    assert [tuple(params.values()) for params in grid] == list(expected)


@pytest.mark.parametrize("n", [1, 2, 3, 7, 8, 9, 31, 32, 100])
def test_a_budget_decides_how_many_points_fit_and_is_never_exceeded(n: int) -> None:
    swept: dict[str, Any] = {
        "hidden": [(32,), (128,)],
        "lr": mlcore.log_range(1e-4, 1),
        "weight_decay": mlcore.linear_range(0, 0.1),
    }
    grid = Space.of(MNISTConfig(), swept).with_points(n).grid(MNISTConfig())
    side = max(1, int((n / 2) ** 0.5 + 1e-9))
    assert len(grid) == 2 * side**2
    assert len(grid) <= max(n, 2)


def test_a_range_that_says_its_points_keeps_them() -> None:
    swept: dict[str, Any] = {
        "lr": mlcore.log_range(1e-4, 1, 5),
        "dropout": mlcore.linear_range(0, 0.5),
    }
    space = Space.of(MNISTConfig(), swept).with_points(10)
    assert len(space.grid(MNISTConfig())) == 10


def test_a_field_is_swept_only_where_it_matters() -> None:
    space = Space.of(
        MNISTConfig(), {"momentum": [0.0, 0.9], "optimizer": ["sgd", "adam"], "beta1": [0.8, 0.9]}
    )
    grid = space.grid(MNISTConfig())
    assert sorted((tuple(params.items()) for params in grid), key=repr) == sorted(
        [
            (("optimizer", "sgd"), ("momentum", 0.0)),
            (("optimizer", "sgd"), ("momentum", 0.9)),
            (("optimizer", "adam"), ("beta1", 0.8)),
            (("optimizer", "adam"), ("beta1", 0.9)),
        ],
        key=repr,
    )
    assert all(space.contains(MNISTConfig(), params) for params in grid)
    assert not space.contains(MNISTConfig(), {"optimizer": "adam", "momentum": 0.9})


def test_a_condition_of_a_condition_counts_only_where_both_hold() -> None:
    space = Space.of(
        MNISTConfig(),
        {
            "lr": [0.1, 0.01],
            **mlcore.when("lr", 0.1, schedule=["constant", "one_cycle"]),
            **mlcore.when("schedule", "one_cycle", peak=[0.2, 0.3]),
        },
    )
    assert [tuple(params.values()) for params in space.grid(MNISTConfig())] == [
        (0.1, "constant"),
        (0.1, "one_cycle", 0.2),
        (0.1, "one_cycle", 0.3),
        (0.01,),
    ]


def test_a_space_survives_json() -> None:
    space = Space.of(
        MNISTConfig(),
        {
            "hidden": [(32,), (64, 32)],
            "optimizer": ["sgd", "adam"],
            "nesterov": [True, False],
            "epochs": mlcore.int_range(1, 4),
            "lr": mlcore.log_range(1e-4, 1, 7),
            **mlcore.when("optimizer", "sgd", momentum=mlcore.linear_range(0, 0.9)),
        },
    )
    assert Space.from_json(space.to_json()) == space


def test_ranges_take_the_kind_of_their_field() -> None:
    space = Space.of(MNISTConfig(), {"batch_size": mlcore.log_range(16, 256), "lr": [1, 0.1]})
    assert space.ranges["batch_size"] == IntRange(16, 256, log=True)
    assert next(type(params["lr"]) for params in space.with_points(4).grid(MNISTConfig())) is float


@pytest.mark.parametrize(
    ("swept", "field", "sentence"),
    [
        ({}, "", "The space is empty"),
        ({"rate": [0.1]}, "rate", "has no field rate"),
        ({"lr": []}, "lr", "no choices"),
        ({"lr": 0.1}, "lr", "is no range"),
        ({"lr": [0.1, 20.0]}, "lr", "lr is 20.0, but must be a number above 0"),
        ({"lr": mlcore.log_range(1e-3, 100)}, "lr", "must stay within a number above 0"),
        ({"lr": mlcore.linear_range(0, 1)}, "lr", "must stay within a number above 0"),
        ({"optimizer": ["sgd", "lion"]}, "optimizer", "must be one of sgd"),
        ({"optimizer": mlcore.linear_range(0, 1)}, "optimizer", "so it has no range"),
        ({"epochs": mlcore.linear_range(1, 2.5)}, "epochs", "takes whole numbers"),
        ({"epochs": [1, 2.0]}, "epochs", "epochs is 2.0"),
        ({"hidden": [32, 64]}, "hidden", "hidden is 32"),
        ({"hidden": [(0,)]}, "hidden", "hidden is"),
        ({"nesterov": ["yes"]}, "nesterov", "must be true or false"),
        ({"channels": [(8,), (16,)]}, "channels", "model is 'mlp' throughout"),
        (
            {"optimizer": ["sgd", "adam"], **mlcore.when("optimizer", "rmsprop", momentum=[0.5])},
            "momentum",
            "optimizer is never set to that",
        ),
        (mlcore.when("loss", "hinge", lr=[0.1, 0.2]), "lr", "loss is 'mse' throughout"),
        (mlcore.when("colour", "red", lr=[0.1]), "lr", "has no field colour"),
        (mlcore.when("lr", 0.1, lr=[0.1]), "lr", "its own condition"),
        (
            {
                **mlcore.when("epochs", 1, lr=[0.1, 0.2]),
                **mlcore.when("lr", 0.1, epochs=[1, 2]),
            },
            "lr",
            "go round in a circle",
        ),
    ],
)
def test_a_space_that_does_not_fit_is_refused_at_its_field(
    swept: Any, field: str, sentence: str
) -> None:
    with pytest.raises(ConfigError, match=sentence) as caught:
        Space.of(MNISTConfig(), swept)
    assert list(caught.value.problems) == [field]


def test_a_grid_beyond_all_bounds_is_refused() -> None:
    swept: dict[str, Any] = {
        "lr": mlcore.log_range(1e-6, 1, 1000),
        "steps": mlcore.int_range(1, 1000),
    }
    with pytest.raises(ConfigError, match="1,000,000 trials, but at most 100,000"):
        Space.of(RegressionConfig(), swept).grid(RegressionConfig())
