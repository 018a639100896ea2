"""What is told of a sweep before it starts, against what then happens."""

import time

import pytest
from sqlalchemy import insert, update

import mlcore
from mlcore import MNISTConfig, RegressionConfig
from mlcore.runs.store.ensemble_grouping import shape_name
from mlcore.runs.store.schema import ensembles, runs
from mlcore.runs.store.store import Store
from mlcore.sweeps import Range, spec_for
from mlcore.sweeps.forecast import LOOKED_AT, forecast

BASE = RegressionConfig(standardize=True, steps=20)
RATES: dict[str, Range] = {"lr": mlcore.log_range(0.01, 1.0, 5)}


@pytest.fixture(autouse=True)
def nobody_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLCORE_WORKERS", "0")


def finished(store: Store, config: RegressionConfig, seconds: float) -> int:
    """A run written down as finished after so many seconds of work; its key."""
    run = store.submit(config)
    done = {"status": "finished", "finished": time.time(), "elapsed": seconds}
    with store.writing() as connection:
        mine = update(runs).where(runs.c.id == run.id)
        connection.execute(mine.values(**done, step=config.steps))
    return run.key


def test_an_empty_store_knows_how_many_and_not_how_long(store: Store) -> None:
    ahead = forecast(store, spec_for(BASE, RATES, seeds=3), 5)

    assert (ahead.settings, ahead.runs, ahead.cached, ahead.refused) == (5, 15, 0, 0)
    assert ahead.seconds is None
    assert "nothing is known" in ahead.basis


@pytest.mark.parametrize("sampler", ["grid", "random"])
def test_as_many_runs_are_foretold_as_are_then_queued(store: Store, sampler: str) -> None:
    for rate in (0.01, 1.0):
        finished(store, BASE.replace(lr=rate), 1.0)
    spec = spec_for(BASE, RATES, 5, sampler=sampler)

    ahead = forecast(store, spec, 5)

    sweep = mlcore.sweep(BASE, RATES, 5, sampler=sampler, wait=False)
    assert ahead.runs == len(sweep.members)
    assert ahead.cached == sweep.counts.cached


def test_runs_that_differ_in_numbers_alone_tell_the_time(store: Store) -> None:
    for rate, seconds in ((0.2, 2.0), (0.3, 3.0), (0.4, 10.0)):
        finished(store, BASE.replace(lr=rate), seconds)
    finished(store, BASE.replace(steps=500), 100.0)

    ahead = forecast(store, spec_for(BASE, RATES), 5)

    assert ahead.seconds == pytest.approx(5 * 3.0)
    assert ahead.basis == "median of 3 finished runs that differ only in numbers such as the rate"


def test_else_the_nearest_runs_do_by_their_seconds_a_step(store: Store) -> None:
    finished(store, BASE.replace(steps=500), 100.0)
    finished(store, RegressionConfig(steps=10, optimizer="adam", loss="absolute"), 7.0)

    ahead = forecast(store, spec_for(BASE, RATES), 5)

    assert ahead.seconds == pytest.approx(5 * 100.0 / 500 * 20)
    assert ahead.basis == (
        "roughly, from the time per step of 1 finished run with similar settings"
    )


def test_members_of_one_program_share_its_time(store: Store) -> None:
    shape = shape_name(BASE)
    assert shape is not None
    group = {"id": "p", "shape": shape, "members": 8, "gain": 4.0, "used": True, "measured": 1.0}
    key = finished(store, BASE.replace(lr=0.5), 6.0)  # 8 members in 6 s, at 4 times the speed
    with store.writing() as connection:
        connection.execute(insert(ensembles).values(group))
        connection.execute(update(runs).where(runs.c.key == key).values(ensemble="p"))

    ahead = forecast(store, spec_for(BASE, RATES), 5)

    alone = 6.0 * 4.0 / 8
    assert ahead.seconds == pytest.approx(5 * alone / 4.0)
    assert ahead.basis.endswith("as one program, 4.0× measured")


def test_settings_whose_values_do_not_go_together_are_counted(store: Store) -> None:
    config = MNISTConfig(model="cnn", channels=(8,), kernels=(3,))
    space = {"kernels": [(3,), (5,), (3, 3)]}

    ahead = forecast(store, spec_for(config, space), 3)

    assert (ahead.settings, ahead.refused) == (3, 1)


def test_a_sampler_that_learns_promises_no_number_of_known_runs(store: Store) -> None:
    finished(store, BASE.replace(lr=0.2), 2.0)

    ahead = forecast(store, spec_for(BASE, RATES, sampler="tpe"), 9)

    assert ahead.cached is None
    assert ahead.seconds == pytest.approx(9 * 2.0)


def test_a_large_sweep_is_judged_by_its_first_settings(store: Store) -> None:
    finished(store, BASE.replace(lr=0.2), 0.5)
    spec = spec_for(BASE, {"lr": mlcore.log_range(0.01, 1)}, sampler="random")

    ahead = forecast(store, spec, 10 * LOOKED_AT)

    assert ahead.runs == 10 * LOOKED_AT
    assert ahead.seconds == pytest.approx(10 * LOOKED_AT * 0.5)
    assert (ahead.cached, ahead.refused) == (0, 0)
