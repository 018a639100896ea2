"""Comparing: what differs is shown, what is equal is grouped, and luck is counted."""

from __future__ import annotations

import math
from statistics import mean, stdev

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats
from sqlalchemy import update

import mlcore
from mlcore.core import RunNotFoundError, RunStateError
from mlcore.mnist.config import MNISTConfig
from mlcore.runs import Status, compare, queue_more_seeds
from mlcore.runs.analysis.measures import parse_measure
from mlcore.runs.store.schema import runs as runs_table
from mlcore.runs.store.store import Store
from tests.runs.made import made, made_with_finals
from tests.runs.toy import ToyConfig

FAST, SLOW = ToyConfig(lr=0.1), ToyConfig(lr=0.01)
A, B = [0.900, 0.902, 0.905, 0.899, 0.904], [0.910, 0.915, 0.912, 0.908, 0.911]


def test_only_the_fields_that_differ_are_shown(store: Store) -> None:
    one = made(store, MNISTConfig(hidden=(64,), lr=0.1))
    two = made(store, MNISTConfig(hidden=(64, 32), lr=0.1, seed=1))
    three = made(store, ToyConfig(lr=0.1))
    shown = compare([one.id, two.id]).differing
    assert shown.columns.tolist() == [one.id, two.id]
    assert shown.T.to_dict("records") == [
        {"hidden": "64", "seed": 0},
        {"hidden": "64,32", "seed": 1},
    ]
    among_all = compare([one, two, three]).differing
    assert "lr" not in among_all.index
    assert list(among_all.loc["experiment"])[2] == ToyConfig.experiment
    assert list(among_all.loc["steps"]) == [None, None, 100]
    assert compare([one.id]).differing.empty


def test_what_else_could_explain_a_change_is_shown(store: Store) -> None:
    runs = [made(store, ToyConfig(seed=seed)) for seed in range(2)]
    assert compare(runs).environment.empty
    elsewhere = {"versions": '{"torch": "9.9"}', "host": "elsewhere"}
    elsewhere["environment"] = '{"data": "abc", "threads": 8}'
    _set(store, runs[1], elsewhere)
    differs = compare([run.id for run in runs]).environment
    assert {"torch", "host", "data", "threads"} <= set(differs.index)
    assert list(differs.loc["torch"]) == [runs[0].versions["torch"], "9.9"]


@pytest.mark.sqlite
@pytest.mark.usefixtures("store")
def test_a_run_keeps_what_it_ran_on() -> None:
    run = mlcore.run(MNISTConfig(train_size=256, epochs=1, hidden=(8,)))
    kept = run.environment
    assert kept["data"] == run.config.data_checksum()
    assert kept["device"] in ("cpu", "mps") or "NVIDIA" in str(kept["device"])
    assert kept["processor"]
    assert int(kept["cores"]) >= 1


def test_measures_are_those_of_pandas(store: Store) -> None:
    generator = np.random.default_rng(0)
    runs = [
        made(
            store,
            ToyConfig(seed=seed),
            {"acc": dict(zip(range(0, 40, 4), generator.uniform(0, 1, 10).tolist(), strict=True))},
        )
        for seed in range(4)
    ]
    expected: dict[str, list[float]] = {"last": [], "best": [], "area": [], "steps to 0.7": []}
    expected["time to 0.7"] = []
    for run in runs:
        curve = run.metrics(["acc"]).set_index("step")["value"]
        steps = curve.index.to_numpy("float64")
        reached = curve.index[curve >= 0.7]
        expected["last"].append(curve.iloc[-1])
        expected["best"].append(curve.max())
        expected["area"].append(np.trapezoid(curve, steps) / (steps[-1] - steps[0]))
        expected["steps to 0.7"].append(reached[0] if len(reached) else math.nan)
        expected["time to 0.7"].append(reached[0] / 10 if len(reached) else math.nan)
    for measure, values in expected.items():
        found = compare(runs, metric="acc", measure=measure).measures
        assert found.tolist() == pytest.approx(values, nan_ok=True), measure
    lowest = compare(runs, metric="acc", measure="best", goal="min").measures
    assert lowest.tolist() == [run.metrics(["acc"])["value"].min() for run in runs]


