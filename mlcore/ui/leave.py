"""Switches to another page from code, also while fragments poll.

``st.switch_page`` changes the page on the server. Until the browser hears of it, timers of
``st.fragment(run_every=…)`` go on sending requests for the old page. Streamlit 1.67 runs such a
request after the new page, finds no fragment for it, and tells the browser that the old page is
back, without any content: the screen stays empty. A link stops the timers before it requests its
page. So pages with fragments that poll offer ``st.page_link``, and where a click has something to
do first, ``leave_for`` lets the browser follow a link afterwards.
"""

from collections.abc import Mapping
from typing import Final, NoReturn

import streamlit as st

from mlcore.ui import navigation
from mlcore.ui.common.assets import asset
from mlcore.ui.common.component import component

KEY: Final = "leave"
"""Key of the link's container; ``leave.js`` looks for it."""

_follow: Final = component(
    "mlcore.leave",
    html="<span></span>",
    js=asset("leave.js"),
)


def leave_for(file: str, query_params: Mapping[str, str]) -> NoReturn:
    """End this script run and open another page in the browser.

    Args:
        file: The page, as ``mlcore.ui.navigation.page`` takes it.
        query_params: Of the page's URL.
    """
    with st.container(key=KEY):
        st.page_link(navigation.page(file), query_params=dict(query_params))
    _follow(key=f"{KEY}.follow")
    st.stop()
