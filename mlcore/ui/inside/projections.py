"""The tab *Plane*: the last hidden layer of many test digits in two dimensions."""

from __future__ import annotations

import base64
import io
from typing import Final

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from mlcore.charts import palette
from mlcore.charts.inside import plane_spec
from mlcore.mnist.data.sources import DatasetName
from mlcore.ui import page, shared_digit
from mlcore.ui.common.elements import chart
from mlcore.ui.inside import evaluation, selection
from mlcore.ui.mnist import view_data
from mlcore.ui.trained_models import Moment

_PCA, _UMAP = "PCA", "UMAP"
_TOOLTIP: Final = """<style>
#vg-tooltip-element img { width: 84px; height: 84px; image-rendering: pixelated; }
</style>"""
"""Digits are sent as they are and enlarged by the browser."""


def show() -> None:
    """Draw the tab."""
    controls, picture = page.columns()
    with controls:
        chosen = selection.chosen()
        if chosen is None:
            return
        way = st.segmented_control(
            "Method",
            [_PCA, _UMAP],
            default=_PCA,
            required=True,
            help="PCA: the plane of largest variance. UMAP: neighbours stay neighbours.",
            key="inside.plane.way",
        )
        neighbours = 15
        if way == _UMAP:
            neighbours = st.select_slider(
                "Neighbours", [5, 10, 15, 30, 50], 15, key="inside.plane.neighbours"
            )
        page.prose("inside_plane")
    with picture, page.sentences():
        selection.caption_of(chosen)
        st.html(_TOOLTIP)
        if way == _PCA:
            _principal(chosen)
        else:
            _umap(chosen, neighbours)
        page.as_code(_script(chosen, way), key="inside.plane.code")


def _principal(chosen: selection.Chosen) -> None:
    plane = evaluation.plane(chosen.moment)
    own = shared_digit.own_digits()
    rows = _rows(chosen.moment, chosen.classes, plane.places)
    if own:
        pictures = np.stack([digit.pixels for digit in own])
        own_features, shares = evaluation.of_pictures(chosen.moment, pictures)
        rows = pd.concat(
            [rows, _own_rows(own, shares, plane.project(own_features), chosen.classes)],
            ignore_index=True,
        )
    share = [f"{part:.0%}" for part in plane.explained]
    chart(
        plane_spec(
            f"First principal component ({share[0]} of the variance)",
            f"Second ({share[1]})",
            f"The last hidden layer of {len(plane.places):,} {chosen.images} digits",
        ),
        rows,
        key="inside.plane.pca",
    )
    spread = plane.places.var(axis=0, ddof=0)
    features = evaluation.first_images(chosen.moment)[0].astype(np.float64)
    total = float(features.var(axis=0).sum())
    gap = float(np.abs(spread / total - plane.explained).max()) if total else 0.0
    st.caption(
        f"Variance of the points along the two axes as a share of all {len(plane.mean)} "
        f"dimensions, against the decomposition: max|Δ| = {gap:.1g}. "
        f"{'They agree.' if gap < 1e-6 else 'They differ!'}"
    )
    if not own:
        st.caption("Draw a digit on the page Draw, and it appears here among the others.")


def _umap(chosen: selection.Chosen, neighbours: int) -> None:
    try:
        places = evaluation.umap(chosen.moment, neighbours)
    except ImportError as missing:
        st.info(page.plain(str(missing)), icon=":material/extension:")
        return
    chart(
        plane_spec(
            "First UMAP axis", "Second UMAP axis", f"UMAP of {len(places):,} {chosen.images} digits"
        ),
        _rows(chosen.moment, chosen.classes, places),
        key="inside.plane.umap",
    )
    st.caption("UMAP preserves neighbourhoods; distances between far groups mean nothing.")


def _rows(moment: Moment, classes: tuple[str, ...], places: NDArray[np.float64]) -> pd.DataFrame:
    count = len(places)
    shares = evaluation.first_images(moment)[1]
    labels, guesses = evaluation.labels(moment.config)[:count], shares.argmax(axis=1)
    names = np.array(classes, dtype=object)
    colours = palette.CLASS_COLOURS
    hues = np.array([colours[label % len(colours)] for label in range(len(classes))], dtype=object)
    config = moment.config
    called = view_data.held_out_words(config)
    return pd.DataFrame(
        {
            "x": places[:, 0],
            "y": places[:, 1],
            "sign": _signs(classes)[labels],
            "colour": hues[labels],
            "class": names[labels],
            "guess": names[guesses],
            "confidence": shares.max(axis=1),
            "right": labels == guesses,
            "words": [f"{called} image no. {place:,}" for place in range(count)],
            "kind": "test",
            "image": _pictures(config.dataset, config.data_dir, view_data.held_out(config), count),
        }
    )


def _own_rows(
    own: tuple[shared_digit.SharedDigit, ...],
    shares: NDArray[np.float32],
    places: NDArray[np.float64],
    classes: tuple[str, ...],
) -> pd.DataFrame:
    guesses = shares.argmax(axis=1)
    return pd.DataFrame(
        {
            "x": places[:, 0],
            "y": places[:, 1],
            "sign": _signs(classes)[guesses],
            "colour": palette.GRADIENT,
            "class": "known to you",
            "guess": np.array(classes, dtype=object)[guesses],
            "confidence": shares.max(axis=1),
            "right": True,
            "words": [digit.words for digit in own],
            "kind": "own",
            "image": [_png(digit.pixels) for digit in own],
        }
    )


def _signs(classes: tuple[str, ...]) -> NDArray[np.object_]:
    """One character per class: its name if that is one character, else its number."""
    return np.array(
        [name if len(name) == 1 else str(place) for place, name in enumerate(classes)],
        dtype=object,
    )


@st.cache_data(max_entries=4, show_spinner=False)
def _pictures(dataset: DatasetName, folder: str, part: str, count: int) -> list[str]:
    """The first held-out images as PNG data URLs, for tooltips."""
    pictures = view_data.images(dataset, folder, part, tuple(range(count)))
    return [_png(picture) for picture in pictures]


def _png(pixels: NDArray[np.uint8]) -> str:
    from PIL import Image

    packed = io.BytesIO()
    Image.fromarray(pixels).save(packed, "PNG")
    return f"data:image/png;base64,{base64.b64encode(packed.getvalue()).decode()}"


def _script(chosen: selection.Chosen, way: str) -> str:
    lay = (
        "plane = insight.principal_plane(features)\nprint(plane.places, plane.explained)"
        if way == _PCA
        else "print(insight.umap_plane(features))"
    )
    named, held, images, _ = selection.held_in_code(chosen.config)
    return (
        "import mlcore\n"
        f"from mlcore.mnist import {named}insight, load\n\n"
        f'digits, run = load("{chosen.config.dataset}"), mlcore.get_run("{chosen.run.id}")\n'
        f"{held}model = insight.on_pixels(run.model(), digits)\n"
        f"features = insight.forward(model, {images}[:{evaluation.IN_PLANE}]).features\n"
        f"{lay}"
    )
