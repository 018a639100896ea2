"""CSVs as people have them: what is read, what is left out, and what is said."""

from __future__ import annotations

from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from mlcore.regression import DataError, from_table, hours_scores, least_squares, made, read_table
from mlcore.regression.data import HOURS_SCORES


def points(csv: str | bytes, x: str = "", y: str = "") -> tuple[list[float], list[float]]:
    data = from_table(read_table(csv if isinstance(csv, bytes) else csv.encode()), x, y)
    return data.x.tolist(), data.y.tolist()


@pytest.mark.parametrize(
    "csv",
    [
        "x,y\n1,2\n3,4\n",
        "x;y\n1;2\n3;4\n",
        "x\ty\n1\t2\n3\t4\n",
        "1,2\n3,4\n",
        "x, y\r\n1, 2\r\n3, 4\r\n",
        "\ufeffx,y\n1,2\n3,4",
        "name,x,y\nAnn,1,2\nBob,3,4\n",
        "x;y\n1,0;2,0\n3,0;4,0\n",
        "\n\nx,y\n1,2\n\n3,4\n",
        '"x","y"\n"1","2"\n"3","4"\n',
    ],
)
def test_separator_header_decimal_and_text_columns_are_guessed(csv: str) -> None:
    assert points(csv) == ([1.0, 3.0], [2.0, 4.0])


def test_columns_are_chosen_by_name() -> None:
    assert points("a,b,c\n1,2,3\n4,5,6\n", "c", "a") == ([3.0, 6.0], [1.0, 4.0])


def test_a_latin1_file_keeps_its_umlauts() -> None:
    table = read_table("Größe,Gewicht\n1,2\n3,4\n".encode("latin-1"))
    assert list(table.columns) == ["Größe", "Gewicht"]


@pytest.mark.parametrize(
    ("csv", "words"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("x\n1\n2\n", "one column only"),
        ("x,y\n", r"two are needed|whole row"),
        ("x,y\n1,2\n", r"Only 1 whole row"),
        ("a,b\nred,blue\ngreen,black\n", "two are needed"),
        ("x,y\n1,2\n3,4,5,6\n", "no table"),
        ("x,y\n1,\n,2\n3,\n", r"Only 0 whole row|two are needed"),
        (b"PK\x03\x04\0\0\0\0", "no text file"),
    ],
)
def test_a_file_that_is_no_use_is_refused_in_a_sentence(csv: str | bytes, words: str) -> None:
    with pytest.raises(DataError, match=words):
        points(csv)


def test_a_text_column_and_a_missing_one_are_named() -> None:
    csv = "name,x,y\nAnn,1,2\nBob,3,4\n"
    with pytest.raises(DataError, match=r"'name' holds text \(row 1 of 'name' holds 'Ann'\)"):
        points(csv, "name", "y")
    with pytest.raises(DataError, match="no column 'z'; the table has name, x, y"):
        points(csv, "z", "y")


def test_rows_with_gaps_or_text_are_left_out_and_counted() -> None:
    data = from_table(read_table(b"x,y\n1,2\n,3\nn/k,4\n5,6\n7,inf\n8,9\n"))
    assert data.x.tolist() == [1.0, 5.0, 8.0]
    assert data.notes == (
        "1 row with an empty cell was left out.",
        "2 rows without a number were left out (row 3 of 'x' holds 'n/k').",
    )


def test_two_columns_of_one_name_are_kept_apart() -> None:
    data = from_table(read_table(b"x,x,y\n1,9,2\n3,8,4\n"))
    assert data.x.tolist() == [1.0, 3.0]


@given(
    rows=st.lists(
        st.tuples(*[st.floats(-1e9, 1e9, allow_subnormal=False)] * 2), min_size=2, max_size=30
    ),
    separator=st.sampled_from(",;\t"),
)
def test_numbers_survive_the_way_through_a_csv(
    rows: list[tuple[float, float]], separator: str
) -> None:
    body = "\n".join(f"{x!r}{separator}{y!r}" for x, y in rows)
    x, y = points(f"x{separator}y\n{body}\n")
    assert list(zip(x, y, strict=True)) == rows


def test_a_million_rows_are_read_and_fitted(tmp_path: Path) -> None:
    x = np.arange(1_000_000) / 1e4
    path = tmp_path / "big.csv"
    path.write_bytes(b"x,y\n" + b"\n".join(b"%.4f,%.4f" % (v, 2 * v + 1) for v in x))
    data = from_table(read_table(path))
    assert len(data) == 1_000_000
    assert tuple(least_squares(data.x, data.y))[:2] == pytest.approx((2.0, 1.0), abs=1e-4)


def test_the_bundled_file_is_the_data_set() -> None:
    data, read = hours_scores(), from_table(read_table(HOURS_SCORES))
    assert len(data) == 100
    assert data.x.equal(read.x)
    assert data.y.equal(read.y)


def test_made_points_lie_around_their_line_and_outliers_off_it() -> None:
    clean = made(slope=2.0, intercept=1.0, noise=0.0, count=50, seed=3)
    w, b, loss = least_squares(clean.x, clean.y)
    assert (w, b) == pytest.approx((2.0, 1.0))
    assert loss < 1e-20
    tilted = made(slope=2.0, intercept=1.0, noise=0.0, outliers=5, count=50, seed=3)
    assert int((tilted.y != clean.y).sum()) == 5
    assert least_squares(tilted.x, tilted.y).w < 1.8
    with pytest.raises(DataError, match="6 outliers among 5 points"):
        made(count=5, outliers=6)


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        ([], [], "x is empty"),
        ([1.0], [1.0, 2.0], "x has 1 points and y has 2"),
        ([1.0, float("nan")], [1.0, 2.0], r"x\[1\] is nan"),
        ([1.0, 2.0], [1.0, float("inf")], r"y\[1\] is inf"),
        ([[1.0]], [1.0], "must be a vector"),
        ([1e200, 2e200], [1.0, 2.0], "too large for float64"),
    ],
)
def test_arrays_that_are_no_points_are_refused(x: list[float], y: list[float], words: str) -> None:
    with pytest.raises(DataError, match=words):
        least_squares(x, y)


def test_a_constant_x_cannot_be_standardized() -> None:
    with pytest.raises(DataError, match="Every x is 3"):
        least_squares([3.0, 3.0], [1.0, 2.0], standardize=True)