def test_a_run_that_ends_in_nan_has_no_last_value_but_a_best_one(store: Store) -> None:
    run = made(store, ToyConfig(), {"loss": {0: 3.0, 1: 1.0, 2: math.nan}})
    assert math.isnan(compare([run], metric="loss").measures[run.id])
    assert compare([run], metric="loss", measure="best").measures[run.id] == 1.0
    assert compare([run], metric="loss", measure="area").measures[run.id] == 2.0
    assert math.isnan(compare([run], metric="nothing").measures[run.id])


def test_epochs_and_samples_are_counted_as_the_run_counts_them(store: Store) -> None:
    config = MNISTConfig(train_size=100, batch_size=32, epochs=3)
    run = made(store, config, {"loss": {0: 3.0, 2: 2.0, 4: 1.5, 7: 1.0, 12: 0.5}})
    by = {
        axis: compare([run], metric="loss", axis=axis).curves["x"].tolist()
        for axis in ("step", "epoch", "samples", "time")
    }
    assert by["step"] == [0, 2, 4, 7, 12]
    assert by["epoch"] == [0, 0.5, 1, 1.75, 3], "four steps an epoch"
    assert by["samples"] == [0, 64, 100, 196, 300], "the last batch of an epoch holds four"
    assert by["time"] == [0.0, 0.2, 0.4, 0.7, 1.2]
    table = run.metrics(axes=True)
    assert table["epoch"].tolist() == by["epoch"]
    assert table["samples"].tolist() == by["samples"]
    assert compare([run], metric="loss", measure="epochs to 1.5").measures[run.id] == 1
    assert compare([run], metric="loss", measure="samples to 1.2").measures[run.id] == 196


def test_a_run_without_epochs_is_named_and_not_drawn(store: Store) -> None:
    with_epochs = made(store, MNISTConfig(), {"loss": {1: 1.0}})
    without = made(store, ToyConfig(), {"loss": {1: 1.0}})
    found = compare([with_epochs, without], metric="loss", axis="epoch")
    assert found.without_axis == [without.id]
    assert found.curves["run"].tolist() == [with_epochs.id]


def test_thinned_curves_say_so_and_keep_the_extremes(store: Store) -> None:
    values = np.random.default_rng(0).normal(0, 1, 1500)
    long = made(store, ToyConfig(), {"loss": dict(enumerate(values.tolist()))})
    short = made(store, ToyConfig(seed=1), {"loss": {0: 1.0, 5: 0.5}})
    curves = compare([long, short], metric="loss", points=100).curves
    mine = curves[curves["run"] == long.id]
    assert mine["thinned"].all()
    assert len(mine) <= 101
    assert (mine["low"].min(), mine["high"].max()) == (values.min(), values.max())
    assert not curves[curves["run"] == short.id]["thinned"].any()
    assert curves["run"].drop_duplicates().tolist() == [long.id, short.id], "in the order asked for"


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.floats(0, 1), min_size=2, max_size=6, unique=True))
@pytest.mark.sqlite
def test_a_group_is_the_mean_of_its_seeds(store: Store, finals: list[float]) -> None:
    runs = made_with_finals(store, ToyConfig(), finals)
    (group,) = compare(runs).groups
    assert (group.n, group.seeds) == (len(finals), tuple(range(len(finals))))
    assert group.mean == pytest.approx(mean(finals))
    assert group.sd == pytest.approx(stdev(finals))
    low, high = stats.t.interval(0.95, len(finals) - 1, mean(finals), stats.sem(finals))
    assert (group.low, group.high) == pytest.approx((low, high))


