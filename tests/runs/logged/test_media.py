"""Images, histograms, tables and figures: read back as they were, bounded, and carried by a zip."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow

import mlcore
from mlcore.core import InputError, InputTypeError
from mlcore.runs.export import to_zip
from mlcore.runs.imports.archive import import_zip
from mlcore.runs.logged import active_run
from mlcore.runs.logged.media import (
    Figure,
    Histogram,
    Image,
    Media,
    Table,
    caption_of,
    is_png,
    table_of,
)
from mlcore.runs.store.store import Store, open_store


def pixels(image: Image) -> np.ndarray[Any, Any]:
    with Pillow.open(io.BytesIO(image.content)) as opened:
        return np.asarray(opened)


GREY = np.arange(6, dtype=np.uint8).reshape(2, 3) * 51
COLOUR = np.arange(24, dtype=np.uint8).reshape(2, 4, 3) * 10


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (GREY, GREY),
        (GREY / 255, GREY),
        (torch.from_numpy(GREY) / 255, GREY),
        (torch.from_numpy(GREY)[None], GREY),
        (GREY[..., None], GREY),
        (COLOUR, COLOUR),
        (torch.from_numpy(COLOUR).permute(2, 0, 1), COLOUR),
        (GREY > 100, (GREY > 100) * np.uint8(255)),
        (Pillow.fromarray(COLOUR), COLOUR),
        (torch.full((2, 2), 0.5, dtype=torch.bfloat16, requires_grad=True), np.full((2, 2), 128)),
    ],
)
def test_an_image_is_read_back_as_it_was(data: Any, wanted: np.ndarray[Any, Any]) -> None:
    image = Image(data, caption="größer")
    assert np.array_equal(pixels(image), wanted)
    assert caption_of(image.content) == "größer"
    assert is_png(image.content)


def test_an_image_of_a_file_is_that_image(tmp_path: Path) -> None:
    Pillow.fromarray(COLOUR).save(tmp_path / "a.png")
    assert np.array_equal(pixels(Image(tmp_path / "a.png")), COLOUR)
    (tmp_path / "b.png").write_bytes(b"no image")
    with pytest.raises(InputError, match=r"b\.png cannot be read"):
        Image(tmp_path / "b.png")


@pytest.mark.parametrize(
    ("make", "kind", "words"),
    [
        (lambda: Image(np.zeros((2, 2, 5))), InputError, r"shape \(2, 2, 5\)"),
        (lambda: Image(np.zeros((0, 3))), InputError, "shape"),
        (lambda: Image([[-1.0, 2.0]]), InputError, "values from -1 to 2"),
        (lambda: Image([[0, 300]]), InputError, "values from 0 to 300"),
        (lambda: Image(np.zeros((1, 5000))), InputError, "5,000 × 1 pixels"),
        (lambda: Image(None), InputTypeError, "None"),
        (lambda: Histogram([]), InputError, "no values"),
        (lambda: Histogram(["a"]), InputTypeError, "must be numbers"),
        (lambda: Histogram([1.0], bins=0), InputError, "bins is 0"),
        (lambda: Histogram(counts=[1], edges=[0.0, 0.0]), InputError, "rising"),
        (lambda: Histogram(counts=[1, 2], edges=[0.0, 1.0]), InputError, "2 counts and 2 edges"),
        (lambda: Histogram(counts=[1.0, 0.5], edges=[0, 1, 2]), InputError, "a count of 0.5"),
        (lambda: Histogram(counts=[-1], edges=[0, 1]), InputError, "a count of -1"),
        (lambda: Histogram(counts=[math.nan], edges=[0, 1]), InputError, "a count of nan"),
        (lambda: Table(np.zeros((2001, 1))), InputError, "2,001 rows"),
        (lambda: Table(5), InputError, "no table"),
        (lambda: Figure(5), InputTypeError, "figure is 5"),
    ],
)
def test_what_it_is_not_is_a_sentence(make: Any, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        make()


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40), st.integers(1, 20))
def test_a_histogram_is_that_of_numpy(values: list[float], bins: int) -> None:
    found = json.loads(Histogram([*values, math.nan, math.inf], bins=bins).content)
    counts, edges = np.histogram(values, bins)
    assert found["counts"] == counts.tolist()
    assert found["edges"] == edges.tolist()
    assert found["not_finite"] == 2


def test_counts_that_are_whole_are_kept_whatever_their_type() -> None:
    found = json.loads(Histogram(counts=np.array([2.0, 2.0**40, 0.0]), edges=[0, 1, 2, 3]).content)
    assert found["counts"] == [2, 2**40, 0]


def test_a_table_is_read_back_as_it_was() -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "第"], "c": [0.5, math.nan]})
    back = table_of(Table(frame).content)
    assert back["a"].tolist() == [1, 2]
    assert back["b"].tolist() == ["x", "第"]
    assert back["c"].tolist() == [0.5, "nan"]
    rows = table_of(Table([[1, 2]], columns=["p", "q"]).content)
    assert rows.to_dict("list") == {"p": [1], "q": [2]}


def test_figures_are_charts_and_whatever_saves_itself_as_png() -> None:
    chart = alt.Chart(pd.DataFrame({"x": [1]})).mark_point().encode(x="x:Q")
    assert json.loads(Figure(chart).content)["mark"]["type"] == "point"

    class Drawn:
        def savefig(self, file: io.BytesIO, **_: object) -> None:
            file.write(Image(GREY).content)

    assert is_png(Figure(Drawn()).content)


def test_they_are_kept_with_the_run_and_carried_by_a_zip(store: Store, tmp_path: Path) -> None:
    first, second = Image(GREY), Image(GREY // 2)
    with mlcore.start_run("media", store=store, strict=True) as active:
        active.log({"loss": 0.5, "digits/../第": first, "table": Table({"a": [1]})})
        active.log({"loss": 0.4, "digits/../第": second})
    run = active.read()
    assert run.media()[["name", "kind", "step"]].values.tolist() == [
        ["digits/../第", "image", 0],
        ["digits/../第", "image", 1],
        ["table", "table", 0],
    ]
    assert run.media_file("digits/../第", 1) == second.content
    assert run.metrics()["value"].tolist() == [0.5, 0.4]
    with pytest.raises(InputError, match="nothing called 'table' at step 1"):
        run.media_file("table", 1)

    other = open_store(f"sqlite:///{tmp_path / 'other.db'}")
    (there,) = import_zip(other, to_zip([run]))
    assert there.media().equals(run.media())
    assert there.media_file("digits/../第", 0) == first.content
    other.close()


@pytest.mark.sqlite
def test_no_more_than_so_many_are_kept_and_that_is_said_once(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(active_run, "MOST_MEDIA", 2)
    with mlcore.start_run("media", store=store) as active:
        for _ in range(4):
            active.log({"image": Image(GREY), "loss": 1.0})
    assert len(active.read().media()) == 2
    assert len(active.read().metrics()) == 4
    assert caplog.text.count("is not kept: 2 of a run are kept") == 1


@pytest.mark.sqlite
def test_one_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlcore.runs.logged.media.MOST_MEDIA_BYTES", 10)
    with pytest.raises(InputError, match="at most 10 are kept"):
        Image(GREY)
    assert issubclass(Image, Media)
