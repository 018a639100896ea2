"""A descent as an experiment: steps, snapshots, the cache key, and the tasks checked on it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

import mlcore
from mlcore import RegressionConfig
from mlcore.core import ConfigError, DataUnavailableError, DivergenceError, Snapshot, SnapshotError
from mlcore.regression import (
    TASKS,
    Attempt,
    descend_on,
    hours_scores,
    judge,
    load,
    problem_of,
    rule_of,
    solve,
)
from mlcore.regression.rules import RULE_NAMES, RuleName
from mlcore.runs.store.store import Store


def test_the_config_loads_neither_torch_nor_pandas() -> None:
    code = (
        "import sys, mlcore, mlcore.regression; mlcore.RegressionConfig().as_command(); "
        "print({'torch', 'pandas', 'altair', 'streamlit', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_defaults_are_the_course_run() -> None:
    *_, last = RegressionConfig().train()
    shown = {name: round(value, 4) for name, value in last.metrics.items()}
    assert shown == {"loss": 112.6148, "w": 1.4777, "b": 0.0889}


@pytest.mark.parametrize("name", RULE_NAMES)
def test_a_run_that_goes_on_from_a_snapshot_is_bit_for_bit_the_uninterrupted_one(
    name: RuleName,
) -> None:
    config = RegressionConfig(
        optimizer=name, lr=1e-3, batch_size=7, steps=60, standardize=True, seed=5
    )
    whole = list(config.train())
    part = next(step for step in config.train() if step.index == 23)
    assert part.snapshot is not None
    rest = list(config.train(part.snapshot()))
    assert [s.index for s in rest] == list(range(24, 61))
    assert [s.metrics for s in rest] == [s.metrics for s in whole[24:]]


def test_long_runs_report_about_a_thousand_times() -> None:
    steps = list(RegressionConfig(steps=7001).train())
    assert len(steps) <= 1002
    assert (steps[0].index, steps[-1].index, steps[-1].done) == (0, 7001, 7001)


def test_a_divergent_run_fails_in_a_sentence_that_names_the_step() -> None:
    with pytest.raises(DivergenceError, match=r"at step \d+ or shortly before.*0\.01"):
        list(RegressionConfig(lr=0.01).train())


def test_a_snapshot_of_something_else_is_refused() -> None:
    with pytest.raises(SnapshotError, match="belongs to another experiment"):
        next(iter(RegressionConfig().train(Snapshot({"model.weight": torch.zeros(1)}))))


def test_the_cache_key_follows_the_content_of_a_csv(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("x,y\n1,2\n2,4\n3,7\n")
    config = RegressionConfig(data=str(path), steps=5, lr=0.01)
    before = config.fingerprint()
    assert len(load(config)) == 3
    assert [*config.train()][-1].metrics["w"] > 0.5
    path.write_text("x,y\n1,2\n2,4\n3,8\n")
    assert config.fingerprint() != before
    path.unlink()
    with pytest.raises(DataUnavailableError, match="There is no file"):
        config.fingerprint()


def test_a_run_is_recorded_cached_and_gives_its_model_back(store: Store) -> None:
    config = RegressionConfig(steps=50, standardize=True, lr=0.03, model="polynomial", degree=3)
    run = mlcore.run(config, progress=False)
    assert run.latest()["loss"] < 1000
    assert len(run.metrics(["loss"])) == 51
    model, data = run.model(), hours_scores()
    loss = ((model(data.x) - data.y) ** 2).mean()
    assert float(loss.detach()) == pytest.approx(run.latest()["loss"], rel=1e-12)
    assert mlcore.run(config, progress=False).cached
    assert len(store.list(experiment="regression")) == 1


def test_a_field_out_of_bounds_is_named() -> None:
    with pytest.raises(ConfigError, match=r"lr is 0\.0, but must be a number above 0"):
        RegressionConfig(lr=0.0)
    with pytest.raises(ConfigError, match=r"optimizer is .sgd., but must be one of"):
        RegressionConfig(optimizer="sgd")  # type: ignore[arg-type]  # wrong on purpose


def attempt(config: RegressionConfig, *, untouched: bool = True) -> Attempt:
    problem = problem_of(config)
    path = descend_on(
        problem,
        lr=config.lr,
        steps=config.steps,
        optimizer=rule_of(config),
        start=config.start(),
        batch_size=config.batch_size or None,
    )
    return Attempt(
        config=config,
        path=path,
        verdict=judge(problem, optimizer=rule_of(config), batch_size=config.batch_size or None),
        fit=solve(problem),
        untouched=untouched,
        true_slope=config.slope if config.data == "made" else None,
        slope=float(path.w[-1]) / problem.scaling.deviation,
    )


SOLUTIONS = {
    "quick": RegressionConfig(steps=10, lr=1.5e-4),
    "largest": RegressionConfig(lr=3.9e-4),
    "one-step": RegressionConfig(standardize=True, lr=0.5, steps=3),
    "valley": RegressionConfig(optimizer="momentum", momentum=0.984554, lr=7.9e-4, steps=1000),
    "outliers": RegressionConfig(
        data="made", outliers=10, loss="absolute", standardize=True, lr=1.0, steps=1000
    ),
}


@pytest.mark.parametrize("task", TASKS, ids=lambda task: str(task.key))
def test_each_task_can_be_solved_and_not_by_the_defaults(task: object) -> None:
    found = next(t for t in TASKS if t is task)
    solved = found.check(attempt(SOLUTIONS[found.key]))
    assert solved.solved, solved.text
    assert not found.check(attempt(RegressionConfig())).solved


@pytest.mark.parametrize("task", TASKS, ids=lambda task: str(task.key))
def test_no_task_is_solved_by_editing_the_points_or_by_another_model(task: object) -> None:
    found = next(t for t in TASKS if t is task)
    solution = SOLUTIONS[found.key]
    if found.key != "largest":  # whose goal holds on any data
        assert not found.check(attempt(solution, untouched=False)).solved
    wrong = solution.replace(optimizer="adam", lr=1e-7)
    assert not found.check(attempt(wrong)).solved
