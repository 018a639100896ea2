"""Convolution: the window of the input behind each output cell, on real digits."""

import streamlit as st

from mlcore.ui import page, tasks

page.header("Convolution", "What does one cell of the output see?")

from mlcore.course.convolution import State
from mlcore.layers import pool
from mlcore.ui.common import torch_errors, torch_threads
from mlcore.ui.layers import convolution_views as views
from mlcore.ui.layers.kernel_control import kernel_control


@st.fragment(key="conv")
@torch_threads.one_thread()
def convolution() -> None:
    """The page below its header; moving a control reruns only this part."""
    controls, picture = page.columns()
    with controls:
        digit_strip = st.container()
        kernel = kernel_control()
        settings = views.controls(digit_strip)
    with picture, torch_errors.refusals():
        result = views.convolved(views.digits_of(settings), kernel, settings)
        pooled = pool(result.output, settings.pooling, settings.pool_size)
        views.window_view(result, pooled, settings)
        tasks.look("convolution", State(result))
    with picture:
        views.size_formula(len(kernel), settings)
    views.as_script(kernel, settings)


convolution()
page.explain("The formulas", "convolution", key="conv.formulas")
