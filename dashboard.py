"""The dashboard: ``streamlit run dashboard.py``."""

import streamlit as st

from mlcore.ui import navigation, tasks

# An emoji, for Streamlit fetches the picture of a Material symbol from the internet at each rerun.
st.set_page_config(page_icon="📉", layout="wide")
navigation.run(end=tasks.end_of_page)
