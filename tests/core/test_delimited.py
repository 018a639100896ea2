"""Tables as people save them: each is read as it was meant, with a word on what was guessed."""

from __future__ import annotations

import gzip
import importlib.resources
import io
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given

from mlcore.core.delimited import Delimited, DelimitedError, read_delimited

TABLES = Path(__file__).parent / "tables"
CHINESE = ["学习时间", "成绩"]


def read(text: str | bytes) -> Delimited:
    return read_delimited(text if isinstance(text, bytes) else text.encode())


def columns(found: Delimited) -> dict[str, list[object]]:
    return {str(name): found.table[name].tolist() for name in found.table.columns}


@pytest.mark.parametrize(
    ("name", "wanted", "told"),
    [
        ("c.tsv", [[1.5, 2.5, 3.5], [20.25, 30.75, 41.0]], ["tabs", "decimal", "numbered"]),
        ("d.tsv", {"Stunden": [1.5, 2.5, 3.5], "Punkte": [20.25, 30.75, 41.0]}, ["tabs"]),
        ("g.csv", {"x": [1.5, 2.5, 3.5], "y": [1200.5, 2300.75, 3400.25]}, ["point separates"]),
        ("h.csv", {"x": [1, 2, 3], "y": [1200, 2300, 3400]}, ["'1,200' was read as 1200"]),
        ("i.csv", {"x": [1, 2, 3, 4], "y": [900, 1200, 1400, 700]}, ["'1,200' was read as 1200"]),
        ("j.csv", dict(zip(CHINESE, [[1.5, 2.5, 3.5], [20, 30, 41]], strict=True)), ["full-width"]),
        ("k.csv", dict(zip(CHINESE, [[1.5, 2.5, 3.5], [20, 30, 41]], strict=True)), ["GB18030"]),
        ("l.csv", {"x": [1.5, 2.5, 3.5], "y": [20, 30, 41]}, ["semicolons", "decimal mark in 'x'"]),
    ],
)
def test_a_table_is_read_as_it_was_meant_and_every_guess_is_told(
    name: str, wanted: dict[str, list[float]] | list[list[float]], told: list[str]
) -> None:
    found = read((TABLES / f"table_{name}").read_bytes())
    if isinstance(wanted, list):
        wanted = {f"column {i + 1}": column for i, column in enumerate(wanted)}
    assert columns(found) == wanted
    for words in told:
        assert words in " ".join(found.notes)


@pytest.mark.parametrize("name", ["e", "f"])
def test_a_date_is_named_as_no_number_beside_decimal_commas(name: str) -> None:
    found = read((TABLES / f"table_{name}.csv").read_bytes())
    date, hours, points = found.table.columns
    assert (date, hours, points) == (
        ("Datum", "Stunden", "Punkte") if name == "e" else ("column 1", "column 2", "column 3")
    )
    assert found.kinds == ("dates", "numbers", "numbers")
    assert found.table[hours].tolist()[:3] == [1.5, 2.5, 3.5]
    assert found.table[points].tolist()[:3] == [20.25, 30.75, 41.0]
    assert f"{date!r} holds dates, not numbers." in found.notes


def test_a_plain_table_needs_no_word() -> None:
    assert read("x,y\n1,2\n3,4.5\n").notes == ()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("x\ty\n1\t1,200\n2\t1,5\n", [1.2, 1.5]),  # the column knows: a comma before one digit
        ("a;x;y\n1;0,5;1.200\n2;1,5;2.300\n", [1200, 2300]),  # and so do the others
        ("x;y\n1;1,200\n2;2,300\n", [1.2, 2.3]),
        ("x\ty\n1\t900\n2\t1,200\n", [900, 1200]),
        ("x,y\n1,0.500\n2,1.200\n", [0.5, 1.2]),
        ("x,y\n1,-5\n2,\u22122\n", [-5, -2]),
        ("x;y\n1;1 200,5\n2;12 345 678\n", [1200.5, 12345678]),
        ("x;y\n1;1'200.5\n2;3'400\n", [1200.5, 3400]),
        ('x,y\n1,"1,00,000"\n2,"12,34,567.5"\n', [100000, 1234567.5]),
        ("x;y\n1;1,5e3\n2;2e-1\n", [1500, 0.2]),
        ("x,y\n1,true\n2,False\n", [1, 0]),
        ("x，y\n１，２．５\n3，4\n", [2.5, 4]),
    ],
)
def test_marks_are_judged_by_the_column_then_the_others_then_the_separator(
    text: str, wanted: list[float]
) -> None:
    assert read(text).table.iloc[:, -1].tolist() == wanted


def test_a_cell_in_another_style_than_its_column_is_no_number() -> None:
    found = read("x;y\n1;1,5\n2;2,5\n3;0.500\n4;3,5\n")
    assert found.table["y"].tolist() == [1.5, 2.5, "0.500", 3.5]