def test_a_contrast_is_scipys_and_says_so_in_words(store: Store) -> None:
    runs = [*made_with_finals(store, SLOW, A), *made_with_finals(store, FAST, B)]
    found = compare(runs)
    (contrast,) = found.contrasts
    theirs = stats.ttest_ind(B, A, equal_var=False)
    interval = theirs.confidence_interval(0.95)
    assert (contrast.p, contrast.df) == pytest.approx((theirs.pvalue, theirs.df))
    assert (contrast.low, contrast.high) == pytest.approx((interval.low, interval.high))
    assert contrast.difference == pytest.approx(mean(B) - mean(A))
    assert (contrast.better, contrast.more_seeds) == ("B", {})
    half = 100 * (interval.high - interval.low) / 2
    assert contrast.sentence == f"B is better by 0.92 ± {half:.2f} points (5 seeds each)."
    assert found.group_table["letter"].tolist() == ["A", "B"]
    assert found.contrast_table["sentence"].tolist() == [contrast.sentence]
    assert [group.label for group in found.groups] == ["lr 0.01", "lr 0.1"]


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("rates", "labels"),
    [
        ((0.048198760892, 0.5), ["lr 0.0482", "lr 0.5"]),
        ((0.04820001, 0.04820002), ["lr 0.04820001", "lr 0.04820002"]),
    ],
    ids=["apart", "close"],
)
def test_labels_are_rounded_where_that_leaves_them_different(
    store: Store, rates: tuple[float, ...], labels: list[str]
) -> None:
    runs = [made(store, SLOW.replace(lr=rate), {"loss": {0: 1.0}}) for rate in rates]
    assert [group.label for group in compare(runs, metric="loss").groups] == labels


def test_two_seeds_each_are_not_enough_and_more_are_queued(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLCORE_WORKERS", "0")
    slow, fast = MNISTConfig(lr=0.01), MNISTConfig(lr=0.1)
    runs = [
        *made_with_finals(store, slow, [0.90, 0.92]),
        *made_with_finals(store, fast, [0.915, 0.925]),
    ]
    found = compare(runs)
    (contrast,) = found.contrasts
    assert contrast.better is None
    lacking = contrast.more_seeds["B"]
    assert contrast.sentence == (
        f"A and B are not distinguishable with 2 seeds each: run {lacking} more of each."
    )
    queued = queue_more_seeds(found.groups[1], lacking)
    assert [run.config for run in queued] == [
        fast.replace(seed=2 + extra) for extra in range(lacking)
    ]
    assert {run.status for run in queued} == {Status.QUEUED}
    with pytest.raises(ValueError, match="n is 0"):
        queue_more_seeds(found.groups[1], 0)


def test_runs_that_do_not_count_say_why(store: Store) -> None:
    good = made_with_finals(store, ToyConfig(), [0.9, 0.8])
    twin = made(store, ToyConfig(seed=1), {"test_accuracy": {10: 0.8}})
    failed = made(store, ToyConfig(seed=2), {"test_accuracy": {10: 0.5}}, Status.FAILED)
    blank = made(store, ToyConfig(seed=3), {"loss": {10: 0.5}})
    (group,) = compare([*good, twin, failed, blank]).groups
    assert group.counted == (good[0].id, twin.id)
    assert group.left_out == {
        good[1].id: f"it repeats seed 1 of {twin.id}",
        failed.id: "it is failed",
        blank.id: "it has no test_accuracy",
    }


def test_the_baseline_is_what_others_are_held_against(store: Store) -> None:
    runs = [
        run
        for place, lr in enumerate((0.01, 0.02, 0.03, 0.04))
        for run in made_with_finals(store, ToyConfig(lr=lr), [0.5 + place / 10, 0.52 + place / 10])
    ]
    everything = compare(runs)
    assert len(everything.contrasts) == 6
    held = compare(runs, baseline=runs[2].id)
    assert [(one.a, one.b) for one in held.contrasts] == [("B", "A"), ("B", "C"), ("B", "D")]
    assert all(one.p_holm >= one.p for one in held.contrasts)
    with pytest.raises(ValueError, match="not among the runs"):
        compare(runs[:2], baseline=runs[-1].id)


def test_many_groups_are_held_against_the_best(store: Store) -> None:
    runs = [
        run
        for place in range(8)
        for run in made_with_finals(
            store, ToyConfig(lr=0.01 + place / 100), [place / 10, place / 9]
        )
    ]
    assert {one.a for one in compare(runs).contrasts} == {"H"}
    assert {one.a for one in compare(runs, goal="min").contrasts} == {"A"}


def test_sooner_is_better_when_a_target_is_timed(store: Store) -> None:
    def run(config: ToyConfig, at: int) -> mlcore.Run:
        return made(store, config, {"test_accuracy": {0: 0.1, at: 0.98, 50: 0.99}})

    slow = [run(SLOW.replace(seed=seed), 20 + seed) for seed in range(4)]
    fast = [run(FAST.replace(seed=seed), 10 + seed) for seed in range(4)]
    (contrast,) = compare([*slow, *fast], measure="time to 97%").contrasts
    assert contrast.sentence == "B is better by 1.00 ± 0.22 s (4 seeds each)."


def test_group_curves_hold_the_spread_over_seeds(store: Store) -> None:
    runs = [
        made(store, ToyConfig(seed=seed), {"loss": {0: 1.0 + seed, 10: 0.5 * seed}})
        for seed in range(3)
    ]
    table = compare(runs, metric="loss").group_curves
    assert table[["value", "low", "high", "n"]].to_numpy().tolist() == [
        [2.0, 1.0, 3.0, 3.0],
        [0.5, 0.0, 1.0, 3.0],
    ]
    assert table["sd"].tolist() == [1.0, 0.5]


@pytest.mark.sqlite
def test_a_shorter_run_of_a_group_makes_no_zigzag(store: Store) -> None:
    whole = made(store, ToyConfig(), {"loss": dict.fromkeys(range(400), 0.0)})
    begun = made(store, ToyConfig(seed=1), {"loss": dict.fromkeys(range(90), 1.0)})
    table = compare([whole, begun], metric="loss", points=100).group_curves
    assert table["n"].tolist() == sorted(table["n"].tolist(), reverse=True)
    assert set(table[table["n"] == 2]["value"]) == {0.5}
    assert table["step"].iloc[-1] == 399


def test_the_curves_of_a_comparison_are_an_altair_chart(store: Store) -> None:
    import altair as alt

    runs = [made(store, ToyConfig(seed=seed), {"loss": {0: 1.0, 5: 0.5}}) for seed in range(2)]
    chart = mlcore.charts.curves(compare(runs, metric="loss").curves)
    assert isinstance(chart, alt.LayerChart)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"measure": "mean"}, "The measure is 'mean', but must be last, best, area"),
        ({"measure": "time to soon"}, "must be last, best, area"),
        ({"axis": "days"}, "axis is 'days', but must be one of step, epoch, samples, time"),
        ({"goal": "up"}, "goal is 'up', but must be max or min"),
        ({"level": 1.5}, "level is 1.5"),
        ({"points": 1}, "points is 1"),
        ({"method": "z"}, "method is 'z'"),
    ],
)
@pytest.mark.sqlite
def test_a_choice_that_does_not_exist_is_refused(
    store: Store, options: dict[str, str], words: str
) -> None:
    run = made(store, ToyConfig())
    with pytest.raises(ValueError, match=words):
        compare([run], **options)  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.sqlite
