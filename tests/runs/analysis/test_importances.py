"""Importance: Optuna's own numbers over the chosen runs, with the caveat beside them."""

from __future__ import annotations

import warnings

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from mlcore.mnist.config import MNISTConfig
from mlcore.runs import Run, Status, compare, importance
from mlcore.runs.store.store import Store
from tests.runs.made import made

pytestmark = pytest.mark.sqlite


@pytest.fixture
def runs(store: Store) -> list[Run]:
    """Sixteen runs in which the rate matters much, the width little, the optimizer not at all."""
    return [
        made(
            store,
            MNISTConfig(lr=lr, hidden=(width,), optimizer=optimizer, batch_size=batch),
            {"test_accuracy": {1: 0.5 + lr * 4 + width / 1e4}},
        )
        for lr in (0.01, 0.1)
        for width in (16, 32)
        for optimizer in ("sgd", "adam")
        for batch in (32, 64)
    ]


def _by_hand(runs: list[Run]) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction="maximize")
    distributions = {
        "batch_size": IntDistribution(32, 64, log=True),
        "hidden": CategoricalDistribution(["16", "32"]),
        "lr": FloatDistribution(0.01, 0.1, log=True),
        "optimizer": CategoricalDistribution(["adam", "sgd"]),
    }
    for run in runs:
        fields = run.config_fields
        study.add_trial(
            optuna.trial.create_trial(
                params={
                    "batch_size": fields["batch_size"],
                    "hidden": str(fields["hidden"][0]),
                    "lr": fields["lr"],
                    "optimizer": fields["optimizer"],
                },
                distributions=distributions,
                value=run.latest()["test_accuracy"],
            )
        )
    return study


def test_the_default_is_optunas(runs: list[Run]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        expected = optuna.importance.get_param_importances(_by_hand(runs))
    found = importance(compare(runs))
    assert dict(zip(found.table["field"], found.table["importance"], strict=True)) == expected
    assert found.table["field"].iloc[0] == "lr"
    assert found.table["importance"].sum() == pytest.approx(1)


@pytest.mark.parametrize("name", ["fanova", "mean_decrease_impurity"])
def test_the_forests_are_optunas(runs: list[Run], name: str) -> None:
    pytest.importorskip("sklearn", exc_type=ImportError)
    evaluator = {
        "fanova": optuna.importance.FanovaImportanceEvaluator,
        "mean_decrease_impurity": optuna.importance.MeanDecreaseImpurityImportanceEvaluator,
    }[name](seed=3)
    expected = optuna.importance.get_param_importances(_by_hand(runs), evaluator=evaluator)
    found = importance(compare(runs), name, seed=3)  # type: ignore[arg-type]  # a name of two
    assert dict(zip(found.table["field"], found.table["importance"], strict=True)) == expected


def test_the_caveat_says_how_little_is_known(store: Store, runs: list[Run]) -> None:
    failed = made(store, MNISTConfig(lr=0.5), {"test_accuracy": {1: 0.1}}, Status.FAILED)
    found = importance(compare([*runs, failed]))
    assert found.runs == 16
    assert "16 runs are few" in found.caveat
    assert "One run that is not finished" in found.caveat


def test_what_explains_nothing_is_said_so(store: Store, runs: list[Run]) -> None:
    with pytest.raises(ValueError, match=r"needs at least 4 finished runs .* are 3"):
        importance(compare(runs[:3]))
    even = [
        made(store, MNISTConfig(lr=lr), {"test_accuracy": {1: 0.5}}) for lr in (0.1, 0.2, 0.3, 0.4)
    ]
    with pytest.raises(ValueError, match="the same measure"):
        importance(compare(even))
    alike = [
        made(store, MNISTConfig(seed=seed), {"test_accuracy": {1: seed / 10}}) for seed in range(4)
    ]
    with pytest.raises(ValueError, match="do not differ"):
        importance(compare(alike))
    with pytest.raises(ValueError, match="evaluator is 'luck'"):
        importance(compare(runs), "luck")  # type: ignore[arg-type]  # wrong on purpose
