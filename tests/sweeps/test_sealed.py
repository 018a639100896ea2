"""The sealed test set: opened once, when a person asks; and what luck adds to a winner."""

from __future__ import annotations

import dataclasses
import itertools
import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

import mlcore
from mlcore.cli.main import main
from mlcore.core import InputError, RunStateError, SweepStateError
from mlcore.mnist import load
from mlcore.mnist.batches import normalized
from mlcore.runs import test_set as sealed
from mlcore.runs.imports import ImportRefusedError
from mlcore.runs.store.store import Store
from mlcore.sweeps import Sweep, verdict
from mlcore.sweeps.selection_bias import expected_maximum, inflation

CONFIG = mlcore.MNISTConfig(train_size=400, validation_size=200, hidden=(8,), epochs=1)


def swept(config: mlcore.MNISTConfig = CONFIG) -> Sweep:
    return mlcore.sweep(config, {"lr": [0.001, 0.01, 0.1]})


def test_a_sweep_with_a_split_chooses_by_validation_and_its_winner_is_examined_once(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = swept()
    assert [one.metric for one in sweep.objectives] == ["validation_accuracy"]
    assert not any("test" in name for run in sweep.runs() for name in run.latest())
    assert verdict.opening(sweep) is None
    assert verdict.sentences(sweep)[0] == (
        "The test set is sealed: no run in this store has opened it."
    )

    opening = sweep.examine_winner(person="Ada")

    assert sweep.best is not None
    assert (opening.run_id, opening.sweep_id) == (sweep.best.id, sweep.id)
    assert (opening.person, opening.trials) == ("Ada", 3)
    digits = load()
    with torch.no_grad():
        guesses = sweep.best.model()(normalized(digits, digits.test_images)).argmax(dim=1)
    right = float((guesses == digits.test_labels).double().mean())
    assert opening.metrics["test_accuracy"] == pytest.approx(right)
    assert sweep.examine_winner(person="Grace") == opening  # it is opened once
    assert sealed.times_opened(store, CONFIG.data_checksum()) == 1
    assert not any("test" in name for run in sweep.runs() for name in run.latest())

    other = next(run for run in sweep.runs() if run.id != opening.run_id)
    alone = other.examine()
    assert (alone.sweep_id, alone.trials, alone.person) == (None, 1, "local")
    assert sealed.times_opened(store, CONFIG.data_checksum()) == 2
    assert verdict.opening(sweep.refresh()) == opening

    assert main(["sweeps", "examine", sweep.id]) == 0
    assert main(["examine", other.id]) == 0
    printed = capsys.readouterr().out
    assert "chosen by validation among 3 trials, asked by Ada" in printed
    assert "This test set was opened 2 times in this store." in printed
    said = mlcore.runs.compare([opening.run_id, other.id]).test_set
    assert said[-1] == "This test set was opened 2 times in this store."


@pytest.mark.usefixtures("store")
def test_what_cannot_be_examined_says_why() -> None:
    plain = swept(CONFIG.replace(validation_size=0))
    assert plain.best is not None
    with pytest.raises(SweepStateError, match=r"has no sealed test set: validation_size is 0"):
        plain.examine_winner()
    with pytest.raises(RunStateError, match=r"has no sealed test set: .*validation_size is 0"):
        plain.best.examine()
    assert verdict.sentences(plain)[0].startswith("Chosen on test: ")
    assert mlcore.runs.compare([plain.best]).test_set[0].startswith("Chosen on test: run ")
    with pytest.raises(InputError, match=r"^person has 0 characters; give 1 to 100\.$"):
        mlcore.run(CONFIG).examine(person="")


def test_of_a_cross_validated_winner_it_is_said_which_run_is_examined(store: Store) -> None:
    config = CONFIG.replace(validation_size=0, train_size=200)
    sweep = mlcore.sweep(config, {"lr": [0.01, 0.1]}, cross_validate=True)
    folds = sweep.spec.folds
    assert verdict.which_run(sweep) == (
        f"Of the winner's {folds} runs one is examined, that of fold 1 of {folds}. It learns from "
        "the other folds only, not from all images."
    )

    opening = sweep.examine_winner()

    said = verdict.sentences(sweep)[1]
    assert said.startswith(f"Of the winner's {folds} runs run {opening.run_id} was examined, that ")
    assert store.get(opening.run_id).config.replace(fold=1) == store.get(opening.run_id).config
    assert verdict.which_run(swept()) == ""  # a trial is one run


@pytest.mark.parametrize("kind", ["zip", "json", "parquet"])
def test_an_opening_goes_with_an_export_and_counts_once(kind: str, store: Store) -> None:
    sweep = swept()
    opening = sweep.examine_winner(person="Ada")
    run = store.get(opening.run_id)
    content = getattr(mlcore.runs.export, f"to_{kind}")([run])

    [copy] = mlcore.runs.imports.import_content(store, content, f"class.{kind}")

    told = sealed.opening_of(store, [copy.id])[copy.id]
    assert told == dataclasses.replace(opening, run_id=copy.id)
    assert copy.examine(person="Grace") == told
    assert sealed.times_opened(store, CONFIG.data_checksum()) == 1


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ("yes", "it is no JSON object"),
        ({"person": "A" * 101}, "its data is no text of 1 to 100 characters"),
        ({"data": "d", "person": "Ada", "opened": "soon", "trials": 1, "metrics": {}}, "Invalid"),
        ({"data": "d", "person": "Ada", "opened": "2026-01-01", "trials": 0}, "its trials are no"),
    ],
)
def test_an_opening_that_is_none_is_refused_by_name(told: object, why: str, store: Store) -> None:
    run = {"id": "abcd1234", "metrics": {}, "test_set": told}
    content = json.dumps({"format": "mlcore points 1", "runs": [run]}).encode()
    with pytest.raises(ImportRefusedError, match=f"The test_set of a run in a.json .*{why}"):
        mlcore.runs.imports.import_content(store, content, "a.json")
    assert store.list() == []


