"""The curve along one leaf: f, f′ and f″, with the tangent at the leaf's value."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from mlcore.autograd import Leaf, Program
from mlcore.autograd.curve import curve
from mlcore.autograd.inputs import at, element_name, elements
from mlcore.charts.autograd import curve_payload
from mlcore.ui import page
from mlcore.ui.autograd import seeds
from mlcore.ui.common.assets import asset
from mlcore.ui.common.component import component

_component = component(
    "mlcore_autograd_curve",
    html=asset("autograd/curve.html"),
    css=asset("autograd/curve.css"),
    js=asset("autograd/curve.js"),
)


def curve_view(program: Program, leaves: Mapping[str, Leaf]) -> None:
    """Choose a leaf element and draw the output along it.

    While the leaf's slider is dragged the point moves in the browser; on release the page follows.
    """
    options = {
        element_name(name, index): (name, index)
        for name, given in leaves.items()
        if given.dtype != "int64"
        for index, _ in elements(given.value)
    }
    if not options:
        st.info("A curve needs an input of a floating point dtype; choose one in Input settings.")
        return
    if st.session_state.get("along") not in options:
        st.session_state["along"] = next(iter(options))
    chosen = st.selectbox("Along", list(options), key="along", width=220)
    name, index = options[chosen]
    now = at(leaves[name].value, index)
    span = float(seeds.now("span"))
    low, high = (-span, span) if abs(now) <= span else (now - span, now + span)
    try:
        found = curve(program, leaves, name, index, low=low, high=high)
    except ValueError as error:
        st.info(page.plain(str(error)))
        return
    listens = f"leaf_{name}" if index == () else ""
    payload = curve_payload(found, program.output_name)
    _component(key="curve", data={**payload, "listens": listens})
