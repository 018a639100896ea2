"""Filters: the same rows as pandas' own query, errors that name the place, and nothing is run."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore.mnist.config import MNISTConfig
from mlcore.runs.filters.parser import LONGEST, parse
from mlcore.runs.filters.tokens import FilterError, quoted
from mlcore.runs.store.run_table import run_table
from mlcore.runs.store.store import Store
from tests.runs.made import made
from tests.runs.toy import ToyConfig

numbers = st.one_of(st.none(), st.integers(-3, 3).map(float), st.floats(-1, 1))
frames = st.builds(
    lambda rows: pd.DataFrame(
        {
            "id": [f"r{i}" for i in range(len(rows))],
            "config.lr": pd.Series([row[0] for row in rows], dtype="float64"),
            "metric.loss": pd.Series([row[1] for row in rows], dtype="float64"),
            "config.optimizer": [row[2] for row in rows],
        }
    ),
    st.lists(st.tuples(numbers, numbers, st.sampled_from(["sgd", "adam"])), min_size=1, max_size=8),
)
comparisons = st.tuples(
    st.sampled_from(["lr", "loss"]),
    st.sampled_from(["<", "<=", ">", ">=", "==", "!="]),
    st.one_of(st.integers(-3, 3), st.floats(-1, 1)),
).map(lambda parts: f"{parts[0]} {parts[1]} {parts[2]!r}")
choices = st.tuples(st.sampled_from(["==", "!="]), st.sampled_from(["sgd", "adam", "rmsprop"])).map(
    lambda parts: f'optimizer {parts[0]} "{parts[1]}"'
)
expressions = st.recursive(
    st.one_of(comparisons, choices),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from([" and ", " or "]), inner).map(
            lambda parts: f"({parts[0]}{parts[1]}{parts[2]})"
        ),
        inner.map(lambda one: f"not ({one})"),
    ),
    max_leaves=6,
)


@given(frames, expressions)
def test_a_filter_keeps_the_rows_that_pandas_query_keeps(frame: pd.DataFrame, text: str) -> None:
    named = frame.rename(columns=lambda name: name.split(".")[-1])
    expected = named.query(text, engine="python")["id"].tolist()
    assert frame["id"][parse(text).mask(frame)].tolist() == expected


@given(frames, expressions)
def test_a_filter_written_out_says_the_same(frame: pd.DataFrame, text: str) -> None:
    once = parse(text)
    again = parse(str(once))
    assert again.root == once.root
    assert again.mask(frame).equals(once.mask(frame))


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("loss = nan", "n"),
        ("loss = NaN", "n"),
        ("loss != nan", "fi-"),
        ("loss in (nan, 0.5)", "nf"),
        ("not loss = nan", "fi-"),
        ("loss = 0.5", "f"),
        ("loss != 0.5", "ni-"),
        ("loss < 1", "f"),
        ("loss = inf", "i"),
        ("loss < inf", "f"),
        ("loss >= 0.5", "fi"),
        ("loss = -inf", ""),
    ],
)
def test_a_last_value_that_is_nan_is_told_from_none(store: Store, text: str, kept: str) -> None:
    values = {"n": math.nan, "f": 0.5, "i": math.inf}
    for name, value in values.items():
        made(store, ToyConfig(seed=ord(name)), {"loss": {0: 0.1, 1: value}}).edit(name=name)
    store.submit(ToyConfig(seed=1)).edit(name="-")
    table = run_table(store)
    assert set(table["name"][parse(text).mask(table)]) == set(kept)


def test_nothing_is_above_or_below_nan() -> None:
    frame = pd.DataFrame({"id": ["a"], "metric.loss": [math.nan], "nan.loss": [True]})
    with pytest.raises(FilterError, match="loss = nan"):
        parse("loss < nan").mask(frame)
    with pytest.raises(FilterError, match="No run has a field"):
        parse("nan.loss = true").mask(frame)


@given(st.text(st.characters(codec="utf-8"), max_size=60))
def test_any_text_is_read_or_refused_with_its_place(text: str) -> None:
    refused: FilterError | None = None
    try:
        filtered = parse(text)
    except FilterError as error:
        refused = error
    if refused is None:
        assert parse(str(filtered)).root == filtered.root
    else:
        assert 0 <= refused.place <= len(text)


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=30))
def test_a_quoted_text_is_one_word_to_look_for(text: str) -> None:
    frame = pd.DataFrame({"id": ["a", "b"], "note": [f"<{text}>", ""], "name": ["", ""]})
    assert parse(f"note ~ {quoted(text)}").mask(frame).tolist() == [True, False]


@pytest.fixture
def table(store: Store) -> pd.DataFrame:
    made(store, MNISTConfig(hidden=(256, 64), lr=0.01), {"test_accuracy": {5: 0.98}}).edit(
        name="big CNN", tags=["week3", "two words"]
    )
    made(store, MNISTConfig(hidden=(256,), lr=0.1, optimizer="adam"), {"test_accuracy": {5: 0.9}})
    made(store, ToyConfig(lr=0.02), {"loss": {3: 1.0}}).edit(note="kept for week3", starred=True)
    store.submit(MNISTConfig(seed=7, nesterov=True, momentum=0.5)).edit(archived=True)
    return run_table(store)


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("", [0, 1, 2, 3]),
        ("lr < 0.05", [0, 1, 3]),
        ("test_accuracy > 0.97", [3]),
        ("test accuracy > 97%", [3]),
        ("lr < 0.05 and test_accuracy > 0.97 and tag:week3 and not archived", [3]),
        ("hidden = 256,64", [0, 3]),
        ("hidden = 256", [2]),
        ("hidden != 256,64", [1, 2]),
        ("name ~ cnn", [3]),
        ("name:cnn", [3]),
        ("name !~ cnn", [0, 1, 2]),
        ("tag:week3", [3]),
        ('tag = "two words"', [3]),
        ("tag ~ week", [3]),
        ("week3", [1, 3]),
        ("week3 not starred", [3]),
        ("starred or archived", [0, 1]),
        ("optimizer in (adam, rmsprop)", [2]),
        ("lr in (0.1, 0.02)", [1, 2]),
        ("status = finished", [1, 2, 3]),
        ("status in (queued, running)", [0]),
        ("nesterov = true", [0]),
        ("nesterov = false", [2, 3]),
        ("seed = 7", [0]),
        ("test_accuracy != 0.98", [0, 1, 2]),
        ("cnn lr = 0.01", [3]),
        ("experiment = mnist and not (lr > 0.05)", [0, 3]),
        ("created > 2020-01-01", [0, 1, 2, 3]),
        ("created < 2020-01-01", []),
        ("steps = 100", [1]),
        ("“big CNN”", [3]),
    ],
)
def test_the_language_says_what_it_seems_to_say(
    table: pd.DataFrame, text: str, kept: list[int]
) -> None:
    assert parse(text).mask(table).to_numpy().nonzero()[0].tolist() == kept


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("text", "sentence", "place"),
    [
        ("lr <", "A value is missing here", 4),
        ("(lr < 1", "The ( here lacks its )", 0),
        ("lr < 1)", "')' closes or joins nothing here", 6),
        ("and lr < 1", "A field, a word to look for, not or ( is missing here", 0),
        ("lr < 1 or", "is missing here", 9),
        ('name ~ "cnn', 'lacks its closing "', 7),
        ("lr < fast", "'fast' is no number, which < needs", 5),
        ("optimizer < 3", "optimizer is text, so < has no meaning", 0),
        ("lr = 1,2", "lr is one number, so it cannot equal a list", 7),
        ("lrr < 1", "No run has a field 'lrr'. Did you mean lr?", 0),
        ("status = asleep", "'asleep' is no status of a run; they are queued, running", 9),
        ("created > soon", "'soon' is no date", 10),
        ("lr in 0.1", "in needs values in brackets", 6),
        ("lr ! 1", "'!' begins nothing", 3),
        ("(" * 41 + "a" + ")" * 41, "More than 40 brackets are open", 41),
        ("x" * (LONGEST + 1), "10,001 characters, but at most 10,000 are allowed", LONGEST),
    ],
)
def test_an_error_names_the_place_and_what_may_stand_there(
    table: pd.DataFrame, text: str, sentence: str, place: int
) -> None:
    with pytest.raises(FilterError) as caught:
        parse(text).mask(table)
    assert sentence in str(caught.value)
    assert caught.value.place == place
    assert len(str(caught.value)) < 700


@pytest.mark.sqlite
def test_an_empty_store_fits_every_filter(store: Store) -> None:
    assert parse("test_accuracy > 0.5 and whatever").mask(run_table(store)).tolist() == []


MEETING = {
    "Loss": 10.0,
    "loss": 1.0,
    "val loss": 2.0,
    "val_loss": 3.0,
    "val.loss": 4.0,
    "top-5": 5.0,
    "top_5": 6.0,
    "test/acc@1": 7.0,
    "test/acc#1": 8.0,
}


@pytest.mark.sqlite
@pytest.mark.parametrize("name", MEETING)
@pytest.mark.parametrize("written", ["{}", '"{}"', "metric.{}"])
def test_every_metric_is_reached_by_its_exact_name(store: Store, name: str, written: str) -> None:
    made(store, ToyConfig(), {metric: {0: value} for metric, value in MEETING.items()})
    field = written.format(name)
    frame = run_table(store)
    assert parse(f"{field} = {MEETING[name]}").mask(frame).tolist() == [True]
    assert parse(f"{field} = {MEETING[name] + 0.5}").mask(frame).tolist() == [False]


@pytest.mark.sqlite
def test_a_name_that_is_not_exact_must_be_clear(store: Store) -> None:
    made(store, ToyConfig(), {"Loss": {0: 1.0}, "loss": {0: 2.0}, "Test-Acc": {0: 3.0}})
    frame = run_table(store)
    for spelt in ("test_acc", "TEST ACC", "test-acc"):
        assert parse(f"{spelt} = 3").mask(frame).tolist() == [True]
    with pytest.raises(FilterError, match="'LOSS' may be Loss or loss; write the one"):
        parse("LOSS = 1").mask(frame)
