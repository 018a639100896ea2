"""Samplers: what a sweep asks for is what Optuna asks for, driven directly."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mlcore
from mlcore import RegressionConfig
from mlcore.runs import Status
from mlcore.sweeps import SweepSpec, Trial, TrialRun, spec_for
from mlcore.sweeps.ranges import IntRange
from mlcore.sweeps.study import build_study, importance, propose, trial_seed

SPACE: dict[str, Any] = {
    "lr": mlcore.log_range(1e-6, 1e-3),
    "start_w": mlcore.linear_range(-1, 1),
    "steps": mlcore.int_range(10, 50, 10),
    "optimizer": ["gradient_descent", "momentum"],
}


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    yield
    optuna.logging.set_verbosity(before)


def spec(sampler: str, **more: Any) -> SweepSpec:
    return spec_for(RegressionConfig(), SPACE, sampler=sampler, **more)


def finished(number: int, params: dict[str, Any], **metrics: float) -> Trial:
    """A setting whose only run finished with these metrics."""
    return setting(number, params, Status.FINISHED, metrics)


def setting(
    number: int,
    params: dict[str, Any],
    status: Status | None,
    metrics: dict[str, float] | None = None,
    *,
    diverged: bool = False,
    attrs: dict[str, Any] | None = None,
) -> Trial:
    member = TrialRun(
        number=number,
        repeat=0,
        params=params,
        attrs=attrs or {},
        run_id=f"run{number}",
        run_key=number,
        status=status,
        own=True,
        decisions=(),
        error=None,
        diverged=diverged,
        last=metrics or {},
        done=1.0,
        elapsed=1.0,
        step=10,
        total=10,
        ensemble=None,
    )
    return Trial(number, params, (member,))


def result(params: dict[str, Any]) -> float:
    """A made-up objective with one best place."""
    away = math.log10(params["lr"]) + 4.2
    return float(away**2 + params["start_w"] ** 2 + params["steps"] / 100)


def suggested(trial: optuna.Trial) -> dict[str, Any]:
    return {
        "lr": trial.suggest_float("lr", 1e-6, 1e-3, log=True),
        "start_w": trial.suggest_float("start_w", -1, 1),
        "steps": trial.suggest_int("steps", 10, 50, step=10),
        "optimizer": trial.suggest_categorical("optimizer", ["gradient_descent", "momentum"]),
    }


@pytest.mark.parametrize(
    ("name", "direct"),
    [
        ("random", optuna.samplers.RandomSampler),
        ("tpe", optuna.samplers.TPESampler),
        ("nsga2", optuna.samplers.NSGAIISampler),
    ],
)
def test_a_sampler_asks_for_what_optuna_asks_for_directly(name: str, direct: Any) -> None:
    study = optuna.create_study(direction="minimize")
    mine = spec(name, seed=5)
    history: list[Trial] = []
    for number in range(25):
        (proposal,) = propose(mine, history, number, 1)
        study.sampler = direct(seed=trial_seed(5, number))
        trial = study.ask()
        assert proposal.params == suggested(trial)
        value = result(proposal.params)
        study.tell(trial, value)
        past = finished(number, proposal.params, loss=value)
        history.append(
            setting(
                number,
                proposal.params,
                Status.FINISHED,
                dict(past.members[0].last),
                attrs=dict(proposal.attrs),
            )
        )


def test_gp_asks_for_what_optuna_asks_for_directly() -> None:
    study = optuna.create_study(direction="minimize")
    mine = spec("gp")
    history: list[Trial] = []
    for number in range(12):
        (proposal,) = propose(mine, history, number, 1)
        study.sampler = optuna.samplers.GPSampler(seed=trial_seed(0, number))
        trial = study.ask()
        direct = suggested(trial)
        assert proposal.params == pytest.approx(direct) or proposal.params == direct
        study.tell(trial, result(direct))
        history.append(finished(number, direct, loss=result(direct)))


def test_tpe_finds_better_settings_than_chance() -> None:
    best = {}
    for name in ("random", "tpe"):
        history: list[Trial] = []
        for number in range(60):
            (proposal,) = propose(spec(name), history, number, 1)
            history.append(finished(number, proposal.params, loss=result(proposal.params)))
        best[name] = min(result(dict(one.params)) for one in history)
    assert best["tpe"] < best["random"]


def test_settings_asked_for_together_or_after_a_crash_are_the_same() -> None:
    together = [one.params for one in propose(spec("random"), [], 0, 9)]
    apart = [propose(spec("random"), [], number, 1)[0].params for number in range(9)]
    assert together == apart
    assert together != [one.params for one in propose(spec("random", seed=1), [], 0, 9)]
    assert len({params["lr"] for params in together}) == 9


def test_those_asked_for_together_differ_though_none_has_a_result_yet() -> None:
    history = [
        finished(number, one.params, loss=result(one.params))
        for number, one in enumerate(propose(spec("random"), [], 0, 12))
    ]
    rates = [one.params["lr"] for one in propose(spec("tpe"), history, 12, 6)]
    assert len(set(rates)) == 6


def test_a_study_knows_which_settings_ran_failed_or_still_run() -> None:
    params = {"lr": 1e-4, "start_w": 0.0, "steps": 10, "optimizer": "momentum"}
    history = [
        finished(0, params, loss=1.0),
        setting(1, params, Status.RUNNING),
        setting(2, params, Status.FAILED, diverged=True),
        setting(3, params, Status.STOPPED),
        setting(4, params, Status.FINISHED, {"loss": math.inf}),
        finished(5, params | {"lr": 0.5}, loss=0.0),  # outside the space of today
    ]
    states = [trial.state.name for trial in build_study(spec("tpe"), history).trials]
    assert states == ["COMPLETE", "RUNNING", "PRUNED", "FAIL", "FAIL"]


def test_a_diverged_setting_counts_as_worse_than_every_complete_one() -> None:
    """TPE keeps away from rates that diverge, which no value was ever logged for."""
    history = []
    for number, one in enumerate(propose(spec("random"), [], 0, 40)):
        high = one.params["lr"] > 1e-4
        status = Status.FAILED if high else Status.FINISHED
        history.append(setting(number, one.params, status, {"loss": 1.0}, diverged=high))
    assert any(one.members[0].diverged for one in history)
    rates = [propose(spec("tpe"), history, n, 1)[0].params["lr"] for n in range(40, 70)]
    chance = [one.params["lr"] for one in propose(spec("random"), [], 40, 30)]
    assert sum(lr > 1e-4 for lr in rates) < sum(lr > 1e-4 for lr in chance)


def test_importance_is_optunas_own() -> None:
    history = [
        finished(number, one.params, loss=result(one.params))
        for number, one in enumerate(propose(spec("random"), [], 0, 40))
    ]
    study = optuna.create_study(direction="minimize")
    for one in history:
        study.enqueue_trial(dict(one.params))
        trial = study.ask()
        suggested(trial)
        study.tell(trial, result(dict(one.params)))
    evaluator = optuna.importance.PedAnovaImportanceEvaluator()
    direct = optuna.importance.get_param_importances(study, evaluator=evaluator)
    assert importance(spec("random"), history) == pytest.approx(direct)
    assert importance(spec("random"), history[:1]) == {}


def test_conditions_leave_fields_out_as_define_by_run_does() -> None:
    mine = spec_for(
        RegressionConfig(),
        {"optimizer": ["gradient_descent", "momentum"], "momentum": mlcore.linear_range(0, 0.9)},
        sampler="random",
    )
    for one in propose(mine, [], 0, 20):
        assert ("momentum" in one.params) == (one.params["optimizer"] == "momentum")


def test_a_grid_asks_for_the_rest_of_itself() -> None:
    mine = spec_for(RegressionConfig(), {"lr": [1e-5, 1e-4], "steps": [10, 20]})
    everything = [one.params for one in propose(mine, [], 0, 99)]
    assert len(everything) == 4
    tried = [finished(0, everything[1], loss=1.0)]
    assert [one.params for one in propose(mine, tried, 1, 2)] == [everything[0], everything[2]]


_small = st.one_of(
    st.integers(1, 4).map(lambda n: list(range(1, n + 1))),
    st.integers(1, 4).map(lambda n: mlcore.int_range(1, 1 + n)),
    st.integers(1, 4).map(lambda n: mlcore.int_range(1, 1 + n, log=True)),
)


@given(
    sampler=st.sampled_from(["random", "tpe", "nsga2"]),
    steps=_small,
    optimizers=st.lists(
        st.sampled_from(["gradient_descent", "momentum", "adam"]), min_size=1, unique=True
    ),
    rates=st.lists(st.sampled_from([0.1, 0.5, 0.9]), min_size=1, unique=True),
    together=st.integers(1, 5),
    seed=st.integers(0, 99),
)
@settings(max_examples=25, deadline=None)
def test_a_small_space_is_tried_whole_and_nothing_twice(
    sampler: str, steps: Any, optimizers: list[str], rates: list[float], together: int, seed: int
) -> None:
    """Over samplers and discrete spaces with a condition; the oracle is itertools."""
    space = {"steps": steps, "optimizer": optimizers}
    if "momentum" in optimizers:
        space["momentum"] = rates
    mine = spec_for(RegressionConfig(), space, sampler=sampler, seed=seed)
    values = steps.values if isinstance(steps, IntRange) else steps
    everything = {
        (n, name, rate)
        for n, name in itertools.product(values, optimizers)
        for rate in (rates if name == "momentum" else [None])
    }
    assert mine.space.size(mine.config) == len(everything)
    history: list[Trial] = []
    while proposals := propose(mine, history, len(history), together):
        for one in proposals:
            attrs = dict(one.attrs)
            metrics = {"loss": float(len(history) % 3)}
            history.append(setting(len(history), one.params, Status.FINISHED, metrics, attrs=attrs))
    tried = [(h.params["steps"], h.params["optimizer"], h.params.get("momentum")) for h in history]
    assert len(tried) == len(everything)
    assert set(tried) == everything


def test_gp_tries_a_small_space_whole() -> None:
    mine = spec_for(RegressionConfig(), {"steps": [1, 2, 3], "lr": [1e-5, 1e-4]}, sampler="gp")
    history: list[Trial] = []
    while proposals := propose(mine, history, len(history), 1):
        history.append(finished(len(history), proposals[0].params, loss=1.0))
    assert len({(h.params["steps"], h.params["lr"]) for h in history}) == len(history) == 6


def test_one_branch_without_a_range_is_not_drawn_again_while_another_has_settings_left() -> None:
    space = {"optimizer": ["gradient_descent", "momentum"], "momentum": mlcore.linear_range(0, 0.9)}
    mine = spec_for(RegressionConfig(), space, sampler="random")
    assert mine.space.size(mine.config) is None
    drawn = [one.params["optimizer"] for one in propose(mine, [], 0, 20)]
    assert drawn.count("gradient_descent") == 1
