"""Components of this package's own JavaScript, which draw the newest data last.

Streamlit 1.67 imports a component's module anew for each data, and Chromium may settle imports of
one module out of order while it loads. So data sent in quick succession could be drawn in the wrong
order, and the older would stay. ``component`` numbers the data, and ``in_order.js`` skips what is
older than what was drawn.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final

import streamlit as st

from mlcore.ui.common.assets import asset

ORDER: Final = "mlcore_order"
"""The field of the data that ``in_order.js`` reads: a session, and the number of the data in it."""


def component(name: str, *, js: str, html: str, css: str | None = None) -> Callable[..., Any]:
    """Register a component whose module ends in ``export default inOrder(function …)``.

    Args:
        name: Unique among the components of the app.
        js: Its JavaScript.
        html: Its HTML.
        css: Its styles.

    Returns:
        What mounts it: takes ``key``, ``data`` (a mapping of JSON values, or none) and the other
        arguments of Streamlit's own.
    """
    mount = st.components.v2.component(
        name, html=html, css=css, js=asset("common/in_order.js") + js
    )

    def mounted(*, key: str, data: Mapping[str, Any] | None = None, **rest: Any) -> Any:
        if data is None:
            return mount(key=key, **rest)
        return mount(key=key, data={**data, ORDER: _order(key, data)}, **rest)

    return mounted


def _order(key: str, data: Mapping[str, Any]) -> list[Any]:
    """The session, and a number that grows whenever the data of this key change.

    Equal data keep their number, so that Streamlit does not call the module again.
    """
    session = st.session_state.setdefault(f"{ORDER}.session", secrets.token_hex(4))
    digest = hashlib.blake2b(json.dumps(data).encode(), digest_size=16).digest()
    before, number = st.session_state.get(f"{ORDER}.{key}", (b"", 0))
    if before != digest:
        number += 1
        st.session_state[f"{ORDER}.{key}"] = (digest, number)
    return [session, number]
