"""Notes about URL parameters that a page could not use, which Streamlit drops silently."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from mlcore.ui.plain_text import one_line, plain


@contextmanager
def notes_on_link() -> Iterator[None]:
    """Run a page inside; afterwards name values of its URL that a widget refused.

    A widget bound to the URL takes its default where the URL holds no value for it, and the
    parameter is gone. (Forms of a config say what is wrong themselves.)
    """
    before = st.query_params.to_dict()
    yield
    after = st.query_params.to_dict()
    for name, text in before.items():
        if after.get(name) == text or name not in st.session_state:
            continue
        value = st.session_state[name]
        if not means(text, value):
            given = plain(one_line(f"{name}={text}", 60))
            st.toast(
                f"{given} in this link cannot be used here. {plain(name)} is {plain(str(value))}.",
                icon=":material/link_off:",
                duration="long",
            )


def means(text: str, value: object) -> bool:
    """Whether a text of a URL stands for a widget's value, as far as can be judged."""
    if isinstance(value, bool):
        return text.strip().casefold() in (str(value).casefold(), str(int(value)))
    if isinstance(value, int | float):
        try:
            return float(text) == value
        except ValueError:
            return False
    return not isinstance(value, str) or text.casefold() == value.casefold()
