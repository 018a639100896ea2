"""Cross-validation: the folds' runs, their scores, and the test that compares two configs."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import PredefinedSplit, cross_val_score
from sklearn.preprocessing import PolynomialFeatures
from sqlalchemy import select

import mlcore
from mlcore.cli.main import main
from mlcore.core import Config, ConfigError, InputError
from mlcore.mnist import held_out, load
from mlcore.mnist.batches import normalized
from mlcore.regression.validation_split import fold_numbers
from mlcore.runs.analysis.fold_comparison import corrected_t
from mlcore.runs.analysis.fold_scores import CrossValidation, fold_configs
from mlcore.runs.cross_validation import submit_folds, with_folds
from mlcore.runs.execution import benchmark
from mlcore.runs.store.schema import ensembles
from mlcore.runs.store.store import Store

DIGITS = mlcore.MNISTConfig(train_size=300, hidden=(8,), epochs=2, lr=0.1)
LINE = mlcore.RegressionConfig(standardize=True, lr=0.1, steps=300)


@pytest.mark.sqlite
@pytest.mark.usefixtures("store")
def test_a_linear_model_has_the_scores_that_scikit_learn_gives_it_on_the_same_folds() -> None:
    config = LINE.replace(model="polynomial", degree=2, lr=0.05, steps=600, optimizer="momentum")
    result = mlcore.cross_validate(config, folds=3, repeats=2)
    data = mlcore.regression.load(config)
    expected = []
    for repeat in range(2):
        folds = PredefinedSplit(
            fold_numbers(config.replace(folds=3, fold_seed=repeat), len(data)).numpy() - 1
        )
        features = PolynomialFeatures(2, include_bias=False).fit_transform(data.x.numpy()[:, None])
        expected += (
            -cross_val_score(
                LinearRegression(),
                features,
                data.y.numpy(),
                cv=folds,
                scoring="neg_mean_squared_error",
            )
        ).tolist()
    assert result.scores == pytest.approx(expected, rel=1e-6)
    assert result.mean == pytest.approx(np.mean(expected), rel=1e-6)
    halves = [expected[:3], expected[3:]]
    assert result.sd == pytest.approx(
        math.sqrt(sum(np.var(half, ddof=1) for half in halves) / 2), rel=1e-6
    )
    once = CrossValidation(result.config, 1, result.metric, result.runs[:3])
    assert once.standard_error == pytest.approx(stats.sem(expected[:3]), rel=1e-6)
    assert result.table()["fold"].tolist() == [1, 2, 3, 1, 2, 3]
    assert result.table()["repeat"].tolist() == [1, 1, 1, 2, 2, 2]


@pytest.mark.sqlite
def test_each_image_is_counted_as_the_run_predicts_it_that_did_not_see_it(store: Store) -> None:
    result = mlcore.cross_validate(DIGITS, folds=3)
    digits = load()
    expected = torch.zeros(10, 10, dtype=torch.int64)
    for run in result.runs:
        assert isinstance(run.config, mlcore.MNISTConfig)
        held = held_out(run.config, digits)
        with torch.no_grad():
            guesses = run.model()(normalized(digits, held.images)).argmax(dim=1)
        expected.index_put_((held.labels, guesses), torch.tensor(1), accumulate=True)
        assert not any("test" in name for name in run.latest())
    assert torch.equal(result.confusion(), expected)
    assert int(expected.sum()) == 300
    assert result.mean == pytest.approx(int(expected.diagonal().sum()) / 300)
    last = result.curves().groupby("fold")["value"].last()
    assert tuple(last) == result.scores

    again = mlcore.cross_validate(DIGITS.replace(fold_seed=0), folds=3, repeats=2)
    assert [run.id for run in again.runs[:3]] == [run.id for run in result.runs]
    assert len({run.id for run in again.runs}) == 6
    assert int(again.confusion().sum()) == 600
    assert len(store.list("mnist")) == 6


def test_the_folds_wait_as_one_group_until_a_worker_takes_them(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLCORE_WORKERS", "0")
    runs, queued = submit_folds(store, with_folds(DIGITS, 5))
    assert [run.id for run in runs] == queued
    assert [run.config_fields.get("fold", 1) for run in runs] == [1, 2, 3, 4, 5]
    with store.reading() as connection:
        assert connection.execute(select(ensembles.c.members)).scalars().all() == [5]
    half_done = mlcore.cross_validate(DIGITS, wait=False)
    assert [run.id for run in half_done.runs] == queued
    assert not half_done.complete
    assert str(half_done) == "validation accuracy: 0 of 5 folds have a score."
    assert submit_folds(store, with_folds(DIGITS, 5))[1] == []
    # one worker would train an ensemble of them; one by one, all that are idle would
    for workers, others, expected in ((1, 0, 1), (2, 0, 2), (9, 0, 5), (3, 1, 2), (2, 1, 1)):
        monkeypatch.setenv("MLCORE_WORKERS", "0")
        for number in range(others):
            store.submit(LINE.replace(seed=1 + number))
        monkeypatch.setenv("MLCORE_WORKERS", str(workers))
        assert benchmark.sharing(store, 5) == expected


def test_the_corrected_t_test_is_that_of_a_computation_by_hand() -> None:
    # mean 0.02, s² = (0.01² + 0.01²)/4, t = 0.02/√((1/5 + 1/4)·0.00005) = 4.2164, 4 degrees
    found = corrected_t([0.9] * 5, [0.91, 0.92, 0.93, 0.92, 0.92], folds=5)
    assert found.value == pytest.approx(0.02)
    assert found.p == pytest.approx(2 * stats.t.sf(4.216370, 4), rel=1e-5)
    assert found.half_width == pytest.approx(2.776445 * 0.02 / 4.216370, rel=1e-5)


@given(
    st.integers(2, 6),
    st.integers(1, 4),
    st.lists(st.floats(-1, 1), min_size=24, max_size=24),
    st.sampled_from([0.9, 0.95, 0.99]),
)
def test_it_is_the_paired_t_test_with_the_error_raised_for_shared_training_samples(
    folds: int, repeats: int, numbers: Sequence[float], level: float
) -> None:
    n = folds * repeats
    b = np.array(numbers[:n]) + np.arange(n) * 1e-3
    found = corrected_t([0.0] * n, b.tolist(), folds, level)
    paired = stats.ttest_rel(b, np.zeros(n))
    raised = paired.statistic / math.sqrt(1 + n / (folds - 1))  # (1/n + 1/(k−1)) / (1/n)
    assert found.p == pytest.approx(2 * stats.t.sf(abs(raised), n - 1), rel=1e-9, abs=1e-12)
    width = stats.t.ppf(0.5 + level / 2, n - 1) * abs(found.value / raised)
    assert found.half_width == pytest.approx(width, rel=1e-6) or abs(found.value) < 1e-9


def scored(config: Config, scores: Sequence[float], repeats: int = 1) -> CrossValidation:
    """A result of which only the scores count."""
    result = CrossValidation(config, repeats, "validation_accuracy", ())
    vars(result)["scores"] = tuple(scores)
    return result


@pytest.mark.parametrize(
    ("b", "better", "sentence"),
    [
        (
            [0.91, 0.92, 0.93, 0.92, 0.92],
            "b",
            "B is better by 2.0 ± 1.3 points (5 folds, corrected resampled t-test).",
        ),
        (
            [0.89, 0.88, 0.88, 0.88, 0.87],
            "a",
            "A is better by 2.0 ± 1.3 points (5 folds, corrected resampled t-test).",
        ),
        (
            [0.91, 0.90, 0.93, 0.88, 0.92],
            None,
            "A and B are not distinguishable on the same 5 folds: the difference of 0.8 ± 3.6 "
            "points may be luck (corrected resampled t-test).",
        ),
        ([0.9] * 5, None, "A and B gave the same number on every fold (5 folds)."),
    ],
)
def test_a_comparison_says_in_a_sentence_what_is_better(
    b: list[float], better: str | None, sentence: str
) -> None:
    config = with_folds(DIGITS, 5)
    found = mlcore.compare_folds(scored(config, [0.9] * 5), scored(config.replace(lr=0.2), b))
    assert (found.better, str(found)) == (better, sentence)


def test_what_cannot_be_cross_validated_or_compared_is_refused_in_a_sentence() -> None:
    class Own(Config):
        experiment = "own"

    five, ten = with_folds(DIGITS), with_folds(DIGITS, 10)
    scores = [0.9] * 5
    with pytest.raises(InputError, match=r"^a and b are not on the same folds: cross-validate "):
        mlcore.compare_folds(scored(five, scores), scored(ten, scores * 2))
    with pytest.raises(InputError, match=r"^a and b are not on the same folds"):
        mlcore.compare_folds(scored(five, scores), scored(five.replace(seed=1), scores))
    assert (
        five.replace(train_size=60_000).fold_key()
        == with_folds(mlcore.MNISTConfig(seed=1)).fold_key()
    )
    with pytest.raises(InputError, match=r"^A score is not finite: wait until each fold's run "):
        mlcore.compare_folds(scored(five, scores), scored(five, [math.nan] * 5))
    with pytest.raises(InputError, match=r"^own has no folds: a config that is cross-validated "):
        mlcore.cross_validate(Own())
    with pytest.raises(InputError, match=r"^repeats is 0, but must be a whole number from 1 to"):
        fold_configs(five, 0)
    with pytest.raises(InputError, match=r"^metric is 'loss', but no run of mnist logs it; they "):
        mlcore.cross_validate(DIGITS, metric="loss")
    with pytest.raises(ConfigError, match=r"^folds is 1, but then nothing is left to learn from"):
        mlcore.cross_validate(DIGITS, folds=1)
    with pytest.raises(ConfigError, match=r"^folds is 5, but validation_size is 100, and a run"):
        mlcore.cross_validate(DIGITS.replace(validation_size=100))


def test_a_class_with_fewer_images_than_folds_is_refused_before_a_run_is_queued(
    store: Store,
) -> None:
    with pytest.raises(ConfigError, match=r"^folds is 10, but of the class with label 5 there"):
        mlcore.cross_validate(DIGITS.replace(train_size=101), folds=10)
    with pytest.raises(ConfigError, match=r"^folds is 90, but there are 80 points, and each fold"):
        mlcore.cross_validate(LINE.replace(data="made", count=80), folds=90)
    assert store.list() == []


@pytest.mark.sqlite
@pytest.mark.usefixtures("store")
def test_compare_sees_folds_in_runs_and_judges_them_together(
    capsys: pytest.CaptureFixture[str],
) -> None:
    line, origin = (
        mlcore.cross_validate(LINE.replace(model=model), folds=3) for model in ("line", "origin")
    )
    found = mlcore.runs.compare([*origin.runs, *line.runs], metric="validation_loss")
    assert found.only_folds
    (pair,) = found.fold_comparisons
    expected = mlcore.compare_folds(origin, line)
    assert (pair.difference, pair.better) == (expected.difference, "b")
    assert pair.sentence == expected.sentence.replace("B is", "model line is")
    capsys.readouterr()
    ids = [run.id for run in found.runs]
    assert main(["compare", *ids, "--metric", "validation_loss"]) == 0
    shown = capsys.readouterr().out
    assert pair.sentence in shown
    assert "seed each" not in shown
    assert not mlcore.runs.compare(ids[:-1], metric="validation_loss").fold_comparisons


@pytest.mark.sqlite
@pytest.mark.usefixtures("store")
def test_the_command_line_gives_what_the_script_gives(capsys: pytest.CaptureFixture[str]) -> None:
    result = mlcore.cross_validate(LINE, folds=2, repeats=2)
    command = "mlcore cv regression --standardize --folds 2 --lr 0.1 --steps 300 --repeats 2"
    assert result.as_command() == command
    assert eval(result.as_python(), {"mlcore": mlcore}).scores == result.scores  # noqa: S307 - ours
    assert main(shlex.split(command)[1:]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in shown[:4]] == [run.id for run in result.runs]
    assert "repeat 2  fold 1" in shown[2]
    assert shown[4] == str(result)
    assert main(["cv", "mnist", "--preset", "linear baseline"]) == 2
    assert "folds is 5, but validation_size is 10000" in capsys.readouterr().err
