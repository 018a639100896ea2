"""The tab *Data*: the images the network trains on."""

from typing import get_args

import streamlit as st

from mlcore.charts import digits as charts
from mlcore.mnist.data.sources import FOLDER, SOURCES, DatasetName
from mlcore.ui import form, page
from mlcore.ui.mnist import view_data
from mlcore.ui.mnist.selection import FORM, MNISTConfig

_ALL = "all classes"
_COLUMNS = 16


def show() -> None:
    """Draw the tab."""
    config = form.config_of(MNISTConfig, key=FORM) or MNISTConfig()
    controls, picture = page.columns()
    with controls, page.sentences():
        dataset, folder = _dataset(config)
        classes = view_data.classes(dataset, folder)
        split = st.segmented_control(
            "Images",
            ["train", "test"],
            default="train",
            required=True,
            help="The network trains on the training images and is evaluated on the test images.",
            key="mnist.data.split",
        )
        chosen = st.selectbox("Class", [_ALL, *classes], key="mnist.data.class")
        page.prose("mnist_data")
        with picture:
            _counts(dataset, folder)
            places = _gallery(dataset, folder, split, chosen, classes)
            _means(dataset, folder, split, classes)
            _numbers(dataset, folder, split, places)


def _dataset(config: MNISTConfig) -> tuple[DatasetName, str]:
    mine = config.dataset == FOLDER
    names = [name for name in get_args(DatasetName) if name != FOLDER or mine]
    dataset: DatasetName = st.selectbox(
        "Data set",
        names,
        index=names.index(config.dataset),
        format_func=lambda name: SOURCES[name].title if name in SOURCES else config.data_dir,
        key="mnist.data.dataset",
    )
    return dataset, config.data_dir if dataset == FOLDER else ""


def _counts(dataset: DatasetName, folder: str) -> None:
    counts = view_data.counts(dataset, folder)
    st.altair_chart(charts.class_count_chart(counts), key="mnist.data.counts")
    totals = counts.groupby("split")["count"].agg(["sum", "min", "max"])
    train, test = totals.loc["train"], totals.loc["test"]
    st.caption(
        f"{train['sum']:,} training images, {train['min']:,} to {train['max']:,} per class; "
        f"{test['sum']:,} test images, {test['min']:,} to {test['max']:,} per class."
    )


def _gallery(
    dataset: DatasetName, folder: str, split: str, chosen: str, classes: tuple[str, ...]
) -> list[int]:
    if chosen == _ALL:
        each = [view_data.of_class(dataset, folder, split, label) for label in range(len(classes))]
        places = [int(place) for row in each for place in row[:_COLUMNS]]
        text = (
            f"The first {_COLUMNS} {split} images of each class, one class per row: "
            + ", ".join(classes)
        )
    else:
        found = view_data.of_class(dataset, folder, split, classes.index(chosen))
        places = [int(place) for place in found[: view_data.GALLERY]]
        text = f"The first {len(places)} of {len(found):,} {split} images of class {chosen}"
    if places:
        picture = charts.gallery(view_data.images(dataset, folder, split, tuple(places)), _COLUMNS)
        st.markdown("**Gallery**")
        st.image(picture, caption=page.plain(text), width="stretch", alt=text)
    return places


def _means(dataset: DatasetName, folder: str, split: str, classes: tuple[str, ...]) -> None:
    st.markdown("**Mean image of each class**")
    columns = min(len(classes), 10)
    picture = charts.gallery(view_data.means(dataset, folder, split), columns, zoom=3)
    text = f"The pixel-wise mean of all {split} images of each class, in order: " + ", ".join(
        classes
    )
    st.image(picture, caption=page.plain(text), width="stretch", alt=text)


def _numbers(dataset: DatasetName, folder: str, split: str, places: list[int]) -> None:
    if not places:
        return
    place = st.select_slider(
        "Image of the gallery",
        places,
        format_func=lambda place: f"no. {place:,}",
        help="Its position in the file, counted from 0.",
        key="mnist.data.place",
    )
    image = view_data.images(dataset, folder, split, (place,))[0]
    name = (
        f"{split} image no. {place:,}, a {view_data.labels(dataset, folder, split, (place,))[0]},"
    )
    st.altair_chart(
        charts.pixel_chart(charts.pixel_rows(image), name[0].upper() + name[1:], page.ink()),
        key="mnist.data.numbers",
    )
    st.caption("0, left empty here, is the background; 255 is full ink.")
