"""Many descents as one: each column is its own single run, bit for bit or nearly."""

from __future__ import annotations

from typing import Any

import pytest

import mlcore
from mlcore import RegressionConfig
from mlcore.core import Config, DivergenceError, Snapshot, SnapshotError, Step, Told
from mlcore.regression.rules import RuleName


def told(configs: list[RegressionConfig], snapshots: list[Any] | None = None) -> list[list[Told]]:
    """All that an ensemble tells, round by round."""
    ensemble = RegressionConfig.train_together(configs, snapshots or [None] * len(configs))
    return list(ensemble.rounds())


def by_member(rounds: list[list[Told]]) -> dict[int, list[Step]]:
    steps: dict[int, list[Step]] = {}
    for one in (one for round_ in rounds for one in round_):
        if one.step is not None:
            steps.setdefault(one.member, []).append(one.step)
    return steps


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"optimizer": "adam", "lr": 0.1},
        {"optimizer": "nesterov", "lr": 1e-5},
        {"loss": "huber", "standardize": True, "lr": 0.1},
        {"model": "polynomial", "degree": 3, "standardize": True, "lr": 0.01},
        {"batch_size": 7},
        {"data": "made", "batch_size": 9, "seed": 5, "lr": 1e-5},
    ],
)
def test_each_member_tells_what_its_single_run_tells(fields: dict[str, Any]) -> None:
    base = RegressionConfig(**({"steps": 60} | fields))
    configs = [base, base.replace(lr=base.lr / 3), base.replace(start_w=2.0, start_b=-1.0)]
    found = by_member(told(configs))
    for member, config in enumerate(configs):
        single = list(config.train())
        assert [step.index for step in found[member]] == [step.index for step in single]
        for ours, theirs in zip(found[member], single, strict=True):
            assert ours.metrics == pytest.approx(theirs.metrics, rel=1e-9)


def test_two_hundred_rates_in_one_call_end_where_their_runs_end() -> None:
    rates = mlcore.log_range(1e-6, 3e-4).spread(200)
    configs = [RegressionConfig(lr=lr, steps=100) for lr in rates]
    ends = [steps[-1].metrics["loss"] for _, steps in sorted(by_member(told(configs)).items())]
    for place in (0, 57, 199):
        assert ends[place] == pytest.approx(list(configs[place].train())[-1].metrics["loss"])
    assert len(ends) == 200


def test_a_member_that_diverges_leaves_the_others_alone() -> None:
    configs = [RegressionConfig(lr=lr, steps=400) for lr in (1e-4, 1.0, 2e-4)]
    rounds = told(configs)
    (error,) = [one for round_ in rounds for one in round_ if one.error is not None]
    assert error.member == 1
    with pytest.raises(DivergenceError) as single:
        list(configs[1].train())
    assert str(error.error) == str(single.value)
    found = by_member(rounds)
    assert found[1][-1].index < 400
    for member in (0, 2):
        single_end = list(configs[member].train())[-1]
        assert found[member][-1].metrics == pytest.approx(single_end.metrics, rel=1e-9)


def test_a_member_that_is_dropped_tells_no_more() -> None:
    configs = [RegressionConfig(lr=lr, steps=50) for lr in (1e-4, 1.5e-4, 2e-4)]
    ensemble = RegressionConfig.train_together(configs, [None] * 3)
    last: dict[int, int] = {}
    for round_ in ensemble.rounds():
        last |= {one.member: one.step.index for one in round_ if one.step is not None}
        if last[0] == 10:
            ensemble.drop(1)
            ensemble.drop(1)
    assert last == {0: 50, 1: 10, 2: 50}


@pytest.mark.parametrize("batch_size", [0, 7])
@pytest.mark.parametrize("optimizer", ["gradient_descent", "momentum", "adam"])
def test_it_goes_on_from_its_members_snapshots_alone_or_together(
    optimizer: RuleName, batch_size: int
) -> None:
    base = RegressionConfig(optimizer=optimizer, steps=40, batch_size=batch_size, lr=1e-5)
    configs = [base, base.replace(lr=2e-5, start_b=3.0)]
    whole = by_member(told(configs))
    half: list[Snapshot] = []
    for round_ in RegressionConfig.train_together(configs, [None, None]).rounds():
        steps = [one.step for one in round_ if one.step is not None and one.step.index == 20]
        half += [step.snapshot() for step in steps if step.snapshot is not None]
    rest = by_member(told(configs, half))
    for member, config in enumerate(configs):
        expected = whole[member][-1]
        assert rest[member][-1].metrics == expected.metrics
        alone = list(config.train(half[member]))[-1]
        assert alone.metrics == pytest.approx(expected.metrics, rel=1e-9)
        assert expected.snapshot is not None
        assert alone.snapshot is not None
        assert expected.snapshot().tensors.keys() == alone.snapshot().tensors.keys()
    with pytest.raises(SnapshotError, match="all be of the same step"):
        told(configs, [half[0], None])


def test_what_cannot_be_one_program_is_refused() -> None:
    base = RegressionConfig()
    with pytest.raises(ValueError, match="nothing but lr, start_w and start_b"):
        told([base, base.replace(steps=5)])
    assert Config.ensemble_key(base) is None