def test_runs_that_are_not_there_are_named(store: Store) -> None:
    with pytest.raises(ValueError, match="No run was given"):
        compare([])
    with pytest.raises(RunNotFoundError, match="nope"):
        compare(["nope"])
    gone = made(store, ToyConfig()).delete()
    with pytest.raises(RunNotFoundError, match=f"{gone.id} is in the trash"):
        compare([gone.id])


@pytest.mark.sqlite
def test_seeds_of_a_config_without_one_or_from_elsewhere_are_not_queued(store: Store) -> None:
    run = made(store, ToyConfig(), {"test_accuracy": {1: 0.5}})
    _set(store, run, {"source": "zip"})
    (group,) = compare([run.id]).groups
    with pytest.raises(RunStateError, match="imported, so not trained here"):
        queue_more_seeds(group, 1)


@pytest.mark.parametrize(
    "text", ["last", "best", "area", "time to 0.97", "steps to 3", "epochs to 0.5", "samples to 2"]
)
def test_a_measure_is_read_back_from_its_text(text: str) -> None:
    assert str(parse_measure(text)) == text
    assert parse_measure(str(parse_measure(text))) == parse_measure(text)


def test_a_percentage_is_a_target_too() -> None:
    assert parse_measure("Time  to 97%") == parse_measure("time to 0.97")


@pytest.mark.sqlite
def test_tables_are_data_frames(store: Store) -> None:
    found = compare(made_with_finals(store, ToyConfig(), [0.5, 0.6]))
    for table in (found.differing, found.curves, found.group_table, found.contrast_table):
        assert isinstance(table, pd.DataFrame)
    assert isinstance(found.measures, pd.Series)


def _set(store: Store, run: mlcore.Run, values: dict[str, str]) -> None:
    """Write columns that no public call changes after the fact."""
    with store.writing() as connection:
        connection.execute(update(runs_table).where(runs_table.c.id == run.id).values(values))
