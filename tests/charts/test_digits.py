"""Pictures of digits: tiles by hand, matrices against sums, charts against the schema."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mlcore.charts import digits


def image(value: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.full((28, 28), value, dtype=np.uint8)


def test_a_gallery_tiles_row_by_row_with_a_line_between() -> None:
    picture = digits.gallery(np.stack([image(1), image(2), image(3)]), columns=2, zoom=1)

    assert picture.shape == (2 * 29 + 1, 2 * 29 + 1)
    assert (picture[1:29, 1:29] == 1).all()
    assert (picture[1:29, 30:58] == 2).all()
    assert (picture[30:58, 1:29] == 3).all()
    frame = picture[0, 0]
    assert (picture[29] == frame).all()
    assert (picture[:, 29] == frame).all()
    assert (picture[30:58, 30:58] == frame).all()


@given(
    hnp.arrays(np.uint8, st.tuples(st.integers(1, 7), st.just(3), st.just(4))),
    st.integers(1, 5),
    st.integers(1, 3),
)
def test_every_image_is_found_again_in_its_place(
    images: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], columns: int, zoom: int
) -> None:
    picture = digits.gallery(images, columns, zoom)
    tall, wide = 3 * zoom + 1, 4 * zoom + 1
    for place, original in enumerate(images):
        top, left = place // columns * tall + 1, place % columns * wide + 1
        tile = picture[top : top + tall - 1 : zoom, left : left + wide - 1 : zoom]
        np.testing.assert_array_equal(tile, original)


def test_a_gallery_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="There are 0 images for 3 columns"):
        digits.gallery(np.zeros((0, 28, 28), dtype=np.uint8), columns=3)


def test_a_tile_stands_on_a_see_through_margin() -> None:
    tile = digits.tile(image(9), zoom=2, margin=4)

    assert tile.shape == (64, 64, 4)
    assert (tile[4:-4, 4:-4] == [9, 9, 9, 255]).all()
    assert tile[:4].sum() == tile[:, :4].sum() == tile[-4:].sum() == tile[:, -4:].sum() == 0
    assert digits.tile(image(9), zoom=1, margin=0).shape == (28, 28, 4)


def test_confusion_rows_share_out_each_true_class() -> None:
    rows = digits.confusion_rows(np.array([[8, 2], [5, 5]]), ["cat", "dog"])

    assert rows["true"].tolist() == ["cat", "cat", "dog", "dog"]
    assert rows["predicted"].tolist() == ["cat", "dog", "cat", "dog"]
    assert rows["count"].tolist() == [8, 2, 5, 5]
    assert rows["share"].tolist() == [0.8, 0.2, 0.5, 0.5]
    assert rows["right"].tolist() == [True, False, False, True]
    assert rows["strength"].tolist() == [0.8, 0.4, 1.0, 0.5]


def test_a_class_without_images_and_a_network_without_mistakes_are_drawn() -> None:
    rows = digits.confusion_rows(np.array([[3, 0], [0, 0]]), ["a", "b"])
    assert rows["share"].tolist() == [1, 0, 0, 0]
    assert rows["strength"].tolist() == [1, 0, 0, 0]


def test_pixel_rows_are_the_image() -> None:
    pixels = np.arange(6, dtype=np.uint8).reshape(2, 3)
    rows = digits.pixel_rows(pixels)
    assert rows["value"].tolist() == [0, 1, 2, 3, 4, 5]
    assert rows["row"].tolist() == [0, 0, 0, 1, 1, 1]
    assert rows["column"].tolist() == [0, 1, 2, 0, 1, 2]


def test_every_chart_is_valid_titled_and_described() -> None:
    counts = pd.DataFrame({"class": ["a", "b"], "split": ["train", "test"], "count": [3, 4]})
    confusion = digits.confusion_rows(np.array([[8, 2], [5, 5]]), ["a", "b"])
    for chart in (
        digits.class_count_chart(counts),
        digits.confusion_chart(confusion),
        digits.pixel_chart(digits.pixel_rows(image(7)), "A test image"),
    ):
        spec = chart.to_dict(validate=True)
        assert spec["title"]
        assert spec["description"]
