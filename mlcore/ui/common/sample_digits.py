"""The first digits of the MNIST test set, read once for all pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    import torch


@st.cache_resource(max_entries=8, show_spinner="Reading the digits…")
def digits(count: int, start: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Real test digits: normalized images float64 ``[count, 28, 28]`` and labels. Read only."""
    from mlcore.mnist import load

    data = load("mnist")
    images = data.test_images[start : start + count].double() / 255
    return (images - data.mean) / data.std, data.test_labels[start : start + count]


@st.cache_resource(max_entries=1, show_spinner="Reading the digits…")
def pixels() -> torch.Tensor:
    """The first hundred test digits, float64 ``[100, 28, 28]`` in 0 to 1."""
    from mlcore.mnist import load

    return load("mnist").test_images[:100].double() / 255


@st.cache_data(max_entries=1, show_spinner=False)
def labels() -> list[int]:
    """The classes of the images of ``pixels``."""
    from mlcore.mnist import load

    found: list[int] = load("mnist").test_labels[:100].tolist()
    return found
