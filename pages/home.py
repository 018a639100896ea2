"""Home: what this is, one button that starts the course run, the latest runs live."""

import streamlit as st

from mlcore.ui import navigation, page

page.header("Gradient descent bench", "What does gradient descent do, and why does it work?")
left, right = page.columns()
with left:
    page.prose("home")
    start = st.container(key="home.start")
    for chapter in navigation.chapters():
        with st.container(gap="xxsmall", key=f"home.{chapter.file}"):
            st.page_link(navigation.page(chapter.file))
            st.caption(chapter.question)

from mlcore.mnist.config import MNISTConfig  # noqa: E402 - first paint, then load
from mlcore.ui import live, run_parts  # noqa: E402

with start, page.sentences():
    run = run_parts.start_button(MNISTConfig(), "Start the course's run", key="home.start.button")
    if run is not None:
        run_parts.open_on_its_page(run)
with right, page.sentences():
    st.subheader("Latest runs", anchor=False)
    live.cards(5, key="home.runs")
    page.config_as_code(MNISTConfig(), key="home.code")
