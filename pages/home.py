"""Home: one picture of gradient descent, where to begin, the chapters, and the latest runs."""

import streamlit as st

from mlcore.ui import navigation, page, tasks

page.header("Gradient descent bench", "What does gradient descent do, and why does it work?")
tasks.read_again()

left, right = st.columns([2, 3], gap="large")
with left:
    page.prose("home")
    begin = tasks.next_chapter()
    with st.container(key="home.begin"):  # a link, not a button: see mlcore.ui.leave
        st.page_link(
            navigation.page(begin.chapter.file),
            label=begin.words,
            icon=":material/play_arrow:",
            width="stretch",
        )
    start = st.container(key="home.start")

from mlcore.mnist.config import MNISTConfig
from mlcore.ui import run_parts
from mlcore.ui.home import ball, cards, latest

with right:
    ball.show()
with start, page.sentences():
    run = run_parts.start_button(
        MNISTConfig(), "Train the course's network", key="home.start.button", primary=False
    )
    if run is not None:
        run_parts.open_on_its_page(run)
st.subheader("The course", anchor=False)
cards.show()
st.subheader("Latest runs", anchor=False)
with page.sentences():
    latest.show()
st.caption("The course's network as code:")
page.config_as_code(MNISTConfig(), key="home.code")
