"""The chapters' small pictures are what the package computes today."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from mlcore.course import KEYS, pictures

NEAR = 0.02
"""Of the unit square: what single precision may add up to on another machine."""


def test_the_file_holds_what_the_chapters_compute() -> None:
    kept = pictures.read()
    made: dict[str, list[pictures.Mark]] = {}
    for mark in pictures.compute():
        made.setdefault(mark.chapter, []).append(mark)

    assert list(kept) == list(made) == list(KEYS)
    for chapter, marks in made.items():
        assert [(m.kind, m.colour) for m in kept[chapter]] == [(m.kind, m.colour) for m in marks]
        for mine, theirs in zip(kept[chapter], marks, strict=True):
            assert mine.numbers == pytest.approx(theirs.numbers, abs=NEAR), chapter


@pytest.mark.parametrize("chapter", KEYS)
def test_a_picture_stays_in_its_frame(chapter: str) -> None:
    for mark in pictures.read()[chapter]:
        low = 0.0
        numbers: Sequence[float] = mark.numbers
        if mark.kind == "cells":
            left, top, width, height, rows, columns, *numbers = mark.numbers
            assert 0 <= left < left + width <= 1.001
            assert 0 <= top < top + height <= 1.001
            assert len(numbers) == rows * columns
            low = -1.0
        assert numbers
        assert all(low <= number <= 1 for number in numbers)