# --- what luck adds -------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 5, 20, 300])
def test_the_expected_maximum_is_its_integral(n: int) -> None:
    exact, _ = integrate.quad(
        lambda x: n * x * stats.norm.pdf(x) * stats.norm.cdf(x) ** (n - 1), -12, 12, limit=200
    )
    assert expected_maximum(n) == pytest.approx(exact, abs=1e-6)


@pytest.mark.parametrize(
    ("n", "spread", "images"),
    list(itertools.product([8, 40], [0.0, 0.002, 0.01], [500, 10_000])),
)
def test_the_inflation_is_what_a_simulation_of_choosing_by_test_accuracy_finds(
    n: int, spread: float, images: int
) -> None:
    draw = np.random.default_rng(16)
    repeats = 20_000
    true = 0.95 + spread * draw.standard_normal((repeats, n))
    found = draw.binomial(images, true.clip(0, 1)) / images
    chosen = found.argmax(axis=1)[:, None]
    luck = np.take_along_axis(found - true, chosen, 1)[:, 0]
    # the trials as a sweep would measure them, on other images: their mean estimate
    seen = draw.binomial(images, true[:400].clip(0, 1)) / images
    told = np.mean([inflation(row, images, images) for row in seen])
    error = luck.std() / np.sqrt(repeats)
    assert told == pytest.approx(luck.mean(), abs=4 * error + 0.1 * luck.mean())


@given(st.lists(st.floats(0, 1), max_size=30), st.integers(1, 10_000), st.integers(1, 10_000))
@settings(max_examples=50)
def test_the_inflation_is_finite_and_never_negative(
    values: list[float], measured_on: int, images: int
) -> None:
    found = inflation(values, measured_on, images)
    assert 0 <= found < 3
    assert len(values) > 1 or found == 0