@pytest.mark.parametrize(
    ("codec", "word"),
    [
        ("utf-8", ""),
        ("utf-8-sig", ""),
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16"),
        ("utf-16-be", "UTF-16"),
        ("utf-32", "UTF-32"),
        ("cp1252", "Windows-1252"),
    ],
)
def test_the_encoding_is_found_and_told_where_it_was_guessed(codec: str, word: str) -> None:
    found = read("Größe,Maß\n1,2\n3,4\n".encode(codec))
    assert list(found.table.columns) == ["Größe", "Maß"]
    assert word in " ".join(found.notes)
    assert bool(found.notes) == bool(word)


def test_chinese_names_survive_whatever_stands_between_them() -> None:
    text = "城市（市辖区）,平均气温,rain mm\n1,2,3\n4,5,6\n"
    assert list(read(text.encode("gb18030")).table.columns) == text.split("\n")[0].split(",")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("name,1990,1991\nA,1,2\nB,3,4\n", ["name", "1990", "1991"]),
        ("Ann,1,2\nBob,3,4\n", ["column 1", "column 2", "column 3"]),
        ("01.02.2024;1,5\n02.02.2024;2,5\n", ["column 1", "column 2"]),
        ("x,x,\n1,2,3\n", ["x", "x.1", "column 3"]),
        ("x,y,\n1,2\n3,4\n", ["x", "y"]),
        ('"x" "y"\n"a" 1 2\n"b" 3 4\n', ["row", "x", "y"]),
    ],
)
def test_a_first_line_is_names_or_values(text: str, names: list[str]) -> None:
    assert list(read(text).table.columns) == names


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "is empty"),
        (b"sep=;\n", "is empty"),
        (b"x,y\n1,5,20,25\n2,5,30,75\n", "names 2 columns, the next line has 4 cells"),
        (b"x,y\n1,5,20\n2,5,30\n", "A decimal comma between commas"),
        (b"x,y\n1,2\n3,4,5,6\n", "no table"),
        (b"PK\x03\x04\0\0\0\0", "no text file"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "no text file"),
    ],
)
def test_what_cannot_be_read_for_sure_is_refused(text: bytes, words: str) -> None:
    with pytest.raises(DelimitedError, match=words):
        read(text)


@given(st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_a_table_or_a_sentence(raw: bytes) -> None:
    try:
        found = read(raw)
    except DelimitedError:
        return
    assert len(found.kinds) == found.table.shape[1]


@given(
    rows=st.lists(
        st.tuples(*[st.integers(-(10**9), 10**9).map(lambda n: n / 100)] * 2),
        min_size=2,
        max_size=20,
    ),
    style=st.sampled_from([(",", "."), (";", ","), ("\t", ","), ("\t", "."), ("|", ",")]),
    grouped=st.booleans(),
)
def test_numbers_survive_in_each_style(
    rows: list[tuple[float, float]], style: tuple[str, str], grouped: bool
) -> None:
    separator, decimal = style
    turned = str.maketrans(",.", ".,") if decimal == "," else str.maketrans("", "")

    def written(value: float) -> str:
        text = f"{value:,.2f}" if grouped else f"{value:.2f}"
        return f'"{text.translate(turned)}"'

    lines = [separator.join(map(written, row)) for row in rows]
    found = read("\n".join([separator.join("xy"), *lines]))
    assert list(found.table.itertuples(index=False, name=None)) == rows


def shipped() -> list[str]:
    folder = importlib.resources.files("sklearn.datasets.data")
    return sorted(f.name for f in folder.iterdir() if f.name.endswith((".csv", ".csv.gz")))


@pytest.mark.parametrize("name", shipped())
def test_scikit_learns_own_tables_give_the_numbers_that_numpy_reads(name: str) -> None:
    raw = (importlib.resources.files("sklearn.datasets.data") / name).read_bytes()
    raw = gzip.decompress(raw) if name.endswith(".gz") else raw
    numbered = name.endswith(".gz")  # those have no line above their numbers
    comma = b"," in raw.split(b"\n")[1]
    wanted = np.loadtxt(
        io.BytesIO(raw), delimiter="," if comma else None, skiprows=0 if numbered else 1, ndmin=2
    )
    found = read(raw)
    np.testing.assert_array_equal(found.table.to_numpy(np.float64), wanted)


def test_the_table_of_a_data_frame_comes_back() -> None:
    frame = pd.DataFrame({"when": [1.7e9, 1.7e9 + 60, 1.7e9 + 120], "load": [0.5, 0.25, 0.125]})
    found = read(frame.to_csv(index=False))
    pd.testing.assert_frame_equal(found.table, frame)
    assert found.notes == ()
