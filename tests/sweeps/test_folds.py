"""A sweep whose trials are cross-validated: each is judged by the mean over its folds."""

from __future__ import annotations

import shlex

import pytest

import mlcore
from mlcore.cli.main import main
from mlcore.core import ConfigError, InputError
from mlcore.sweeps.spec import SweepSpec, spec_for

CONFIG = mlcore.RegressionConfig(standardize=True, steps=20, folds=3)
RATES = [0.02, 0.1]


@pytest.mark.usefixtures("store")
def test_a_trial_is_the_mean_over_its_folds_and_shares_their_runs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    sweep = mlcore.sweep(CONFIG, {"lr": RATES}, cross_validate=True)
    assert sweep.counts.done == sweep.counts.total == 6
    assert [one.metric for one in sweep.objectives] == ["validation_loss"]
    for trial, lr in zip(sweep.tried, RATES, strict=True):
        result = mlcore.cross_validate(CONFIG.replace(lr=lr))
        assert [member.run_id for member in trial.members] == [run.id for run in result.runs]
        assert trial.values(sweep.objectives) == pytest.approx((result.mean,))
    assert sweep.best is not None
    assert sweep.best.config == CONFIG.replace(lr=0.1)
    table = sweep.frame()
    assert table["fold"].tolist() == [1, 2, 3, 1, 2, 3]
    assert table["seed"].tolist() == [0] * 6

    again = eval(sweep.as_python(), {"mlcore": mlcore})  # noqa: S307 - our own
    assert again.id == sweep.id
    assert main(shlex.split(sweep.as_command())[1:]) == 0
    assert sweep.id in capsys.readouterr().out


def test_seeds_and_folds_multiply_and_a_sweep_without_folds_is_stored_as_before() -> None:
    spec = spec_for(CONFIG, {"lr": RATES}, seeds=2, cross_validate=True)
    assert SweepSpec.from_json(spec.to_json()) == spec
    runs = [spec.run_config({"lr": 0.1}, repeat) for repeat in range(spec.repeats)]
    assert [(run.seed, run.fold) for run in runs] == [  # type: ignore[attr-defined]
        (seed, fold) for seed in (0, 1) for fold in (1, 2, 3)
    ]
    plain = spec_for(CONFIG, {"lr": RATES}, seeds=2)
    assert '"cv"' not in plain.to_json()
    assert plain.repeats == 2
    assert spec_for(CONFIG.replace(folds=0), {"lr": RATES}, cross_validate=True).repeats == 5


def test_folds_that_cannot_be_are_refused_in_a_sentence() -> None:
    with pytest.raises(InputError, match=r"^Folds are swept themselves, so cross_validate must "):
        spec_for(CONFIG, {"fold": [1, 2]}, cross_validate=True)
    with pytest.raises(ConfigError, match=r"^folds is 99, but there are 50 points, and each fold"):
        spec_for(
            CONFIG.replace(folds=99, data="made", count=50), {"lr": RATES}, cross_validate=True
        )
